// SPDX-License-Identifier: GPL-3.0-or-later
/* The files of the development PKI: paths, atomic writing, and the index of what was issued. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "certs/issue.h"

struct pki_path {
    char text[PATH_MAX];
};

/* "FOLDER/NAMESUFFIX". */
MUST_USE bool pki_path(struct pki_path *out, struct err *err, const char *folder, const char *name,
                       const char *suffix);
/* Writes a file beside `path` and renames it to it. */
MUST_USE bool pki_write(const char *path, const void *data, size_t length, mode_t mode,
                        struct err *err);

/* One line of private/index.txt: "SERIAL NOT_AFTER REVOKED NAME". */
struct pki_entry {
    uint8_t serial[ISSUE_SERIAL_BYTES];
    time_t not_after;
    time_t revoked; /* 0: it is not */
    char name[ISSUE_NAME_MAX + 1];
};

/* The index, locked against other processes until pki_index_clear. */
struct pki_index {
    struct pki_path path;
    int lock;
    struct pki_entry *entries;
    size_t count;
};

/* Opens the index of the PKI in `folder`; one that is not there yet is empty. */
MUST_USE bool pki_index_load(struct pki_index *out, const char *folder, struct err *err);
MUST_USE bool pki_index_add(struct pki_index *index, const struct pki_entry *entry,
                            struct err *err);
MUST_USE bool pki_index_save(const struct pki_index *index, struct err *err);
void pki_index_clear(struct pki_index *index);
