#include "log_options.h"

const char *const log_options_levels[] = {"debug", "info", "warn", "error", NULL};
const char *const log_options_formats[] = {"auto", "logfmt", "json", NULL};

_Static_assert(LOG_LEVEL_DEBUG == 0 && LOG_LEVEL_ERROR == 3, "order of log_options_levels");
_Static_assert(LOG_FORMAT_AUTO == 0 && LOG_FORMAT_LOGFMT == 1 && LOG_FORMAT_JSON == 2, "order of log_options_formats");
