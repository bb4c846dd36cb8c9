// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MANY = 7 };

static void assert_numbers(const struct line *line, const uint64_t *numbers, size_t count)
{
    const struct line_place *before = NULL;
    const struct line_place *place = line->first;
    for (size_t i = 0; i < count; i++) {
        assert_non_null(place);
        assert_int_equal(place->number, numbers[i]);
        assert_ptr_equal(place->previous, before);
        before = place;
        place = place->next;
    }
    assert_null(place);
    assert_ptr_equal(line->last, before);
}

static void it_is_in_order_whoever_is_added_when(void **state)
{
    static const uint64_t orders[][MANY] = {
        {1, 2, 3, 4, 5, 6, 7},
        {7, 6, 5, 4, 3, 2, 1},
        {4, 1, 7, 3, 5, 2, 6},
        {1, 3, 5, 7, 6, 4, 2}
    };
    static const uint64_t sorted[MANY] = {1, 2, 3, 4, 5, 6, 7};
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct line line = {0};
        struct line_place places[MANY] = {0};
        for (size_t j = 0; j < MANY; j++) {
            places[j].number = orders[i][j];
            line_add(&line, &places[j]);
        }
        assert_numbers(&line, sorted, MANY);
    }
}

static void anybody_may_leave(void **state)
{
    struct line line = {0};
    struct line_place places[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        line_add(&line, &places[i]);
    line_remove(&line, &places[1]);
    assert_numbers(&line, (const uint64_t[]){0, 2, 3}, 3);
    line_remove(&line, &places[3]); /* who was added last */
    assert_numbers(&line, (const uint64_t[]){0, 2}, 2);
    line_add(&line, &places[1]);
    line_remove(&line, &places[0]);
    assert_numbers(&line, (const uint64_t[]){1, 2}, 2);
    line_remove(&line, &places[1]);
    line_remove(&line, &places[2]);
    assert_numbers(&line, NULL, 0);
    line_add(&line, &places[3]);
    assert_numbers(&line, (const uint64_t[]){3}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_in_order_whoever_is_added_when),
        cmocka_unit_test(anybody_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
