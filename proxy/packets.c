// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/packets.h"

enum { LENGTH_BYTES = 4, CONTINUES = 0x80, DISCONNECT = 0xe0 };

/* The variable length after the first byte (MQTT 3.1.1, 2.2.3). */
static void read_length(struct packets *packets, uint8_t byte)
{
    unsigned shift = 7U * (packets->header_read - 1U);
    packets->length |= (uint32_t)(byte & 0x7f) << shift;
    packets->header_read++;
    if (!(byte & CONTINUES)) {
        packets->left = packets->length;
        packets->header_read = 0;
    } else if (packets->header_read > LENGTH_BYTES) {
        packets->lost = true;
    }
}

void packets_follow(struct packets *packets, struct span data)
{
    for (size_t at = 0; at < data.length && !packets->lost;) {
        if (packets->left > 0) {
            size_t there = data.length - at;
            size_t step = there < packets->left ? there : packets->left;
            packets->left -= (uint32_t)step;
            at += step;
        } else if (packets->header_read == 0) {
            packets->count++;
            packets->length = 0;
            packets->header_read = 1;
            packets->first = data.data[at++];
        } else {
            read_length(packets, data.data[at++]);
        }
    }
}

bool packets_at_boundary(const struct packets *packets)
{
    return !packets->lost && packets->left == 0 && packets->header_read == 0;
}

size_t packets_until_boundary(const struct packets *packets, struct span data)
{
    struct packets ahead = *packets;
    size_t at = 0;
    while (at < data.length) {
        size_t there = data.length - at;
        size_t step = ahead.left == 0 ? 1 : ahead.left < there ? ahead.left : there;
        packets_follow(&ahead, (struct span){data.data + at, step});
        at += step;
        if (packets_at_boundary(&ahead)) break;
    }
    return at;
}

bool packets_end_with_disconnect(const struct packets *packets)
{
    return packets->first == DISCONNECT && packets_at_boundary(packets);
}
