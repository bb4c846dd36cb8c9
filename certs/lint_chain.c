// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits.h>
#include <stdio.h>

#include "certs/beside.h"
#include "certs/chain.h"
#include "certs/lint_report.h"

/* A certificate that is looked for beside the file. */
struct issuer {
    const struct x509 *of;
    bool found;
    bool is_root;
    char path[PATH_MAX];
    char subject[512];
};

/* True: the file begins with the issuer, and there is no better place to name. */
static bool look_into(void *arg, const char *path)
{
    struct issuer *issuer = arg;
    struct lint_file file;
    if (!lint_file_try(&file, path)) return false;
    size_t index = chain_issuer_of(issuer->of, file.parts, file.count);
    if (index < file.count && (index == 0 || !issuer->found)) {
        issuer->found = true;
        issuer->is_root = x509_is_self_issued(&file.parts[index]);
        (void)snprintf(issuer->path, sizeof issuer->path, "%s", path); /* long ones are cut */
        (void)snprintf(issuer->subject, sizeof issuer->subject, "%s", file.facts[index].subject);
    }
    lint_file_clear(&file);
    return index == 0;
}

static void lint_missing(struct lint *lint, const struct lint_file *file, size_t top, bool is_leaf)
{
    const struct certificate *facts = &file->facts[top];
    struct issuer issuer = {.of = &file->parts[top]};
    beside_visit(file->path, look_into, &issuer);
    if (issuer.found && issuer.is_root) return; /* complete: roots are the client's */
    if (issuer.found)
        lint_warning(lint,
                     "%s: the chain lacks the intermediate \"%s\" (key id %s), without which "
                     "clients cannot verify \"%s\"; it is in %s: append it, in this order: cat %s "
                     "%s > chain.pem",
                     file->path, issuer.subject, facts->authority_key_id, facts->subject,
                     issuer.path, file->path, issuer.path);
    else if (is_leaf)
        lint_warning(lint,
                     "%s: the chain lacks the issuer of \"%s\": \"%s\" (key id %s); append it, "
                     "unless it is a root that all clients have",
                     file->path, facts->subject, facts->issuer,
                     *facts->authority_key_id != 0 ? facts->authority_key_id : "not given");
}

static bool is_in_path(const struct chain *chain, size_t index)
{
    for (size_t i = 0; i < chain->length; i++)
        if (chain->path[i] == index) return true;
    return false;
}

static void lint_unrelated(struct lint *lint, const struct lint_file *file,
                           const struct chain *chain)
{
    for (size_t i = 0; i < file->count; i++)
        if (!is_in_path(chain, i))
            lint_warning(lint,
                         "%s: certificate %zu, \"%s\", is no part of the chain of \"%s\": "
                         "remove it",
                         file->path, i + 1, file->facts[i].subject, file->facts[0].subject);
}

void lint_chain(struct lint *lint, const struct lint_file *file)
{
    struct chain chain;
    chain_follow(&chain, file->parts, file->count);
    size_t top = chain.path[chain.length - 1];
    for (size_t i = 1; i < chain.length; i++)
        lint_dates(lint, file->path, "the intermediate", &file->facts[chain.path[i]]);
    if (!chain.ordered)
        lint_warning(lint,
                     "%s: the chain is out of order: put each certificate before its issuer, the "
                     "server's own first",
                     file->path);
    if (chain.ends_in_root && chain.length > 1)
        lint_warning(lint,
                     "%s: the root \"%s\" is in the chain: remove it, clients trust only their own "
                     "copy and it makes every handshake longer",
                     file->path, file->facts[top].subject);
    if (!x509_is_self_issued(&file->parts[top])) lint_missing(lint, file, top, chain.length == 1);
    lint_unrelated(lint, file, &chain);
}
