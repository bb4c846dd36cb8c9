// SPDX-License-Identifier: GPL-3.0-or-later
/* SipHash-1-3 under a key that is drawn once per process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Draws the key; called once before the first table, from any thread (more calls do nothing). */
void hash_init(void);
/* Borrows `length` bytes at `data`. */
uint32_t hash_keyed(const void *data, size_t length);
