// SPDX-License-Identifier: GPL-3.0-or-later
/* Memory that grows up to a limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

/* Zero-initialised is empty, and has no memory. */
struct buffer {
    uint8_t *data;
    size_t length;
    size_t room;
};

/* False: there would be more than `most` bytes, or no memory is left; nothing is added. */
MUST_USE bool buffer_add(struct buffer *buffer, struct span data, size_t most);
void buffer_clear(struct buffer *buffer);
