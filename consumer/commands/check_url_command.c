#include "check_url_command.h"

#include "bytes.h"
#include "command_frame.h"
#include "url_verdict.h"

#include <stdio.h>

static const char name[] = "check-url";

static const char help[] =
    "incident-consumer check-url says whether URLs may be called, and by which rule. It looks names up (which asks "
    "the\n"
    "name server) and sends nothing else: nothing is connected to.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer check-url [--config FILE] [--set KEY=VALUE]... URL...\n"
    "\n"
    "For each URL: the verdict on its scheme, each address that its host has now, with the port, the verdict and the\n"
    "rule that decided: `egress.ports`, then `egress.deny`, then `egress.allow`, then the built-in table of addresses\n"
    "that are not public. A delivery is judged in the same way when it connects, so a name that changes its address\n"
    "later is judged anew.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE     the consumer's settings; only `egress` counts here\n"
    "  -s, --set KEY=VALUE   one setting over the file's: --set egress.allow=[10.1.0.0/16]\n"
    "\n"
    "Exit status: 0 all may be called, 1 one may not (an address of it, its scheme, or no address found), 64 usage,\n"
    "78 bad settings.\n"
    "\n"
    "Try:\n"
    "  incident-consumer check-url https://93.184.216.34/hooks https://[::1]:8443/\n"
    "  incident-consumer check-url --config consumer.yaml https://crm.example/hooks\n";

enum exit_status check_url_command(int argc, char **argv)
{
    const struct command_frame frame = {.name = name, .help = help};
    struct consumer_settings settings = {0};
    struct command_line line;
    enum exit_status exit_status;
    if (!command_frame_read(&frame, argc, argv, &line, &exit_status)) {
        return exit_status;
    }
    if (line.operand_count == 0) {
        return command_frame_usage(name, "which URL? Write one or more");
    }
    exit_status = command_frame_settings(&line, &settings);
    if (exit_status == EXIT_STATUS_OK) {
        struct address_gate *gate = consumer_settings_make_gate(&settings);
        for (size_t i = 0; i < line.operand_count; i++) {
            struct bytes text = {0};
            if (!url_verdict_append(gate, line.operands[i], &text)) {
                exit_status = EXIT_STATUS_DENIED;
            }
            fwrite(text.data, 1, text.size, stdout);
            bytes_free(&text);
        }
        address_gate_destroy(gate);
        exit_status = command_frame_end(name, exit_status);
    }
    consumer_settings_free(&settings);
    return exit_status;
}
