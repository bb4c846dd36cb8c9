// SPDX-License-Identifier: GPL-3.0-or-later
/* An error of a file, a setting or a certificate: one sentence that says what is wrong and what
 * to do. What peers do is no `err`: the data path has status enums. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

struct err {
    char text[1024];
};

/* Formats the sentence; always false, for `return err_set(...)`. `err` may be NULL. */
bool err_set(struct err *err, const char *format, ...) PRINTF(2, 3);
/* Puts "PREFIX: " before the sentence; always false. */
bool err_prefix(struct err *err, const char *format, ...) PRINTF(2, 3);
