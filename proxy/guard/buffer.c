// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/guard/buffer.h"

#include <stdlib.h>
#include <string.h>

bool buffer_add(struct buffer *buffer, struct span data, size_t most)
{
    if (data.length > most - buffer->length) return false;
    if (buffer->length + data.length > buffer->room) {
        size_t room = buffer->room == 0 ? 256 : buffer->room;
        while (room < buffer->length + data.length)
            room *= 2;
        uint8_t *grown = realloc(buffer->data, room);
        if (grown == NULL) return false;
        buffer->data = grown;
        buffer->room = room;
    }
    if (data.length > 0) memcpy(buffer->data + buffer->length, data.data, data.length);
    buffer->length += data.length;
    return true;
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
