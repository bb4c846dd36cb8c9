// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/packet_ids.h"

#include <setjmp.h>
#include <stdarg.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_what_was_added_until_it_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
