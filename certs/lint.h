// SPDX-License-Identifier: GPL-3.0-or-later
/* What is wrong with certificate files, in sentences that say what to do. `check` prints them,
 * `run` logs them. Reads the files itself; changes nothing. */
#pragma once

#include <stddef.h>

/* LINT_OUTDATED is an error too, but one that a server can start with: only its dates are wrong,
 * and clients without a clock do not mind. */
enum lint_severity { LINT_WARNING, LINT_OUTDATED, LINT_ERROR };

/* One finding; `text` is one line, names the file, and is lent for the call. */
typedef void (*lint_found_fn)(void *arg, enum lint_severity severity, const char *text);

/* A server's chain file (leaf first, then its intermediates) and the key of the leaf. Errors: it
 * cannot be read, the key is another one, expired. Warnings: all that clients will stumble over.
 * Returns the number of errors. */
size_t certs_lint_server(const char *certificate_path, const char *key_path, lint_found_fn found,
                         void *arg);
/* A file of CAs that client certificates are checked against. */
size_t certs_lint_client_ca(const char *path, lint_found_fn found, void *arg);
/* What `ocsp_stapling` (off, auto, or a file of a response) means for a server's chain file.
 * Problems of the file are LINT_OUTDATED: a server can do without it. */
size_t certs_lint_staple(const char *certificate_path, const char *setting, lint_found_fn found,
                         void *arg);
/* A file of CRLs, and the CAs (`ca_path`, may be NULL) whose they should be. */
size_t certs_lint_crl(const char *path, const char *ca_path, lint_found_fn found, void *arg);
