// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/diagnose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "base/text.h"
#include "certs/certificate.h"
#include "certs/chain.h"

enum { WEAKEST_RSA_BITS = 2048, DATE_ROOM = 32 };

/* The chain as it is followed: what was sent, and at its end what is configured. */
struct path {
    struct x509 parts[CHAIN_MAX + 1];
    struct certificate facts[CHAIN_MAX + 1];
    size_t length;
};

static struct diagnosis PRINTF(2, 3) say(enum diagnosis_cause cause, const char *format, ...)
{
    struct diagnosis diagnosis = {.cause = cause};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(diagnosis.sentence, sizeof diagnosis.sentence, format, args); /* may be cut */
    va_end(args);
    return diagnosis;
}

static const char *date(char out[DATE_ROOM], time_t when)
{
    struct tm tm;
    (void)snprintf(out, DATE_ROOM, "?");
    if (gmtime_r(&when, &tm) != NULL)
        (void)strftime(out, DATE_ROOM, "%Y-%m-%dT%H:%M:%SZ", &tm); /* "?" stays otherwise */
    return out;
}

static const char *id_or_none(const char *id)
{
    return *id == '\0' ? "not given" : id;
}

/* --------------------------------------------------------------------------------------- issuers
 */

/* The certificate in a list that has the name of `certificate`'s issuer, and signed it if one did.
 */
static size_t find_issuer(const struct x509 *certificate, const struct x509 *list, size_t count,
                          bool *signed_it)
{
    size_t namesake = count;
    *signed_it = false;
    for (size_t i = 0; i < count; i++) {
        if (!span_equal(list[i].subject, certificate->issuer)) continue;
        namesake = i;
        *signed_it = x509_is_signed_by(certificate, &list[i]);
        if (*signed_it) return i;
    }
    return namesake;
}

/* A configured CA with the key that the authority key id names, or `count`. */
static size_t find_key(const struct diagnosis_question *question, const char *key_id)
{
    size_t count = question->authorities_count;
    for (size_t i = 0; i < question->authorities_count && count == question->authorities_count;
         i++) {
        struct certificate facts;
        struct span der = question->authorities[i].der;
        if (!certificate_read(&facts, der.data, der.length)) continue;
        if (*key_id != '\0' && strcmp(facts.subject_key_id, key_id) == 0) count = i;
        certificate_clear(&facts);
    }
    return count;
}

/* Nobody known has the issuer's name. */
static struct diagnosis unknown_issuer(const struct diagnosis_question *question,
                                       const struct certificate *facts)
{
    struct certificate closest;
    size_t same_key = find_key(question, facts->authority_key_id);
    if (same_key < question->authorities_count &&
        certificate_read(&closest, question->authorities[same_key].der.data,
                         question->authorities[same_key].der.length)) {
        struct diagnosis diagnosis = say(
            DIAGNOSIS_UNKNOWN_ISSUER,
            "the issuer of %s, which is %s (key id %s), is not in client_ca, nor did the client "
            "send it; the closest configured CA is %s, which has that key under another name: add "
            "the issuer's own certificate to client_ca",
            facts->subject, facts->issuer, id_or_none(facts->authority_key_id), closest.subject);
        certificate_clear(&closest);
        return diagnosis;
    }
    return say(DIAGNOSIS_UNKNOWN_ISSUER,
               "the issuer of %s, which is %s (key id %s), is not in client_ca, nor did the client "
               "send it: add it to client_ca, or have the client send its intermediates",
               facts->subject, facts->issuer, id_or_none(facts->authority_key_id));
}

/* Someone has the issuer's name, and did not sign. */
static struct diagnosis wrong_signature(const struct certificate *facts,
                                        const struct x509 *namesake, bool is_configured)
{
    struct certificate closest;
    if (!certificate_read(&closest, namesake->der.data, namesake->der.length))
        return say(DIAGNOSIS_UNREADABLE, "a CA certificate cannot be read");
    bool another_key = *facts->authority_key_id != '\0' &&
                       strcmp(facts->authority_key_id, closest.subject_key_id) != 0;
    const char *where = is_configured ? "in client_ca" : "that the client sent";
    struct diagnosis diagnosis =
        another_key
            ? say(DIAGNOSIS_UNKNOWN_ISSUER,
                  "%s was issued by a CA named %s with the key id %s; the CA of that name %s has "
                  "another key (key id %s), as when a CA was renewed: add the one that issued it",
                  facts->subject, facts->issuer, facts->authority_key_id, where,
                  id_or_none(closest.subject_key_id))
            : say(DIAGNOSIS_BAD_SIGNATURE,
                  "the signature of %s is not that of %s %s: the certificate was changed, or "
                  "another CA of the same name made it",
                  facts->subject, facts->issuer, where);
    certificate_clear(&closest);
    return diagnosis;
}

