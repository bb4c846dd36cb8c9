// SPDX-License-Identifier: GPL-3.0-or-later
/* What wolfSSL calls back: only stream.c knows that a WOLFSSL is a stream, but the context has to
 * install these. Private to tls/. */
#pragma once

#include "proxy/tls/wolfssl.h"

int tls_stream_on_receive(WOLFSSL *ssl, char *buffer, int size, void *arg);
int tls_stream_on_send(WOLFSSL *ssl, char *buffer, int size, void *arg);
int tls_stream_on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                         int sealing, unsigned char *body, int in_length, int *out_length,
                         void *arg);
