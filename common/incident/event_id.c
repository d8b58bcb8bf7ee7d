#include "event_id.h"

#include "check.h"
#include "incident_json.h"

#include <openssl/evp.h>
#include <stdio.h>

bool event_id_is_valid(struct bytes_view id)
{
    if (id.size == 0 || id.size > EVENT_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.size; i++) {
        uint8_t byte = id.data[i];
        bool is_letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '_' && byte != '-') {
            return false;
        }
    }
    return true;
}

/* Each field of the digest has its length before it, so that no two lists of fields are the same bytes. */
static void append_field(struct bytes *input, struct bytes_view field)
{
    CHECK(field.size <= UINT32_MAX);
    uint32_t size = (uint32_t)field.size;
    uint8_t prefix[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    bytes_append(input, prefix, sizeof prefix);
    bytes_append_view(input, field);
}

static void append_text_field(struct bytes *input, const char *text)
{
    append_field(input, bytes_view_of_text(text));
}

static void append_number_field(struct bytes *input, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    append_text_field(input, text);
}

static void append_event_fields(struct bytes *input, const struct incident_event *event)
{
    append_text_field(input, "incident-relay:ce_id:1");
    append_number_field(input, event->incident.tenant_id);
    append_number_field(input, event->incident.id);
    append_text_field(input, event_type_name(event->type));
    append_text_field(input, "payload");
    struct bytes payload = {0};
    incident_json_render_payload(&event->incident, &payload);
    append_field(input, bytes_as_view(&payload));
    bytes_free(&payload);
}

/* SHA-256, its first 16 bytes as a UUID of version 8 (RFC 9562). */
static void digest_to_id(struct bytes_view input, char ret_id[EVENT_ID_MAX + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    CHECK(EVP_Digest(input.data, input.size, digest, &size, EVP_sha256(), NULL) == 1 && size == 32);
    digest[6] = (uint8_t)((digest[6] & 0x0F) | 0x80);
    digest[8] = (uint8_t)((digest[8] & 0x3F) | 0x80);
    char *at = ret_id;
    for (int i = 0; i < 16; i++) {
        static const char HEX[] = "0123456789abcdef";
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = HEX[digest[i] >> 4];
        *at++ = HEX[digest[i] & 0x0F];
    }
    *at = '\0';
}

void event_id_derive(const struct incident_event *event, char ret_id[EVENT_ID_MAX + 1])
{
    struct bytes input = {0};
    append_event_fields(&input, event);
    digest_to_id(bytes_as_view(&input), ret_id);
    bytes_free(&input);
}

void event_id_derive_change(const struct incident_event *event, const struct incident *before,
                            char ret_id[EVENT_ID_MAX + 1])
{
    struct bytes input = {0};
    append_event_fields(&input, event);
    append_text_field(&input, "before");
    struct bytes image = {0};
    if (before == NULL) {
        bytes_append_text(&image, "null");
    } else {
        incident_json_render_before(before, &image);
    }
    append_field(&input, bytes_as_view(&image));
    digest_to_id(bytes_as_view(&input), ret_id);
    bytes_free(&image);
    bytes_free(&input);
}
