// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/inventory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void count(void *arg, const struct inventory_item *item)
{
    (void)item;
    (*(size_t *)arg)++;
}

static void note_last(void *arg, const struct inventory_item *item)
{
    if (strcmp(item->client_id, "kept") == 0) *(uint64_t *)arg = item->visits;
}

static void see(struct inventory *inventory, const char *client_id, time_t now)
{
    struct inventory_visit visit = {
        .listener = "l", .client_id = client_id, .tls_version = 13, .mqtt_version = 4, .now = now};
    inventory_admitted(inventory, &visit);
    inventory_left(inventory, "l", client_id, now);
}

static void forgets_who_was_not_seen_for_longest(void **state)
{
    (void)state;
    struct inventory *inventory = inventory_new(1000);
    char name[32];
    size_t counted = 0;
    uint64_t visits = 0;
    for (unsigned i = 0; i < 50000; i++) {
        (void)snprintf(name, sizeof name, "c-%u", i);
        see(inventory, name, i);
        if (i % 3 == 0) see(inventory, "kept", i);
    }
    inventory_walk(inventory, count, &counted);
    assert_true(counted > 500 && counted <= 1100);
    inventory_walk(inventory, note_last, &visits);
    assert_int_equal(visits, 16667);
    inventory_free(inventory);
}

static void tells_listeners_and_long_names_apart(void **state)
{
    (void)state;
    struct inventory *inventory = inventory_new(1000);
    char long_name[1000];
    size_t counted = 0;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    struct inventory_visit visit = {.listener = "a", .client_id = "b", .now = 1};
    inventory_admitted(inventory, &visit);
    visit.listener = "ab";
    visit.client_id = "";
    inventory_refused(inventory, &visit, "no_rule");
    visit.client_id = long_name;
    inventory_admitted(inventory, &visit);
    visit.client_id = NULL;
    inventory_admitted(inventory, &visit);
    inventory_walk(inventory, count, &counted);
    assert_int_equal(counted, 3);
    inventory_free(inventory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_who_was_not_seen_for_longest),
        cmocka_unit_test(tells_listeners_and_long_names_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
