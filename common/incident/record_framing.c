#include "record_framing.h"

struct framed record_framing_detect(struct bytes_view value)
{
    struct framed framed = {.framing = FRAMING_UNKNOWN};
    if (value.size >= FRAMING_SINGLE_OBJECT_SIZE && value.data[0] == 0xC3 && value.data[1] == 0x01) {
        framed.framing = FRAMING_SINGLE_OBJECT;
        for (int i = 0; i < 8; i++) {
            framed.schema |= (uint64_t)value.data[2 + i] << (8 * i);
        }
        framed.body = bytes_view_slice(value, FRAMING_SINGLE_OBJECT_SIZE, value.size - FRAMING_SINGLE_OBJECT_SIZE);
    } else if (value.size >= FRAMING_CONFLUENT_SIZE && value.data[0] == 0x00) {
        framed.framing = FRAMING_CONFLUENT;
        for (int i = 0; i < 4; i++) {
            framed.schema = framed.schema << 8 | value.data[1 + i];
        }
        framed.body = bytes_view_slice(value, FRAMING_CONFLUENT_SIZE, value.size - FRAMING_CONFLUENT_SIZE);
    }
    return framed;
}

void record_framing_append_single_object(struct bytes *value, uint64_t fingerprint)
{
    uint8_t start[FRAMING_SINGLE_OBJECT_SIZE] = {0xC3, 0x01};
    for (int i = 0; i < 8; i++) {
        start[2 + i] = (uint8_t)(fingerprint >> (8 * i));
    }
    bytes_append(value, start, sizeof start);
}
