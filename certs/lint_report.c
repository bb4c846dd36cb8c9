// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/lint_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

enum { DAY_S = 86400 };
enum { EXPIRES_SOON_S = 30 * DAY_S };
enum { RSA_BITS_MIN = 2048 };

struct lint lint_start(lint_found_fn found, void *arg)
{
    return (struct lint){found, arg, 0, time(NULL)};
}

static PRINTF(3, 0) void report(struct lint *lint, enum lint_severity severity, const char *format,
                                va_list args)
{
    char text[2048];
    (void)vsnprintf(text, sizeof text, format, args); /* a long sentence is cut */
    if (severity != LINT_WARNING) lint->errors++;
    lint->found(lint->arg, severity, text);
}

void lint_error(struct lint *lint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(lint, LINT_ERROR, format, args);
    va_end(args);
}

void lint_outdated(struct lint *lint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(lint, LINT_OUTDATED, format, args);
    va_end(args);
}

void lint_warning(struct lint *lint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(lint, LINT_WARNING, format, args);
    va_end(args);
}

const char *lint_duration(time_t seconds)
{
    static _Thread_local char text[TEXT_DURATION_ROOM];
    return text_duration(text, seconds);
}

void lint_file_clear(struct lint_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        certificate_clear(&file->facts[i]);
    free(file->facts);
    free(file->parts);
    pem_clear(&file->pem);
    *file = (struct lint_file){0};
}

/* Reads what was loaded; `lint` may be NULL. */
static bool read_certificates(struct lint_file *out, struct lint *lint)
{
    size_t count = pem_count(&out->pem, PEM_CERTIFICATE);
    out->parts = calloc(count + 1, sizeof *out->parts);
    out->facts = calloc(count + 1, sizeof *out->facts);
    if (out->parts == NULL || out->facts == NULL) return false;
    for (size_t i = 0; i < count; i++) {
        struct span der = pem_find(&out->pem, PEM_CERTIFICATE, i)->der;
        if (!x509_read(&out->parts[i], der) ||
            !certificate_read(&out->facts[i], der.data, der.length)) {
            if (lint != NULL)
                lint_error(lint, "%s: certificate %zu in it cannot be read: replace the file",
                           out->path, i + 1);
            return false;
        }
        out->count++;
    }
    if (count == 0 && lint != NULL)
        lint_error(lint, "%s: there is no certificate in it (-----BEGIN CERTIFICATE-----)",
                   out->path);
    return count > 0;
}

static bool load(struct lint_file *out, struct lint *lint, const char *path)
{
    struct err err;
    *out = (struct lint_file){.path = path};
    if (!pem_load(&out->pem, path, &err)) {
        if (lint != NULL) lint_error(lint, "%s", err.text);
        return false;
    }
    if (read_certificates(out, lint)) return true;
    lint_file_clear(out);
    return false;
}

bool lint_file_load(struct lint_file *out, struct lint *lint, const char *path)
{
    return load(out, lint, path);
}

bool lint_file_try(struct lint_file *out, const char *path)
{
    return load(out, NULL, path);
}

void lint_dates(struct lint *lint, const char *path, const char *what,
                const struct certificate *facts)
{
    if (facts->not_after <= lint->now)
        lint_outdated(lint, "%s: %s \"%s\" expired %s ago: renew it", path, what, facts->subject,
                      lint_duration(lint->now - facts->not_after));
    else if (facts->not_before > lint->now)
        lint_outdated(lint,
                      "%s: %s \"%s\" is not valid before %s from now: check the clock, or wait",
                      path, what, facts->subject, lint_duration(facts->not_before - lint->now));
    else if (facts->not_after - lint->now < EXPIRES_SOON_S)
        lint_warning(lint, "%s: %s \"%s\" expires in %s: renew it", path, what, facts->subject,
                     lint_duration(facts->not_after - lint->now));
}

void lint_key(struct lint *lint, const char *path, const struct certificate *facts)
{
    if (facts->key == CERTIFICATE_KEY_RSA && facts->key_bits < RSA_BITS_MIN)
        lint_warning(lint,
                     "%s: \"%s\" has an RSA key of %u bits, which clients refuse: use ECDSA P-256, "
                     "or RSA with %d bits",
                     path, facts->subject, facts->key_bits, RSA_BITS_MIN);
    else if (facts->key == CERTIFICATE_KEY_OTHER)
        lint_warning(lint, "%s: \"%s\" has a key of a kind that is not supported here (%s)", path,
                     facts->subject, facts->key_name);
}
