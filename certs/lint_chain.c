// SPDX-License-Identifier: GPL-3.0-or-later
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "certs/chain.h"
#include "certs/lint_report.h"

enum { FILES_MAX = 500 };

/* A certificate that was looked for beside the file. */
struct issuer {
    bool found;
    bool is_root;
    char path[PATH_MAX];
    char subject[512];
};

static bool may_hold_certificates(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name &&
           (strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0 || strcmp(dot, ".cer") == 0);
}

/* True: the file begins with the issuer, and there is no better place to name. */
static bool look_into(struct issuer *out, const struct x509 *certificate, const char *path)
{
    struct lint_file file;
    if (!lint_file_try(&file, path)) return false;
    size_t index = chain_issuer_of(certificate, file.parts, file.count);
    if (index < file.count && (index == 0 || !out->found)) {
        out->found = true;
        out->is_root = x509_is_self_issued(&file.parts[index]);
        (void)snprintf(out->path, sizeof out->path, "%s", path); /* long ones are cut */
        (void)snprintf(out->subject, sizeof out->subject, "%s", file.facts[index].subject);
    }
    lint_file_clear(&file);
    return index == 0;
}

/* Whether the issuer of `certificate` is in a file beside `path`. */
static struct issuer look_beside(const struct x509 *certificate, const char *path)
{
    struct issuer issuer = {0};
    char folder[PATH_MAX];
    char candidate[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : (int)(slash - path);
    if (length >= (int)sizeof folder) return issuer;
    (void)snprintf(folder, sizeof folder, "%.*s", length, slash == NULL ? "." : path);
    DIR *dir = opendir(length == 0 ? "/" : folder);
    const struct dirent *entry;
    for (int i = 0; dir != NULL && i < FILES_MAX && (entry = readdir(dir)) != NULL; i++) {
        if (!may_hold_certificates(entry->d_name)) continue;
        int used = snprintf(candidate, sizeof candidate, "%s/%s", folder, entry->d_name);
        if (used < 0 || (size_t)used >= sizeof candidate) continue;
        if (look_into(&issuer, certificate, candidate)) break;
    }
    if (dir != NULL) (void)closedir(dir); /* it was only read */
    return issuer;
}

static void lint_missing(struct lint *lint, const struct lint_file *file, size_t top, bool is_leaf)
{
    const struct certificate *facts = &file->facts[top];
    struct issuer issuer = look_beside(&file->parts[top], file->path);
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
