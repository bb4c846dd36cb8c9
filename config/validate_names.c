// SPDX-License-Identifier: GPL-3.0-or-later
/* Names: those that are not given, those that are there twice, and what refers to them. */
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "config/validate.h"

static void fill_names(struct bind *bind, struct config *config)
{
    for (size_t i = 0; i < config->listeners_count; i++)
        if (!bind_given(bind, &config->listeners[i].name))
            config->listeners[i].name = arena_format(bind->arena, "listener-%zu", i + 1);
    if (config->backends_count == 1 && !bind_given(bind, &config->backends[0].name))
        config->backends[0].name = arena_format(bind->arena, "main");
    for (size_t i = 0; i < config->backends_count; i++)
        if (!bind_given(bind, &config->backends[i].name) && config->backends_count > 1)
            diagnostics_error(bind->found, config->backends[i].mark,
                              "a backend needs the key \"name\" when there are several");
    for (size_t i = 0; i < config->policies_count; i++) {
        struct config_policy *policy = &config->policies[i];
        for (size_t j = 0; j < policy->rules_count; j++)
            if (!bind_given(bind, &policy->rules[j].name))
                policy->rules[j].name = arena_format(bind->arena, "rule-%zu", j + 1);
    }
}

/* The names of one kind of thing, for looking up and for checking that none is there twice. */
struct name_list {
    const char *kind;
    const char **items;
    struct config_mark *marks;
    size_t count;
};

static struct name_list name_list(struct bind *bind, const char *kind, size_t room)
{
    return (struct name_list){kind, arena_take(bind->arena, room + 1, sizeof(char *)),
                              arena_take(bind->arena, room + 1, sizeof(struct config_mark)), 0};
}

static void add_name(const struct bind *bind, struct name_list *list, char *const *name,
                     struct config_mark fallback)
{
    list->items[list->count] = *name ? *name : "";
    list->marks[list->count++] = bind_mark_or(bind, name, fallback);
}

static int by_name(const void *left, const void *right, void *arg)
{
    const struct name_list *list = arg;
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;
    int order = strcmp(list->items[a], list->items[b]);
    return order ? order : a < b ? -1 : a > b;
}

static void check_unique(struct bind *bind, const struct name_list *list)
{
    size_t *order = arena_take(bind->arena, list->count + 1, sizeof *order);
    for (size_t i = 0; i < list->count; i++)
        order[i] = i;
    qsort_r(order, list->count, sizeof *order, by_name, (void *)(uintptr_t)list);
    for (size_t i = 1; i < list->count; i++) {
        const char *name = list->items[order[i]];
        if (*name && strcmp(name, list->items[order[i - 1]]) == 0)
            diagnostics_error(bind->found, list->marks[order[i]],
                              "a second %s is named \"%s\", as in line %u: give it another name",
                              list->kind, name, list->marks[order[i - 1]].line);
    }
}

static struct name_list backend_names(struct bind *bind, const struct config *config)
{
    struct name_list list = name_list(bind, "backend", config->backends_count);
    for (size_t i = 0; i < config->backends_count; i++)
        add_name(bind, &list, &config->backends[i].name, config->backends[i].mark);
    return list;
}

static struct name_list policy_names(struct bind *bind, const struct config *config)
{
    struct name_list list = name_list(bind, "policy", config->policies_count);
    for (size_t i = 0; i < config->policies_count; i++)
        add_name(bind, &list, &config->policies[i].name, config->policies[i].mark);
    return list;
}

static void check_names(struct bind *bind, const struct config *config)
{
    struct name_list list = name_list(bind, "listener", config->listeners_count);
    for (size_t i = 0; i < config->listeners_count; i++)
        add_name(bind, &list, &config->listeners[i].name, config->listeners[i].mark);
    check_unique(bind, &list);
    list = backend_names(bind, config);
    check_unique(bind, &list);
    list = policy_names(bind, config);
    check_unique(bind, &list);
    for (size_t i = 0; i < config->policies_count; i++) {
        const struct config_policy *policy = &config->policies[i];
        list = name_list(bind, "rule of this policy", policy->rules_count);
        for (size_t j = 0; j < policy->rules_count; j++)
            add_name(bind, &list, &policy->rules[j].name, policy->rules[j].mark);
        check_unique(bind, &list);
    }
}

static bool find_name(const struct name_list *list, const char *name, size_t *out)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void resolve(struct bind *bind, const struct config *config)
{
    struct name_list backends = backend_names(bind, config);
    struct name_list policies = policy_names(bind, config);
    for (size_t i = 0; i < bind->references_count; i++) {
        const struct bind_reference *reference = &bind->references[i];
        bool backend = reference->kind == SCHEMA_BACKEND;
        const struct name_list *list = backend ? &backends : &policies;
        if (find_name(list, reference->name, reference->index)) continue;
        if (!backend && strcmp(reference->name, "none") == 0) continue;
        const char *nearest = text_nearest(reference->name, list->items, list->count);
        if (nearest && *nearest)
            diagnostics_error(bind->found, reference->mark,
                              "no %s is named \"%s\": did you mean \"%s\"?", list->kind,
                              reference->name, nearest);
        else
            diagnostics_error(bind->found, reference->mark,
                              "no %s is named \"%s\": add it under \"%s\"", list->kind,
                              reference->name, backend ? "backends" : "policies");
    }
}

static bool rules_name_backends(const struct bind *bind, const struct config *config,
                                const struct config_listener *listener)
{
    if (listener->policy >= config->policies_count) return false;
    const struct config_policy *policy = &config->policies[listener->policy];
    for (size_t i = 0; i < policy->rules_count; i++)
        if (!bind_given(bind, &policy->rules[i].backend)) return false;
    return !policy->otherwise_admit;
}

/* Which backend a listener has that names none. */
static void choose_backend(struct bind *bind, const struct config *config,
                           struct config_listener *listener)
{
    if (bind_given(bind, &listener->backend) || config->backends_count == 0) return;
    if (config->backends_count == 1) {
        listener->backend = 0;
        return;
    }
    for (size_t i = 0; i < config->backends_count; i++)
        if (config->backends[i].name && strcmp(config->backends[i].name, "default") == 0)
            listener->backend = i;
    if (listener->backend == SIZE_MAX && !rules_name_backends(bind, config, listener))
        diagnostics_error(bind->found, listener->mark,
                          "a listener needs the key \"backend\" when there are several and none "
                          "is named \"default\"");
}

void validate_names(struct bind *bind, struct config *config)
{
    fill_names(bind, config);
    check_names(bind, config);
    resolve(bind, config);
    for (size_t i = 0; i < config->listeners_count; i++)
        choose_backend(bind, config, &config->listeners[i]);
}
