// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proxy/admin/history.h"

/* Counts that have grown to `count` after `seconds`; refusals are all of one reason. */
static void note(struct history *history, uint64_t seconds, uint64_t count)
{
    static uint64_t begin_ms;
    if (begin_ms == 0) begin_ms = clock_monotonic_ms();
    struct history_moment moment = {
        .at_ms = (int64_t)(1764072000 + seconds) * 1000,
        .clock_ms = begin_ms + seconds * 1000 + seconds / 5, /* late by a millisecond each time */
        .totals = {.connections = count / 2,
                   .connections_total = count,
                   .refusals = count,
                   .bytes_in = count << 33},
        .reasons = {json_object(),                        json_object(),            json_object()},
    };
    (void)json_object_set_new(moment.reasons.refusals, "tls_version",
                              json_integer((json_int_t)count));
    history_note(history, &moment);
    totals_reasons_clear(&moment.reasons);
}

static json_t *item(const json_t *view, const char *list, size_t index)
{
    json_t *found = json_array_get(json_object_get(view, list), index);
    assert_non_null(found);
    return found;
}

static json_int_t number(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static size_t count_of(const json_t *view, const char *list)
{
    return json_array_size(json_object_get(view, list));
}

/* Of tls_version in a minute; 0: it is not told. */
static json_int_t refused_in(const json_t *minute)
{
    return json_integer_value(
        json_object_get(json_object_get(minute, "refusals_by_reason"), "tls_version"));
}

static void tells_what_has_grown_since_the_sample_before(void **state)
{
    struct history *history = history_new();
    (void)state;
    note(history, 5, 10);
    note(history, 10, 10);
    note(history, 15, 4); /* a listener has gone, with its counts */
    note(history, 20, 7);
    json_t *view = history_read(history, 0);
    static const json_int_t grown[] = {10, 0, 0, 3};
    static const json_int_t now[] = {5, 5, 2, 3};
    assert_int_equal(count_of(view, "samples"), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *sample = item(view, "samples", i);
        assert_int_equal(number(sample, "accepted"), grown[i]);
        assert_int_equal(number(sample, "connections"), now[i]);
        assert_int_equal(number(sample, "bytes_in"), grown[i] << 33);
        if (i > 0) assert_int_equal(number(sample, "span_ms"), 5001);
    }
    assert_string_equal(json_string_value(json_object_get(item(view, "samples", 1), "at")),
                        "2025-11-25T12:00:10Z");
    assert_int_equal(count_of(view, "minutes"), 1);
    assert_int_equal(refused_in(item(view, "minutes", 0)), 13);
    json_decref(view);
    history_free(history);
}

static void keeps_an_hour_and_no_more(void **state)
{
    struct history *history = history_new();
    (void)state;
    for (uint64_t i = 1; i <= 2000; i++)
        note(history, i * 5, i);
    json_t *view = history_read(history, 0);
    assert_int_equal(number(view, "last"), 2000);
    assert_int_equal(count_of(view, "samples"), HISTORY_SAMPLES);
    assert_int_equal(number(item(view, "samples", HISTORY_SAMPLES - 1), "connections"), 1000);
    assert_int_equal(number(item(view, "samples", 0), "connections"), (2000 - 719) / 2);
    assert_int_equal(count_of(view, "minutes"), HISTORY_MINUTES);
    for (size_t i = 0; i + 1 < HISTORY_MINUTES; i++)
        assert_int_equal(refused_in(item(view, "minutes", i)), 12);
    json_decref(view);
    history_free(history);
}

static void gives_what_is_new_to_the_one_who_asks_again(void **state)
{
    struct history *history = history_new();
    (void)state;
    for (uint64_t i = 1; i <= 30; i++)
        note(history, i * 5, i);
    json_t *view = history_read(history, 28);
    assert_int_equal(number(view, "last"), 30);
    assert_int_equal(count_of(view, "samples"), 2);
    assert_int_equal(count_of(view, "minutes"), 1);
    json_decref(view);
    view = history_read(history, 30);
    assert_int_equal(count_of(view, "samples") + count_of(view, "minutes"), 0);
    json_decref(view);
    view = history_read(history, 31); /* of the process before this one */
    assert_int_equal(count_of(view, "samples"), 30);
    json_decref(view);
    history_free(history);
}

static void a_quiet_minute_has_no_reasons(void **state)
{
    struct history *history = history_new();
    (void)state;
    for (uint64_t i = 1; i <= 24; i++)
        note(history, i * 5, i < 12 ? i : 11);
    json_t *view = history_read(history, 0);
    size_t minutes = count_of(view, "minutes");
    assert_true(minutes >= 2);
    assert_int_equal(refused_in(item(view, "minutes", 0)), 11);
    assert_int_equal(
        json_object_size(json_object_get(item(view, "minutes", minutes - 1), "refusals_by_reason")),
        0);
    json_decref(view);
    history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_has_grown_since_the_sample_before),
        cmocka_unit_test(keeps_an_hour_and_no_more),
        cmocka_unit_test(gives_what_is_new_to_the_one_who_asks_again),
        cmocka_unit_test(a_quiet_minute_has_no_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
