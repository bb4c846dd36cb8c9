// SPDX-License-Identifier: GPL-3.0-or-later
/* What the files of lint share: the report, and certificates read from a file. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "base/attributes.h"
#include "certs/certificate.h"
#include "certs/lint.h"
#include "certs/pem.h"
#include "certs/x509.h"

struct lint {
    lint_found_fn found;
    void *arg;
    size_t errors;
    time_t now;
};

struct lint lint_start(lint_found_fn found, void *arg);
void lint_error(struct lint *lint, const char *format, ...) PRINTF(2, 3);
void lint_outdated(struct lint *lint, const char *format, ...) PRINTF(2, 3);
void lint_warning(struct lint *lint, const char *format, ...) PRINTF(2, 3);

/* The certificates of a file; the i-th `facts` is of the i-th `parts`. */
struct lint_file {
    const char *path;
    struct pem pem;
    struct x509 *parts;
    struct certificate *facts;
    size_t count;
};

/* lint_file_clear. False: a finding says why; no certificate in it is one too. */
MUST_USE bool lint_file_load(struct lint_file *out, struct lint *lint, const char *path);
/* The same without findings. */
MUST_USE bool lint_file_try(struct lint_file *out, const char *path);
void lint_file_clear(struct lint_file *file);
/* Dates and key of one certificate; `what` is "the certificate" or the like. */
void lint_dates(struct lint *lint, const char *path, const char *what,
                const struct certificate *facts);
void lint_key(struct lint *lint, const char *path, const struct certificate *facts);
/* What the chain of a server's file is missing, has too much, or in the wrong order. */
void lint_chain(struct lint *lint, const struct lint_file *file);
/* "3 days", "5 hours": a span of time for people. Lends static text of this thread. */
const char *lint_duration(time_t seconds);
