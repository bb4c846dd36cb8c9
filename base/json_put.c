// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json_put.h"

#include <string.h>

#include "base/text.h"

enum { ESCAPED_ROOM = 4096, TIME_ROOM = 32 };

void json_put(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value); /* takes it in any case */
}

void json_put_text(json_t *object, const char *name, const char *text)
{
    char escaped[ESCAPED_ROOM];
    if (text == NULL) {
        json_put(object, name, json_null());
        return;
    }
    json_t *value = json_string(text);
    if (value == NULL) {
        (void)text_escape(escaped, sizeof escaped, span_of(text)); /* a long one is cut */
        value = json_string(escaped);
    }
    json_put(object, name, value);
}

void json_put_number(json_t *object, const char *name, uint64_t number)
{
    json_put(object, name, json_integer((json_int_t)number));
}

void json_put_bool(json_t *object, const char *name, bool value)
{
    json_put(object, name, json_boolean(value));
}

void json_put_time(json_t *object, const char *name, time_t when)
{
    char text[TIME_ROOM];
    struct tm tm;
    if (when == 0 || gmtime_r(&when, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        json_put(object, name, json_null());
    else
        json_put(object, name, json_string(text));
}

static char *finish(json_t *value, size_t flags, size_t *length)
{
    char *text = value == NULL ? NULL : json_dumps(value, flags);
    json_decref(value);
    *length = text == NULL ? 0 : strlen(text);
    return text;
}

char *json_finish(json_t *value, size_t *length)
{
    return finish(value, JSON_INDENT(2), length);
}

char *json_finish_compact(json_t *value, size_t *length)
{
    return finish(value, JSON_COMPACT, length);
}
