// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/admin/exposition.h"

/* What `write` makes of it. */
static void expect(void (*write)(struct exposition *out), const char *expected)
{
    char *text = NULL;
    size_t length = 0;
    struct exposition out = {.out = open_memstream(&text, &length)};
    assert_non_null(out.out);
    write(&out);
    assert_int_equal(fclose(out.out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void write_family(struct exposition *out)
{
    exposition_begin(out, "a_total", EXPOSITION_COUNTER, "How many.");
    exposition_value(out, NULL, 3);
    exposition_value(out, EXPOSITION_LABELS({"x", "1"}, {"y", "2"}), 0);
    exposition_sample(out, "_sum", EXPOSITION_LABELS({"x", "1"}), "z=\"3\"", 0.25);
    exposition_sample(out, "", NULL, "z=\"3\"", -7);
}

static void writes_families_with_their_samples(void **state)
{
    (void)state;
    expect(write_family, "# HELP a_total How many.\n# TYPE a_total counter\na_total 3\n"
                         "a_total{x=\"1\",y=\"2\"} 0\na_total_sum{x=\"1\",z=\"3\"} 0.25\n"
                         "a_total{z=\"3\"} -7\n");
}

static void write_hostile(struct exposition *out)
{
    out->family = "a";
    exposition_value(out, EXPOSITION_LABELS({"x", "\"} 1\nb{\\"}), 1);
    exposition_value(out, EXPOSITION_LABELS({"x", "\xc3\xa4\xff\x01"}), 1);
}

static void escapes_what_would_end_a_label(void **state)
{
    (void)state;
    expect(write_hostile, "a{x=\"\\\"} 1\\\\x0ab{\\\\\"} 1\na{x=\"\xc3\xa4\\\\xff\\\\x01\"} 1\n");
}

static void write_large(struct exposition *out)
{
    out->family = "a";
    exposition_value(out, NULL, 12345678901234.0);
    exposition_value(out, NULL, 1764057600);
    exposition_value(out, NULL, 0.009);
}

static void writes_whole_numbers_whole(void **state)
{
    (void)state;
    expect(write_large, "a 12345678901234\na 1764057600\na 0.009\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_families_with_their_samples),
        cmocka_unit_test(escapes_what_would_end_a_label),
        cmocka_unit_test(writes_whole_numbers_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
