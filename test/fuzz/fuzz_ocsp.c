// SPDX-License-Identifier: GPL-3.0-or-later
/* The reader of OCSP responses: whatever comes, it says yes to nothing that nobody signed. */
#include <string.h>

#include "base/attributes.h"
#include "certs/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static const uint8_t name[] = {0x30, 0x00};
    static const uint8_t serial[] = {0x10, 0x01};
    struct ocsp_answer answer;
    struct err err;
    const struct x509 certificate = {
        .issuer = {name,   sizeof name  },
          .serial = {serial, sizeof serial}
    };
    const struct x509 issuer = {
        .subject = {name, sizeof name},
          .spki = {name, sizeof name}
    };
    CHECK(!ocsp_response_read(&answer, (struct span){data, length}, &certificate, &issuer,
                              1800000000, &err));
    return 0;
}
