// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/chain_report.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "certs/beside.h"
#include "certs/certificate.h"
#include "certs/chain.h"
#include "certs/ocsp.h"
#include "certs/pem.h"
#include "proxy/tls/names.h"

enum { DAY_S = 24 * 3600 };

struct report {
    const struct chain_question *question;
    json_t *out;
    json_t *problems;
    struct x509 sent[CHAIN_MAX];
    struct certificate facts[CHAIN_MAX];
    size_t count;
    struct chain path;
};

static void set(json_t *object, const char *key, json_t *value)
{
    CHECK(json_object_set_new(object, key, value) == 0);
}

static void PRINTF(2, 3) add_problem(struct report *report, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a long one is cut */
    va_end(args);
    CHECK(json_array_append_new(report->problems, json_string(text)) == 0);
}

static json_t *when(time_t time)
{
    char text[32] = "?";
    struct tm tm;
    if (gmtime_r(&time, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm); /* "?" stays otherwise */
    return json_string(text);
}

/* ------------------------------------------------------------------------------------------ files
 */

/* A certificate in a file that signed another one. */
struct signer {
    bool found;
    bool is_root;
    bool comes_first; /* in its file, which can be appended as it is */
    char path[PATH_MAX];
    char subject[512];
    char key_id[128];
};

static bool look_into(struct signer *out, const struct x509 *certificate, const char *path,
                      bool root_wanted)
{
    struct pem pem;
    struct x509 candidate;
    struct certificate facts;
    if (!pem_load(&pem, path, NULL)) return false;
    for (size_t i = 0; i < pem_count(&pem, PEM_CERTIFICATE) && !out->found; i++) {
        struct span der = pem_find(&pem, PEM_CERTIFICATE, i)->der;
        if (!x509_read(&candidate, der) || !x509_is_signed_by(certificate, &candidate)) continue;
        if (root_wanted && !x509_is_self_issued(&candidate)) continue;
        if (!certificate_read(&facts, der.data, der.length)) continue;
        out->found = true;
        out->comes_first = i == 0;
        out->is_root = x509_is_self_issued(&candidate);
        (void)snprintf(out->path, sizeof out->path, "%s", path); /* long ones are cut */
        (void)snprintf(out->subject, sizeof out->subject, "%s", facts.subject);
        (void)snprintf(out->key_id, sizeof out->key_id, "%s", facts.subject_key_id);
        certificate_clear(&facts);
    }
    pem_clear(&pem);
    return out->found;
}

struct search {
    const struct x509 *certificate;
    struct signer signer;
};

static bool look_beside(void *arg, const char *path)
{
    struct search *search = arg;
    struct signer other = {.found = false};
    if (!look_into(&other, search->certificate, path, false)) return false;
    if (other.comes_first || !search->signer.found) search->signer = other;
    return search->signer.comes_first;
}

/* The issuer of `certificate` in the file of trusted ones, or in a file beside that; best in one
 * that begins with it, for somebody's own chain has the intermediate too, and appending that would
 * send their leaf. */
static struct signer look_around(const struct x509 *certificate, const char *path)
{
    struct search search = {.certificate = certificate};
    if (!look_into(&search.signer, certificate, path, false))
        beside_visit(path, look_beside, &search);
    return search.signer;
}

/* ------------------------------------------------------------------------------------------ links
 */

static json_t *link_of(const struct report *report, size_t index)
{
    const struct certificate *facts = &report->facts[index];
    json_t *link = json_object();
    size_t issuer = chain_issuer_of(&report->sent[index], report->sent, report->count);
    set(link, "subject", json_string(facts->subject));
    set(link, "issuer", json_string(facts->issuer));
    set(link, "key", json_string(facts->key_name));
    set(link, "key_bits", json_integer(facts->key_bits));
    set(link, "not_before", when(facts->not_before));
    set(link, "not_after", when(facts->not_after));
    set(link, "days_left", json_integer((facts->not_after - report->question->now) / DAY_S));
    set(link, "signed_by_sent",
        issuer < report->count ? json_integer((json_int_t)issuer + 1) : json_null());
    return link;
}

static void check_dates(struct report *report, size_t index)
{
    char span[TEXT_DURATION_ROOM];
    const struct certificate *facts = &report->facts[index];
    time_t now = report->question->now;
    if (now >= facts->not_after)
        add_problem(report, "\"%s\" expired %s ago: renew it", facts->subject,
                    text_duration(span, now - facts->not_after));
    else if (now < facts->not_before)
        add_problem(report, "\"%s\" is not valid before %s from now: compare the clocks",
                    facts->subject, text_duration(span, facts->not_before - now));
}

static void check_path(struct report *report)
{
    const struct chain *path = &report->path;
    for (size_t i = 0; i < path->length; i++) {
        check_dates(report, path->path[i]);
        const struct certificate *facts = &report->facts[path->path[i]];
        if (i > 0 && !facts->is_ca)
            add_problem(report, "\"%s\" signed another certificate and is no CA: replace it",
                        facts->subject);
    }
    if (!path->ordered)
        add_problem(report, "the chain is out of order: put each certificate before its issuer, "
                            "the server's own first");
    if (path->unrelated > 0)
        add_problem(report, "%zu of the certificates that are sent belong to no link: remove them",
                    path->unrelated);
}

/* The end of the path against what the client trusts. */
static bool check_root(struct report *report)
{
    size_t top = report->path.path[report->path.length - 1];
    const struct x509 *last = &report->sent[top];
    const struct certificate *facts = &report->facts[top];
    struct signer signer = {.found = false};
    json_t *root = json_object();
    if (look_into(&signer, last, report->question->authorities, true)) {
        set(root, "subject", json_string(signer.subject));
        set(root, "file", json_string(signer.path));
        set(report->out, "root", root);
        return true;
    }
    json_decref(root);
    if (x509_is_self_issued(last)) {
        add_problem(report,
                    "the chain ends in \"%s\", which is not in %s: trust it, or have the "
                    "certificate issued by a CA that clients trust",
                    facts->subject, report->question->authorities);
        return false;
    }
    signer = look_around(last, report->question->authorities);
    json_t *missing = json_object();
    set(missing, "subject", json_string(signer.found ? signer.subject : facts->issuer));
    set(missing, "key_id", json_string(facts->authority_key_id));
    set(missing, "file", signer.found ? json_string(signer.path) : json_null());
    set(report->out, "missing", missing);
    if (signer.found)
        add_problem(report,
                    "the chain lacks the intermediate \"%s\" (key id %s), without which clients "
                    "cannot verify \"%s\"; it is in %s: append it to the server's chain",
                    signer.subject, facts->authority_key_id, facts->subject, signer.path);
    else
        add_problem(report,
                    "the chain lacks the issuer of \"%s\": \"%s\" (key id %s), which is not in %s "
                    "either; append it to the server's chain, or trust it if it is a root",
                    facts->subject, facts->issuer,
                    *facts->authority_key_id != 0 ? facts->authority_key_id : "not given",
                    report->question->authorities);
    return false;
}

/* Nothing stapled is nothing wrong, unless the certificate promises it. */
static void check_staple(struct report *report)
{
    struct err err;
    struct ocsp_answer answer;
    const struct chain_question *question = report->question;
    size_t issuer = chain_issuer_of(&report->sent[0], report->sent, report->count);
    if (question->stapled.length == 0) {
        set(report->out, "ocsp", json_string("not stapled"));
        if (ocsp_must_staple(&report->sent[0]))
            add_problem(report, "the certificate says that an OCSP answer is stapled, and none is");
    } else if (issuer == report->count) {
        set(report->out, "ocsp", json_string("stapled, but its issuer is missing"));
    } else if (!ocsp_response_read(&answer, question->stapled, &report->sent[0],
                                   &report->sent[issuer], question->now, &err)) {
        set(report->out, "ocsp", json_string("stapled, but it cannot be used"));
        add_problem(report, "the stapled OCSP answer cannot be used: %s", err.text);
    } else {
        set(report->out, "ocsp",
            json_string(answer.state == OCSP_GOOD      ? "stapled, good"
                        : answer.state == OCSP_REVOKED ? "stapled, revoked"
                                                       : "stapled, unknown"));
        if (answer.state == OCSP_REVOKED)
            add_problem(report, "the stapled OCSP answer says that the certificate is revoked");
    }
}

static bool is_for_name(const struct certificate *leaf, const char *name)
{
    char lower[256];
    size_t length = strlen(name);
    if (length >= sizeof lower) return false;
    for (size_t i = 0; i <= length; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
    for (size_t i = 0; i < leaf->san_ip.count; i++)
        if (strcmp(leaf->san_ip.items[i], name) == 0) return true;
    for (size_t i = 0; i < leaf->san_dns.count; i++)
        if (names_match(leaf->san_dns.items[i], lower)) return true;
    return false;
}

static void check_leaf(struct report *report)
{
    const struct certificate *leaf = &report->facts[0];
    const char *name = report->question->name;
    bool fits = is_for_name(leaf, name);
    set(report->out, "name", json_string(name));
    set(report->out, "name_matches", json_boolean(fits));
    if (!fits)
        add_problem(report,
                    "the certificate is not for \"%s\"%s%s: have one issued with that name "
                    "in its SAN, or ask for a name that it has with --server-name",
                    name, leaf->san_dns.count > 0 ? ", but for " : "",
                    leaf->san_dns.count > 0 ? leaf->san_dns.items[0] : "");
    if (!leaf->server_auth)
        add_problem(report, "the certificate may not be used by servers (extended key usage)");
}

static void read_chain(struct report *report)
{
    const struct chain_question *question = report->question;
    size_t most = question->count < CHAIN_MAX ? question->count : CHAIN_MAX;
    for (size_t i = 0; i < most; i++) {
        struct span der = question->chain[i];
        if (!x509_read(&report->sent[report->count], der) ||
            !certificate_read(&report->facts[report->count], der.data, der.length)) {
            add_problem(report, "certificate number %zu cannot be read", i + 1);
            return;
        }
        report->count++;
    }
}

json_t *chain_report(const struct chain_question *question)
{
    struct report report = {.question = question, .out = json_object(), .problems = json_array()};
    json_t *links = json_array();
    bool rooted = false;
    read_chain(&report);
    for (size_t i = 0; i < report.count; i++)
        CHECK(json_array_append_new(links, link_of(&report, i)) == 0);
    if (report.count > 0) {
        chain_follow(&report.path, report.sent, report.count);
        rooted = check_root(&report);
        check_path(&report);
        check_leaf(&report);
        check_staple(&report);
    } else {
        add_problem(&report, "the server sent no certificate");
    }
    set(report.out, "links", links);
    set(report.out, "verified", json_boolean(rooted && json_array_size(report.problems) == 0));
    set(report.out, "problems", report.problems);
    for (size_t i = 0; i < report.count; i++)
        certificate_clear(&report.facts[i]);
    return report.out;
}
