// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/chain.h"

#include "base/attributes.h"

size_t chain_issuer_of(const struct x509 *certificate, const struct x509 *certificates,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (x509_is_signed_by(certificate, &certificates[i])) return i;
    return count;
}

static bool is_in(const struct chain *chain, size_t index)
{
    for (size_t i = 0; i < chain->length; i++)
        if (chain->path[i] == index) return true;
    return false;
}

void chain_follow(struct chain *out, const struct x509 *certificates, size_t count)
{
    *out = (struct chain){.length = 1, .ordered = true};
    while (out->length < CHAIN_MAX) {
        size_t last = out->path[out->length - 1];
        if (x509_is_self_issued(&certificates[last])) break;
        size_t issuer = chain_issuer_of(&certificates[last], certificates, count);
        if (issuer == count || is_in(out, issuer)) break;
        if (issuer != out->length) out->ordered = false;
        out->path[out->length++] = issuer;
    }
    const struct x509 *top = &certificates[out->path[out->length - 1]];
    out->ends_in_root = x509_is_signed_by(top, top);
    out->unrelated = count - out->length;
}
