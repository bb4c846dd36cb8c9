// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/utf8.h"

#include <string.h>

#include "base/text.h"

bool mqtt_utf8_is_valid(struct span text)
{
    if (text.length == 0) return true;
    return memchr(text.data, 0, text.length) == NULL && text_is_utf8(text);
}

struct span mqtt_utf8_decode(struct bytes *in)
{
    struct span text = bytes_take(in, bytes_u16(in));
    if (!mqtt_utf8_is_valid(text)) bytes_fail(in);
    return text;
}

void mqtt_utf8_encode(struct bytes_writer *out, struct span text)
{
    if (text.length > UINT16_MAX) out->failed = true;
    bytes_put_u16(out, (uint16_t)text.length);
    bytes_put(out, text.data, text.length);
}