/* ------------------------------------------------------------------------------------------ path
 */

static bool add(struct path *path, const struct x509 *part)
{
    if (path->length > CHAIN_MAX) return false;
    path->parts[path->length] = *part;
    if (!certificate_read(&path->facts[path->length], part->der.data, part->der.length))
        return false;
    path->length++;
    return true;
}

static bool is_configured(const struct diagnosis_question *question, const struct x509 *part)
{
    for (size_t i = 0; i < question->authorities_count; i++)
        if (span_equal(question->authorities[i].der, part->der)) return true;
    return false;
}

/* Goes from the leaf to a configured CA. */
static struct diagnosis follow(const struct diagnosis_question *question, const struct x509 *sent,
                               struct path *path)
{
    for (;;) {
        bool signed_it = false;
        const struct x509 *part = &path->parts[path->length - 1];
        const struct certificate *facts = &path->facts[path->length - 1];
        if (path->length > 1 && is_configured(question, part)) return say(DIAGNOSIS_GOOD, "good");
        size_t found = find_issuer(part, question->authorities, question->authorities_count,
                                   &signed_it);
        if (signed_it)
            return add(path, &question->authorities[found])
                       ? say(DIAGNOSIS_GOOD, "good")
                       : say(DIAGNOSIS_UNREADABLE, "a CA certificate cannot be read");
        if (x509_is_self_issued(part))
            return say(path->length == 1 ? DIAGNOSIS_SELF_SIGNED : DIAGNOSIS_UNKNOWN_ISSUER,
                       path->length == 1
                           ? "%s is self-signed, so no configured CA vouches for it: have it "
                             "issued by a CA in client_ca"
                           : "the client's chain ends in the root %s, which is not in client_ca: "
                             "add it, or have the client's certificate issued by another CA",
                       facts->subject);
        size_t next = find_issuer(part, sent, question->count, &signed_it);
        if (signed_it) {
            if (!add(path, &sent[next]))
                return say(DIAGNOSIS_CHAIN_TOO_LONG, "the client's chain is too long");
            continue;
        }
        if (found < question->authorities_count)
            return wrong_signature(facts, &question->authorities[found], true);
        if (next < question->count) return wrong_signature(facts, &sent[next], false);
        return unknown_issuer(question, facts);
    }
}

/* ---------------------------------------------------------------------------------------- checks
 */

static struct diagnosis check_dates(const struct certificate *facts, bool is_leaf, time_t now)
{
    char span[TEXT_DURATION_ROOM];
    char when[DATE_ROOM];
    char today[DATE_ROOM];
    const char *what = is_leaf ? "client certificate" : "the CA certificate in its chain";
    if (now >= facts->not_after)
        return say(DIAGNOSIS_EXPIRED,
                   "%s expired %s ago (%s), on %s, and it is %s by this clock: renew it, or set "
                   "the clock",
                   what, text_duration(span, now - facts->not_after), facts->subject,
                   date(when, facts->not_after), date(today, now));
    if (now < facts->not_before)
        return say(DIAGNOSIS_NOT_YET_VALID,
                   "%s is not valid before %s from now (%s), on %s, and it is %s by this clock: "
                   "compare the clocks",
                   what, text_duration(span, facts->not_before - now), facts->subject,
                   date(when, facts->not_before), date(today, now));
    return say(DIAGNOSIS_GOOD, "good");
}

static struct diagnosis check_authority(const struct certificate *facts, size_t below)
{
    if (!facts->is_ca ||
        (facts->has_key_usage && (facts->key_usage & CERTIFICATE_KEY_CERT_SIGN) == 0))
        return say(DIAGNOSIS_NOT_A_CA, "%s issued a certificate and may not: it is no CA",
                   facts->subject);
    if (facts->path_length >= 0 && below > (size_t)facts->path_length)
        return say(DIAGNOSIS_PATH_LENGTH,
                   "%s allows %d CAs below itself, and there are %zu: have the intermediate issued "
                   "by another CA",
                   facts->subject, facts->path_length, below);
    return say(DIAGNOSIS_GOOD, "good");
}

static struct diagnosis check_leaf(const struct certificate *facts)
{
    if (!facts->client_auth)
        return say(DIAGNOSIS_USAGE,
                   "%s may not be used by TLS clients: its extended key usage lacks clientAuth, "
                   "have it issued again with it",
                   facts->subject);
    if (facts->has_key_usage && (facts->key_usage & CERTIFICATE_DIGITAL_SIGNATURE) == 0)
        return say(DIAGNOSIS_USAGE,
                   "%s may not sign: its key usage lacks digitalSignature, have it issued again "
                   "with it",
                   facts->subject);
    if (facts->key == CERTIFICATE_KEY_RSA && facts->key_bits < WEAKEST_RSA_BITS)
        return say(DIAGNOSIS_WEAK_KEY, "the key of %s is RSA of %u bits, and %d are the least",
                   facts->subject, facts->key_bits, WEAKEST_RSA_BITS);
    return say(DIAGNOSIS_GOOD, "good");
}

