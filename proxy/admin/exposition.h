// SPDX-License-Identifier: GPL-3.0-or-later
/* Prometheus' text format, 0.0.4: families with a help text and a type, then their samples. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };

struct exposition {
    FILE *out; /* its errors are looked at by whoever closes it */
    const char *family;
};

/* A label; the value is escaped. A list of them ends with one whose name is NULL. */
struct exposition_label {
    const char *name;
    const char *value;
};

/* Texts are constants without what would have to be escaped; `family` is kept. */
void exposition_begin(struct exposition *exposition, const char *family, enum exposition_type type,
                      const char *help);
/* A sample of the family that has begun; `suffix` goes behind its name ("": nothing), `more` are
 * labels that are written already, or "". */
void exposition_sample(struct exposition *exposition, const char *suffix,
                       const struct exposition_label *labels, const char *more, double value);
/* The usual case: no suffix, and labels by name and value. */
#define EXPOSITION_LABELS(...)                                                                     \
    (const struct exposition_label[])                                                              \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }
void exposition_value(struct exposition *exposition, const struct exposition_label *labels,
                      double value);
