#include "producer_work.h"

#include "intake.h"

#include <stdio.h>

struct reject producer_work_reject(const struct producer_work *work, struct publish_position start,
                                   const struct rule_violation *violation)
{
    return (struct reject){
        .input = work->input,
        .line = start.line,
        .offset = start.offset,
        .rule = violation->rule,
        .pointer = violation->pointer,
        .message = violation->message,
    };
}

void producer_work_rejected(struct producer_work *work, struct publish_position start, const char *rule)
{
    producer_counts_rejected(work->counts, rule);
    work->last_reject = start;
    snprintf(work->last_rule, sizeof(work->last_rule), "%s", rule);
}

enum status producer_work_reject_line(struct producer_work *work, struct publish_position start, struct bytes_view line,
                                      const struct rule_violation *violation, struct error *ret_error)
{
    const struct reject reject = producer_work_reject(work, start, violation);
    enum status status = rejects_file_write(work->rejects, &reject, line, intake_is_text(line), ret_error);
    if (status == STATUS_OK) {
        producer_work_rejected(work, start, violation->rule);
    }
    return status;
}
