#include "delivery_print.h"

#include <stdbool.h>
#include <stdio.h>

static void new_line(struct bytes *out, const char *margin, int depth)
{
    bytes_append_byte(out, '\n');
    bytes_append_text(out, margin);
    for (int i = 0; i < depth; i++) {
        bytes_append_text(out, "  ");
    }
}

static bool closes_at_once(struct bytes_view json, size_t at)
{
    return at + 1 < json.size && (json.data[at + 1] == '}' || json.data[at + 1] == ']');
}

void delivery_indent(struct bytes *out, struct bytes_view json, const char *margin)
{
    int depth = 0;
    bool in_string = false;
    bytes_append_text(out, margin);
    for (size_t i = 0; i < json.size; i++) {
        uint8_t byte = json.data[i];
        bool is_open = !in_string && (byte == '{' || byte == '[');
        bool is_close = !in_string && (byte == '}' || byte == ']');
        bool was_opened_here = is_close && i > 0 && (json.data[i - 1] == '{' || json.data[i - 1] == '[');
        if (is_close) {
            depth -= 1;
            if (!was_opened_here) {
                new_line(out, margin, depth);
            }
        }
        bytes_append_byte(out, byte);
        if (in_string && byte == '\\' && i + 1 < json.size) {
            i += 1;
            bytes_append_byte(out, json.data[i]);
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (is_open) {
            depth += 1;
            if (!closes_at_once(json, i)) {
                new_line(out, margin, depth);
            }
        } else if (!in_string && byte == ',') {
            new_line(out, margin, depth);
        } else if (!in_string && byte == ':') {
            bytes_append_byte(out, ' ');
        }
    }
    bytes_append_byte(out, '\n');
}

void delivery_print_line(const struct printed_delivery *delivery)
{
    static const char prefix[] = "incident.instance.";
    const struct body_facts *facts = delivery->facts;
    struct bytes_view type = facts->event_type;
    if (type.size >= sizeof(prefix) - 1) {
        type = bytes_view_slice(type, sizeof(prefix) - 1, type.size - (sizeof(prefix) - 1));
    }
    (void)printf("%5lld  %-14s %-8.*s incident %-6lld %-10.*s %-7.*s %s  %.8s…%s%s\n", (long long)delivery->number,
                 delivery->subscriber, BYTES_PRINTF(type), (long long)facts->incident_id, BYTES_PRINTF(facts->status),
                 BYTES_PRINTF(facts->severity), delivery->signature, delivery->webhook_id,
                 delivery->remark[0] == '\0' ? "" : "  ", delivery->remark);
    (void)fflush(stdout);
}

void delivery_print_whole(struct bytes_view header_lines, struct bytes_view body)
{
    struct bytes text = {0};
    delivery_indent(&text, body, "       ");
    (void)printf("%.*s\n%.*s\n", BYTES_PRINTF(header_lines), BYTES_PRINTF(bytes_as_view(&text)));
    (void)fflush(stdout);
    bytes_free(&text);
}

void delivery_print_refused(unsigned status, const char *path, const char *reason)
{
    (void)printf("    !  answered %u on ", status);
    for (const unsigned char *byte = (const unsigned char *)path; *byte != '\0'; byte++) {
        (void)putchar(*byte >= 0x20 && *byte < 0x7f ? *byte : '?');
    }
    (void)printf(": %s\n", reason);
    (void)fflush(stdout);
}
