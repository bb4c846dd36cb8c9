// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/exposition.h"

#include <math.h>

#include "base/text.h"

void exposition_begin(struct exposition *exposition, const char *family, enum exposition_type type,
                      const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    exposition->family = family;
    (void)fprintf(exposition->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family,
                  types[type]);
}

/* Label values are UTF-8 with \\, \" and \n for what would end them; other control characters and
 * what is no UTF-8 are shown as \xNN, as in the log. */
static void put_label_value(FILE *out, const char *value)
{
    char printable[2048];
    (void)text_printable(printable, sizeof printable, value); /* names are short enough */
    for (const char *at = printable; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"') (void)fputc('\\', out);
        (void)fputc(*at, out);
    }
}

static void put_labels(FILE *out, const struct exposition_label *labels, const char *more)
{
    const char *before = "{";
    for (; labels != NULL && labels->name != NULL; labels++) {
        (void)fprintf(out, "%s%s=\"", before, labels->name);
        put_label_value(out, labels->value);
        (void)fputc('"', out);
        before = ",";
    }
    if (more[0] != '\0') {
        (void)fprintf(out, "%s%s", before, more);
        before = ",";
    }
    if (before[0] == ',') (void)fputc('}', out);
}

void exposition_sample(struct exposition *exposition, const char *suffix,
                       const struct exposition_label *labels, const char *more, double value)
{
    FILE *out = exposition->out;
    (void)fprintf(out, "%s%s", exposition->family, suffix);
    put_labels(out, labels, more);
    if (fabs(value) < 1e15 && value == trunc(value))
        (void)fprintf(out, " %.0f\n", value);
    else
        (void)fprintf(out, " %.12g\n", value);
}

void exposition_value(struct exposition *exposition, const struct exposition_label *labels,
                      double value)
{
    exposition_sample(exposition, "", labels, "", value);
}
