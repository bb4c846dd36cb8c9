// SPDX-License-Identifier: GPL-3.0-or-later
/* Private keys: RSA, ECDSA and Ed25519; loading, matching, making and signing. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "certs/certificate.h"
#include "certs/der.h"

struct key_pair;

enum { KEY_PAIR_SIGNATURE_MAX = 512 };

/* Gives the key in a PEM or DER file, PKCS#8 or traditional (key_pair_free). NULL: the sentence
 * names the path and what is wrong. */
MUST_USE struct key_pair *key_pair_load(const char *path, struct err *err);
/* The same from DER. NULL: it is no key that can be read here. */
MUST_USE struct key_pair *key_pair_read(struct span der);
/* Makes one: ECDSA P-256, RSA-2048 or Ed25519. */
MUST_USE struct key_pair *key_pair_generate(enum certificate_key kind, struct err *err);
/* Wipes. */
void key_pair_free(struct key_pair *pair);
enum certificate_key key_pair_kind(const struct key_pair *pair);
/* Lends its SubjectPublicKeyInfo (DER). */
struct span key_pair_spki(const struct key_pair *pair);
/* Whether its public half is the key in this SubjectPublicKeyInfo. */
bool key_pair_matches(const struct key_pair *pair, struct span spki);
/* Gives it as PEM, PKCS#8 (free after wiping; `*length` bytes); NULL: out of memory. */
char *key_pair_encode(struct key_pair *pair, size_t *length);
/* Appends the AlgorithmIdentifier of its signatures: SHA-256 with ECDSA or RSA, or Ed25519. */
void key_pair_put_algorithm(const struct key_pair *pair, struct der_writer *out);
/* Signs `tbs` so into `signature` (`room` bytes, at least KEY_PAIR_SIGNATURE_MAX). Returns the
 * length; 0: failed. */
size_t key_pair_sign(struct key_pair *pair, struct span tbs, uint8_t *signature, size_t room);
