// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "certs/certificate.h"
#include "certs/pem.h"

static bool add_name(struct config_strings *names, const char *name)
{
    char *copy = strdup(name);
    char **grown = copy == NULL ? NULL : realloc(names->items, (names->count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(copy);
        return false;
    }
    for (char *at = copy; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    names->items = grown;
    names->items[names->count++] = copy;
    return true;
}

static bool take_names(struct config_strings *names, const struct config_certificate *config,
                       const struct certificate *leaf)
{
    bool done = true;
    for (size_t i = 0; i < config->server_names.count; i++)
        done = done && add_name(names, config->server_names.items[i]);
    if (config->server_names.count > 0) return done;
    for (size_t i = 0; i < leaf->san_dns.count; i++)
        done = done && add_name(names, leaf->san_dns.items[i]);
    if (leaf->san_dns.count == 0 && leaf->common_name[0] != '\0')
        done = done && add_name(names, leaf->common_name);
    return done;
}

bool names_load(struct config_strings *names, bool *rsa, const struct config_certificate *config,
                struct span content, struct err *err)
{
    struct pem pem;
    struct certificate leaf;
    if (!pem_read(&pem, content, err)) return err_prefix(err, "%s", config->certificate);
    const struct pem_block *block = pem_find(&pem, PEM_CERTIFICATE, 0);
    bool read = block != NULL && certificate_read(&leaf, block->der.data, block->der.length);
    bool done = false;
    if (read) {
        *rsa = leaf.key == CERTIFICATE_KEY_RSA;
        done = take_names(names, config, &leaf) || err_set(err, "out of memory");
        certificate_clear(&leaf);
    } else {
        err_set(err, "%s: the first certificate in it cannot be read", config->certificate);
    }
    pem_clear(&pem);
    return done;
}

void names_clear(struct config_strings *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct config_strings){0};
}

bool names_match(const char *pattern, const char *name)
{
    if (strncmp(pattern, "*.", 2) != 0) return strcmp(pattern, name) == 0;
    const char *dot = strchr(name, '.');
    return dot != NULL && dot != name && strcmp(pattern + 1, dot) == 0;
}
