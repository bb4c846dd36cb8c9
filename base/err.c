// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *err, const char *format, ...)
{
    if (err == NULL) return false;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args); /* a long sentence is cut */
    va_end(args);
    return false;
}

bool err_prefix(struct err *err, const char *format, ...)
{
    if (err == NULL) return false;
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof text) return false;
    int room = (int)sizeof text - used - 3;
    (void)snprintf(text + used, sizeof text - (size_t)used, ": %.*s", room > 0 ? room : 0,
                   err->text);
    memcpy(err->text, text, sizeof text);
    return false;
}
