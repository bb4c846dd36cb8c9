// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/passwords.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { LARGEST_FILE = 70000, LONGEST_PASSWORD = 65535 };

struct password {
    const struct config_rule *rule;
    uint8_t *content; /* of the whole file */
    size_t content_length;
    size_t length;
};

struct passwords {
    size_t count;
    struct password items[]; /* by the address of the rule */
};

static size_t count_files(const struct config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->policies_count; i++)
        for (size_t j = 0; j < config->policies[i].rules_count; j++)
            count += config->policies[i].rules[j].connect.password_file != NULL;
    return count;
}

static bool load(struct password *password, const char *path, struct err *err)
{
    password->content = file_read(path, LARGEST_FILE, &password->content_length, err);
    if (password->content == NULL) return false;
    const uint8_t *end = memchr(password->content, '\n', password->content_length);
    password->length = end == NULL ? password->content_length : (size_t)(end - password->content);
    if (password->length > 0 && password->content[password->length - 1] == '\r') password->length--;
    if (password->length == 0)
        return err_set(err, "%s: its first line, the password, is empty", path);
    if (password->length > LONGEST_PASSWORD)
        return err_set(err, "%s: its first line, the password, is longer than MQTT allows", path);
    return true;
}

static void wipe(struct password *password)
{
    if (password->content != NULL) explicit_bzero(password->content, password->content_length);
    free(password->content);
}

static int by_rule(const void *a, const void *b)
{
    const struct config_rule *left = ((const struct password *)a)->rule;
    const struct config_rule *right = ((const struct password *)b)->rule;
    return left < right ? -1 : left > right;
}

struct passwords *passwords_new(const struct config *config, struct err *err)
{
    size_t room = count_files(config);
    struct passwords *passwords = calloc(1, sizeof *passwords + room * sizeof(struct password));
    if (passwords == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < config->policies_count; i++)
        for (size_t j = 0; j < config->policies[i].rules_count; j++) {
            const struct config_rule *rule = &config->policies[i].rules[j];
            if (rule->connect.password_file == NULL) continue;
            struct password *password = &passwords->items[passwords->count++];
            password->rule = rule;
            if (load(password, rule->connect.password_file, err)) continue;
            passwords_free(passwords);
            return NULL;
        }
    qsort(passwords->items, passwords->count, sizeof passwords->items[0], by_rule);
    return passwords;
}

bool passwords_check(const char *path, struct err *err)
{
    struct password password = {.content = NULL};
    bool good = load(&password, path, err);
    wipe(&password);
    return good;
}

void passwords_free(struct passwords *passwords)
{
    if (passwords == NULL) return;
    for (size_t i = 0; i < passwords->count; i++)
        wipe(&passwords->items[i]);
    free(passwords);
}

struct span passwords_of(const struct passwords *passwords, const struct config_rule *rule)
{
    struct password wanted = {.rule = rule};
    const struct password *found = bsearch(&wanted, passwords->items, passwords->count,
                                           sizeof wanted, by_rule);
    return found == NULL ? (struct span){NULL, 0} : (struct span){found->content, found->length};
}
