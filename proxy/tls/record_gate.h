// SPDX-License-Identifier: GPL-3.0-or-later
/* Lets whole TLS records through only: a header alone is a promise for which the TLS library would
 * set memory aside. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many of the `length` bytes are whole records (RFC 8446, 5.1; RFC 5246, 6.2). `*broken`: the
 * next header announces more than any TLS version allows; everything is then let through, so that
 * the library refuses it with the right alert. */
size_t tls_record_gate(const uint8_t *data, size_t length, bool *broken);
