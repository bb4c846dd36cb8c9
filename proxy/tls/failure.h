// SPDX-License-Identifier: GPL-3.0-or-later
/* Why a handshake or a TLS connection failed: from wolfSSL's codes and alerts to a stable word and
 * a sentence for people. One table. */
#pragma once

#include <stdbool.h>

struct tls_failure {
    const char *reason;   /* "certificate_expired": for metrics, few and stable */
    const char *sentence; /* "client certificate has expired" */
    bool is_peers_alert;  /* the client refused us */
};

/* `error` is what wolfSSL_get_error said (also after the verify callback), `alert_received` the
 * last fatal alert that the peer sent, or -1. Strings are static. */
struct tls_failure tls_failure_of(int error, int alert_received);
