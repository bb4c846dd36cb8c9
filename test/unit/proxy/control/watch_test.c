// SPDX-License-Identifier: GPL-3.0-or-later
/* What changes while it is being loaded has changed. */
#include "proxy/control/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/postern-watch-XXXXXX";

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void on_finding(void *arg, const char *file, struct config_mark mark,
                       enum config_severity severity, const char *text)
{
    (void)arg;
    (void)file;
    (void)mark;
    (void)severity;
    fail_msg("%s", text);
}

static const char valid[] = "listeners: [ { address: 127.0.0.1:1, tls: { certificate: /tmp/c, "
                            "private_key: /tmp/k } } ]\n"
                            "backends: [ { servers: [ 127.0.0.1:2 ] } ]\n";

static struct config *load(void)
{
    write_file(path, valid);
    struct config *config = config_load(path, on_finding, NULL);
    assert_non_null(config);
    return config;
}

static void sees_nothing_where_nothing_has_changed(void **state)
{
    (void)state;
    struct config *config = load();
    struct watch *watch = watch_new(config);
    for (int i = 0; i < 3; i++)
        assert_null(watch_poll(watch));
    watch_free(watch);
    config_free(config);
}

static void sees_what_was_written_after_the_file_had_been_read(void **state)
{
    (void)state;
    struct config *config = load();
    write_file(path, "anything else");
    struct watch *watch = watch_new(config);
    const char *first = watch_poll(watch);
    const char *second = watch_poll(watch);
    const char *told = first != NULL ? first : second;
    assert_non_null(told);
    assert_string_equal(told, path);
    assert_null(watch_poll(watch));
    watch_free(watch);
    config_free(config);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_nothing_where_nothing_has_changed),
        cmocka_unit_test(sees_what_was_written_after_the_file_had_been_read),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
