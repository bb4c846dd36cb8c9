// SPDX-License-Identifier: GPL-3.0-or-later
/* Bytes from text such as "10 0c 'MQTT' 04": hexadecimal, or characters between quotes. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

enum { HEX_ROOM = 512 };

static inline size_t hex_read(uint8_t out[static HEX_ROOM], const char *text)
{
    size_t length = 0;
    while (*text != '\0' && length < HEX_ROOM) {
        if (*text == ' ') {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++)
                out[length++] = (uint8_t)*text;
            text++;
        } else {
            char digits[3] = {text[0], text[1], '\0'};
            out[length++] = (uint8_t)strtoul(digits, NULL, 16);
            text += 2;
        }
    }
    return length;
}
