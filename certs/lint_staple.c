// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdlib.h>
#include <string.h>

#include "certs/lint_report.h"
#include "certs/stapled.h"

static void lint_answer_file(struct lint *lint, const struct stapled *stapled, const char *path)
{
    struct err err;
    struct ocsp_answer answer;
    size_t length = 0;
    uint8_t *response = stapled_answer_load(stapled, path, lint->now, &answer, &length, &err);
    if (response == NULL)
        lint_outdated(lint, "%s; nothing is stapled until a good one is in place", err.text);
    free(response);
}

static void lint_responder(struct lint *lint, const struct stapled *stapled, const char *path)
{
    char url[OCSP_URL_ROOM];
    if (!ocsp_responder_of(&stapled->leaf, url))
        lint_warning(lint,
                     "%s: the certificate names no OCSP responder, so ocsp_stapling: auto has "
                     "nobody to ask: set it to off, or to a file",
                     path);
}

size_t certs_lint_staple(const char *certificate_path, const char *setting, lint_found_fn found,
                         void *arg)
{
    struct lint lint = lint_start(found, arg);
    struct stapled stapled;
    struct err err;
    bool off = strcmp(setting, "off") == 0;
    if (!stapled_load(&stapled, certificate_path, &err)) {
        if (!off) lint_outdated(&lint, "%s", err.text);
        return lint.errors;
    }
    if (off && ocsp_must_staple(&stapled.leaf))
        lint_warning(&lint,
                     "%s: the certificate says that clients may insist on a stapled OCSP answer, "
                     "and ocsp_stapling is off: set it to auto or to a file",
                     certificate_path);
    else if (strcmp(setting, "auto") == 0)
        lint_responder(&lint, &stapled, certificate_path);
    else if (!off)
        lint_answer_file(&lint, &stapled, setting);
    stapled_clear(&stapled);
    return lint.errors;
}
