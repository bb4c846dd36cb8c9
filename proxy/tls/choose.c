// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/choose.h"

#include "proxy/tls/names.h"

static bool context_has_name(const struct tls_context *context, const char *name, bool wildcards)
{
    for (size_t i = 0; i < context->names.count; i++) {
        const char *pattern = context->names.items[i];
        bool is_wildcard = pattern[0] == '*';
        if (is_wildcard == wildcards && names_match(pattern, name)) return true;
    }
    return false;
}

/* ECDSA before RSA, among what the client can verify; whatever there is, if it says that it can
 * verify none of it, so that it fails with its own words. */
static struct tls_context *best_of(struct tls_context *a, struct tls_context *b,
                                   const struct client_hello *hello)
{
    if (a == NULL) return b;
    bool a_fits = a->rsa ? hello->verifies_rsa : hello->verifies_ecdsa;
    bool b_fits = b->rsa ? hello->verifies_rsa : hello->verifies_ecdsa;
    if (a_fits != b_fits) return b_fits ? b : a;
    return a->rsa && !b->rsa ? b : a;
}

static struct tls_context *choose_named(const struct tls_context_set *set,
                                        const struct client_hello *hello, bool wildcards)
{
    struct tls_context *chosen = NULL;
    for (size_t i = 0; i < set->count; i++)
        if (context_has_name(&set->items[i], hello->server_name, wildcards))
            chosen = best_of(chosen, &set->items[i], hello);
    return chosen;
}

/* Those that have a name in common with the first one are it in another kind of key. */
static struct tls_context *choose_default(const struct tls_context_set *set,
                                          const struct client_hello *hello)
{
    struct tls_context *chosen = &set->items[0];
    for (size_t i = 1; i < set->count; i++)
        for (size_t j = 0; j < set->items[i].names.count; j++)
            if (context_has_name(&set->items[0], set->items[i].names.items[j],
                                 set->items[i].names.items[j][0] == '*'))
                chosen = best_of(chosen, &set->items[i], hello);
    return chosen;
}

struct tls_context *tls_choose(const struct tls_context_set *set, const struct client_hello *hello)
{
    if (hello->server_name[0] == '\0') return choose_default(set, hello);
    struct tls_context *chosen = choose_named(set, hello, false);
    if (chosen == NULL) chosen = choose_named(set, hello, true);
    if (chosen != NULL) return chosen;
    return set->refuse_unknown_name ? NULL : choose_default(set, hello);
}