static struct diagnosis revoked(const struct crl *crl, const struct x509 *part,
                                const struct certificate *facts)
{
    char when[DATE_ROOM];
    const char *reason = NULL;
    time_t since = crl_revoked_since(crl, part, &reason);
    return say(
        DIAGNOSIS_REVOKED,
        "client certificate is revoked (%s, serial %s of %s) since %s, reason %s, by the CRL "
        "of %s",
        facts->subject, facts->serial, facts->issuer, date(when, since), reason,
        date((char[DATE_ROOM]){0}, crl->this_update));
}

static struct diagnosis check_revocation(const struct diagnosis_question *question,
                                         const struct x509 *part, const struct certificate *facts)
{
    char span[TEXT_DURATION_ROOM];
    const struct crl *outdated = NULL;
    bool current = false;
    if (question->crls_count == 0) return say(DIAGNOSIS_GOOD, "good");
    for (size_t i = 0; i < question->crls_count; i++) {
        const struct crl *crl = &question->crls[i];
        if (!crl_is_for(crl, part)) continue;
        if (crl_revokes(crl, part)) return revoked(crl, part, facts);
        if (crl_is_current(crl, question->now))
            current = true;
        else
            outdated = crl;
    }
    if (current || (outdated != NULL && question->allow_outdated))
        return say(DIAGNOSIS_GOOD, "good");
    if (outdated == NULL)
        return say(DIAGNOSIS_CRL_MISSING,
                   "the CRL of %s is not in client_crl (client certificate %s): add it",
                   facts->issuer, facts->subject);
    return say(DIAGNOSIS_CRL_OUTDATED,
               "the CRL of %s is outdated (client certificate %s) since %s: put its next one in "
               "place",
               facts->issuer, facts->subject,
               text_duration(span, question->now - outdated->next_update));
}

static struct diagnosis check(const struct diagnosis_question *question, const struct path *path)
{
    struct diagnosis found = say(DIAGNOSIS_GOOD, "good");
    for (size_t i = 0; i < path->length && found.cause == DIAGNOSIS_GOOD; i++) {
        found = check_dates(&path->facts[i], i == 0, question->now);
        if (found.cause == DIAGNOSIS_GOOD)
            found = i == 0 ? check_leaf(&path->facts[0]) : check_authority(&path->facts[i], i - 1);
    }
    return found;
}

/* Of all that was sent, as the verdict is made. */
static struct diagnosis check_all_revocations(const struct diagnosis_question *question,
                                              const struct x509 *sent)
{
    struct diagnosis found = say(DIAGNOSIS_GOOD, "good");
    for (size_t i = 0; i < question->count && found.cause == DIAGNOSIS_GOOD; i++) {
        struct certificate facts;
        if (!certificate_read(&facts, sent[i].der.data, sent[i].der.length))
            return say(DIAGNOSIS_UNREADABLE,
                       "certificate number %zu that the client sent cannot be read", i + 1);
        found = check_revocation(question, &sent[i], &facts);
        certificate_clear(&facts);
    }
    return found;
}

struct diagnosis diagnose(const struct diagnosis_question *question)
{
    struct x509 sent[CHAIN_MAX];
    struct path path = {.length = 0};
    if (question->count == 0) return say(DIAGNOSIS_NONE_SENT, "client sent no certificate");
    if (question->count > question->max_chain_depth || question->count > CHAIN_MAX)
        return say(DIAGNOSIS_CHAIN_TOO_LONG,
                   "the client's chain has %zu certificates, and max_chain_depth is %u",
                   question->count, question->max_chain_depth);
    for (size_t i = 0; i < question->count; i++)
        if (!x509_read(&sent[i], question->chain[i]))
            return say(DIAGNOSIS_UNREADABLE,
                       "certificate number %zu that the client sent cannot be read", i + 1);
    struct diagnosis found = say(DIAGNOSIS_UNREADABLE, "the client's certificate cannot be read");
    if (add(&path, &sent[0])) {
        found = follow(question, sent, &path);
        if (found.cause == DIAGNOSIS_GOOD) found = check(question, &path);
        if (found.cause == DIAGNOSIS_GOOD) found = check_all_revocations(question, sent);
    }
    for (size_t i = 0; i < path.length; i++)
        certificate_clear(&path.facts[i]);
    return found;
}
