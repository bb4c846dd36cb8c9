// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/record_gate.h"

enum { HEADER_BYTES = 5, LARGEST_RECORD = 16384 + 2048 };

size_t tls_record_gate(const uint8_t *data, size_t length, bool *broken)
{
    size_t whole = 0;
    *broken = false;
    while (length - whole >= HEADER_BYTES) {
        size_t record = (size_t)data[whole + 3] << 8 | data[whole + 4];
        if (record > LARGEST_RECORD) {
            *broken = true;
            return length;
        }
        if (length - whole - HEADER_BYTES < record) break;
        whole += HEADER_BYTES + record;
    }
    return whole;
}
