// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/stapled.h"

#include <stdlib.h>

#include "base/file.h"

bool stapled_load(struct stapled *out, const char *path, struct err *err)
{
    if (!pem_load(&out->file, path, err)) return false;
    const struct pem_block *leaf = pem_find(&out->file, PEM_CERTIFICATE, 0);
    if (leaf == NULL || !x509_read(&out->leaf, leaf->der)) {
        pem_clear(&out->file);
        return err_set(err, "%s holds no certificate", path);
    }
    for (size_t i = 1; i < pem_count(&out->file, PEM_CERTIFICATE); i++)
        if (x509_read(&out->issuer, pem_find(&out->file, PEM_CERTIFICATE, i)->der) &&
            x509_is_signed_by(&out->leaf, &out->issuer))
            return true;
    pem_clear(&out->file);
    return err_set(err,
                   "%s lacks the certificate of the issuer, without which no OCSP answer can "
                   "be asked for or checked: append it",
                   path);
}

void stapled_clear(struct stapled *stapled)
{
    pem_clear(&stapled->file);
}

uint8_t *stapled_answer_load(const struct stapled *stapled, const char *path, time_t now,
                             struct ocsp_answer *answer, size_t *length, struct err *err)
{
    uint8_t *response = file_read(path, OCSP_RESPONSE_MOST, length, err);
    if (response == NULL) return NULL;
    bool good = ocsp_response_read(answer, (struct span){response, *length}, &stapled->leaf,
                                   &stapled->issuer, now, err);
    if (good && answer->state != OCSP_GOOD)
        good = err_set(err, "it says that the certificate is %s",
                       answer->state == OCSP_REVOKED ? "revoked" : "not known");
    if (good) return response;
    err_prefix(err, "the OCSP response in %s", path);
    free(response);
    return NULL;
}
