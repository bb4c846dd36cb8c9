// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"0",                      0         },
        {"250ms",                  250       },
        {"10s",                    10000     },
        {"5m",                     300000    },
        {"2h",                     7200000   },
        {"7d",                     604800000 },
        {"0s",                     0         },
        {"007s",                   7000      },
        {"18446744073709551615ms", UINT64_MAX}
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t ms = 1;
        assert_true(units_duration(cases[i].text, &ms, NULL));
        assert_true(ms == cases[i].ms);
    }
}

static void refuses_durations_that_are_none(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "10",
                                        "s",
                                        "1.5s",
                                        "-1s",
                                        "1 s",
                                        "10S",
                                        "1h30m",
                                        "10sec",
                                        "1e3s",
                                        "+1s",
                                        " 1s",
                                        "1s ",
                                        "18446744073709551616ms",
                                        "213503982335d"};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t ms = 0;
        struct err err;
        assert_false(units_duration(cases[i], &ms, &err));
        assert_true(*err.text);
    }
}

static void reads_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0",     0         },
        {"65536", 65536     },
        {"10B",   10        },
        {"64KiB", 65536     },
        {"1MiB",  1048576   },
        {"2GiB",  2147483648}
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t bytes = 1;
        assert_true(units_size(cases[i].text, &bytes, NULL));
        assert_true(bytes == cases[i].bytes);
    }
}

static void refuses_sizes_that_are_none(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "KiB",
                                        "64K",
                                        "64kb",
                                        "64 KiB",
                                        "1.5MiB",
                                        "-1",
                                        "18446744073709551616",
                                        "17179869184GiB"};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t bytes = 0;
        assert_false(units_size(cases[i], &bytes, NULL));
    }
}

static void reads_dates_as_utc(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        time_t when;
    } cases[] = {
        {"1970-01-01",                0         },
        {"2027-06-30",                1814313600},
        {"2028-02-29",                1835395200},
        {"2027-06-30T12:00:00Z",      1814356800},
        {"2027-06-30T12:00:00.25Z",   1814356800},
        {"2027-06-30t12:00:00+02:00", 1814349600},
        {"2027-06-30 12:00:00-01:30", 1814362200}
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        time_t when = 1;
        assert_true(units_date(cases[i].text, &when, NULL));
        assert_true(when == cases[i].when);
    }
}

static void refuses_dates_that_are_none(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "2027",
                                        "2027-6-30",
                                        "2027-13-01",
                                        "2027-00-10",
                                        "2027-02-29",
                                        "2027-06-31",
                                        "30.06.2027",
                                        "2027-06-30T",
                                        "2027-06-30T12:00:00",
                                        "2027-06-00",
                                        "1969-12-31",
                                        "2027-06-30x",
                                        "2027-06-30T24:00:00Z",
                                        "2027-06-30T12:00:00+2",
                                        "2100-02-29",
                                        "2027-06-30T12:00:00.Z"};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        time_t when = 0;
        if (units_date(cases[i], &when, NULL)) fail_msg("%s", cases[i]);
    }
}

static void reads_switches_in_any_case(void **state)
{
    (void)state;
    bool on = false;
    assert_true(units_bool("Yes", &on, NULL) && on);
    assert_true(units_bool("OFF", &on, NULL) && !on);
    assert_true(units_bool("true", &on, NULL) && on);
    assert_false(units_bool("1", &on, NULL));
    assert_false(units_bool("", &on, NULL));
}

static void writes_the_shortest_exact_form(void **state)
{
    (void)state;
    char text[UNITS_TEXT_ROOM];
    units_duration_text(text, 90000);
    assert_string_equal(text, "90s");
    units_duration_text(text, 86400000);
    assert_string_equal(text, "1d");
    units_size_text(text, 65536);
    assert_string_equal(text, "64KiB");
    units_size_text(text, 65);
    assert_string_equal(text, "65B");
    units_size_text(text, UINT64_MAX);
    assert_string_equal(text, "18446744073709551615B");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_durations_that_are_none),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(refuses_sizes_that_are_none),
        cmocka_unit_test(reads_dates_as_utc),
        cmocka_unit_test(refuses_dates_that_are_none),
        cmocka_unit_test(reads_switches_in_any_case),
        cmocka_unit_test(writes_the_shortest_exact_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
