// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/packet_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static void has_what_was_added_until_it_is_removed(void **state)
{
    struct packet_ids set = {0};
    (void)state;
    for (uint16_t id = 1; id <= 100; id++)
        assert_true(packet_ids_add(&set, id));
    assert_false(packet_ids_has(&set, 101));
    assert_true(packet_ids_remove(&set, 1));
    assert_true(packet_ids_remove(&set, 100));
    assert_false(packet_ids_remove(&set, 100));
    for (uint16_t id = 2; id <= 99; id++)
        assert_true(packet_ids_has(&set, id));
    assert_int_equal(packet_ids_count(&set), 98);
    packet_ids_clear(&set);
    assert_false(packet_ids_has(&set, 2));
}

/* A client may have all of them open before MQTT 5, and each of its packets is looked up. */
static void is_quick_with_every_identifier(void **state)
{
    struct packet_ids set = {0};
    clock_t began = clock();
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned id = 1; id <= UINT16_MAX; id++) {
            assert_false(packet_ids_has(&set, (uint16_t)id));
            assert_true(packet_ids_add(&set, (uint16_t)id));
            assert_int_equal(packet_ids_count(&set), id);
        }
        for (unsigned id = UINT16_MAX; id > 0; id--) {
            assert_true(packet_ids_has(&set, (uint16_t)id));
            assert_true(packet_ids_remove(&set, (uint16_t)id));
            assert_false(packet_ids_remove(&set, (uint16_t)id));
        }
        assert_int_equal(packet_ids_count(&set), 0);
    }
    assert_true(clock() - began < 2 * CLOCKS_PER_SEC);
    packet_ids_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_was_added_until_it_is_removed),
        cmocka_unit_test(is_quick_with_every_identifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
