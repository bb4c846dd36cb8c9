// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { NAME_MAX_BYTES = 255, SHOWN_NAMES_BYTES = 200, ENVIRONMENT_BYTES_MAX = 1 << 20 };

struct expansion {
    const char *const *names;
    size_t names_count;
    FILE *out;
    size_t environment_bytes; /* that were filled in */
};

static void put_literal(const struct expansion *to, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '$' && to->names_count) (void)fputc('$', to->out);
        (void)fputc(text[i], to->out);
    }
}

static bool put_environment(struct expansion *to, const char *name, struct err *err)
{
    char bare[NAME_MAX_BYTES + 1];
    const char *fallback = strstr(name, ":-");
    size_t length = fallback ? (size_t)(fallback - name) : strlen(name);
    if (length == 0) return err_set(err, "${env.} names no environment variable: ${env.NAME}");
    memcpy(bare, name, length);
    bare[length] = 0;
    const char *value = getenv(bare);
    if (fallback && (!value || !*value)) value = fallback + 2;
    if (!value)
        return err_set(err,
                       "the environment variable %s is not set: set it, or give a default as in "
                       "${env.%s:-default}",
                       bare, bare);
    if (!text_is_utf8(span_of(value)))
        return err_set(err, "the environment variable %s is not UTF-8 text", bare);
    to->environment_bytes += strlen(value);
    if (to->environment_bytes > ENVIRONMENT_BYTES_MAX)
        return err_set(err, "more than %d bytes come from the environment", ENVIRONMENT_BYTES_MAX);
    put_literal(to, value, strlen(value));
    return true;
}

static bool refuse_name(const struct expansion *to, const char *name, struct err *err)
{
    if (!to->names_count)
        return err_set(err,
                       "${%s} has no meaning here, where only ${env.NAME} is filled in: for a "
                       "dollar write $$",
                       name);
    const char *nearest = text_nearest(name, to->names, to->names_count);
    if (nearest) return err_set(err, "unknown name ${%s}: did you mean ${%s}?", name, nearest);
    char shown[SHOWN_NAMES_BYTES] = "";
    for (size_t i = 0; i < to->names_count; i++) {
        size_t used = strlen(shown);
        (void)snprintf(shown + used, sizeof shown - used, "%s${%s}", i ? ", " : "", to->names[i]);
    }
    return err_set(err, "unknown name ${%s}: it can be %s or ${env.NAME}", name, shown);
}

/* `name` is what stands between the braces. */
static bool put_name(struct expansion *to, const char *name, struct err *err)
{
    if (strncmp(name, "env.", 4) == 0) return put_environment(to, name + 4, err);
    for (size_t i = 0; i < to->names_count; i++) {
        if (strcmp(to->names[i], name) == 0) {
            (void)fprintf(to->out, "${%s}", name);
            return true;
        }
    }
    return refuse_name(to, name, err);
}

static bool expand(struct expansion *to, const char *text, struct err *err)
{
    while (*text) {
        size_t plain = strcspn(text, "$");
        put_literal(to, text, plain);
        text += plain;
        if (text[0] == '$' && text[1] == '{') {
            const char *end = strchr(text, '}');
            char name[NAME_MAX_BYTES + 1];
            if (!end) return err_set(err, "${ without its }: for a dollar write $$");
            size_t length = (size_t)(end - text) - 2;
            if (length > NAME_MAX_BYTES) return err_set(err, "the name in ${...} is too long");
            memcpy(name, text + 2, length);
            name[length] = 0;
            if (!put_name(to, name, err)) return false;
            text = end + 1;
        } else if (text[0] == '$') {
            put_literal(to, "$", 1);
            text += text[1] == '$' ? 2 : 1;
        }
    }
    return true;
}

char *template_expand(struct arena *arena, const char *text, const char *const *names, size_t count,
                      struct err *err)
{
    char *built = NULL;
    size_t length = 0;
    struct expansion to = {names, count, open_memstream(&built, &length), 0};
    CHECK(to.out != NULL);
    bool ok = expand(&to, text, err);
    CHECK(fclose(to.out) == 0);
    char *out = ok ? arena_text(arena, built, length) : NULL;
    free(built);
    return out;
}
