// SPDX-License-Identifier: GPL-3.0-or-later
/* OCSP (RFC 6960, RFC 5019): asking whether a certificate is revoked, and reading the answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "certs/x509.h"

enum { OCSP_REQUEST_ROOM = 256, OCSP_RESPONSE_MOST = 64 * 1024, OCSP_URL_ROOM = 512 };

enum ocsp_state { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

struct ocsp_answer {
    enum ocsp_state state;
    time_t revoked_at; /* for OCSP_REVOKED */
    time_t this_update;
    time_t next_update; /* 0: it does not say */
};

/* Writes the request for `certificate`, which `issuer` signed, into `room`. Gives its length; 0:
 * the serial number is too long. */
size_t ocsp_request_encode(uint8_t room[OCSP_REQUEST_ROOM], const struct x509 *certificate,
                           const struct x509 *issuer);
/* Reads a response (DER) about that certificate and checks that the issuer, or a responder whom the
 * issuer has named, signed it, and that it is in force at `now`. False: told why. */
MUST_USE bool ocsp_response_read(struct ocsp_answer *out, struct span response,
                                 const struct x509 *certificate, const struct x509 *issuer,
                                 time_t now, struct err *err);
/* The http address of the responder in the certificate (RFC 5280, 4.2.2.1). False: none. */
bool ocsp_responder_of(const struct x509 *certificate, char url[OCSP_URL_ROOM]);
/* Whether clients may insist on a stapled answer (RFC 7633). */
bool ocsp_must_staple(const struct x509 *certificate);
