// SPDX-License-Identifier: GPL-3.0-or-later
/* PEM files (RFC 7468) and DER: a file as a list of blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

enum pem_kind { PEM_OTHER, PEM_CERTIFICATE, PEM_PRIVATE_KEY, PEM_ENCRYPTED_KEY, PEM_CRL };

enum { PEM_LABEL_ROOM = 40, PEM_FILE_MAX = 16 * 1024 * 1024 };

/* One object; `der` lends from the `struct pem`. */
struct pem_block {
    enum pem_kind kind;
    char label[PEM_LABEL_ROOM]; /* "EC PRIVATE KEY" */
    struct span der;
};

struct pem {
    struct span content; /* the file as it is, a NUL behind it */
    bool is_der;         /* the content is one DER object without PEM around it */
    struct pem_block *blocks;
    size_t count;
    uint8_t *memory; /* the content, then the decoded blocks */
    size_t memory_length;
};

/* Reads a file of PEM blocks (text around them is skipped) or of one DER object. pem_clear. False:
 * the sentence names the path and what is wrong; no block at all is wrong too. */
MUST_USE bool pem_load(struct pem *out, const char *path, struct err *err);
/* The same from memory, which is copied. */
MUST_USE bool pem_read(struct pem *out, struct span content, struct err *err);
/* Wipes, since there may be keys. */
void pem_clear(struct pem *pem);
/* How many blocks are of `kind`. */
size_t pem_count(const struct pem *pem, enum pem_kind kind);
/* Lends the block number `index` of `kind`, or NULL. */
const struct pem_block *pem_find(const struct pem *pem, enum pem_kind kind, size_t index);
/* Gives `der` as PEM text (free; NUL-terminated) of `*length` bytes; NULL: out of memory. */
char *pem_encode(const char *label, struct span der, size_t *length);
