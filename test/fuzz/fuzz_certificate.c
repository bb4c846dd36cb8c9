// SPDX-License-Identifier: GPL-3.0-or-later
/* The certificate that a client sends, and the files that an operator names. */
#include <stddef.h>
#include <stdint.h>

#include "certs/certificate.h"
#include "certs/crl.h"
#include "certs/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certificate certificate;
    struct crl crl;
    struct pem pem;
    struct err err;
    struct span input = {data, size};
    if (certificate_read(&certificate, data, size)) certificate_clear(&certificate);
    if (crl_read(&crl, input, &err)) crl_clear(&crl);
    if (pem_read(&pem, input, &err)) pem_clear(&pem);
    return 0;
}
