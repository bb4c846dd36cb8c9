// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char path[64];

static const char *written(void)
{
    static char content[16384];
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, content, sizeof content - 1);
    (void)close(fd);
    content[length < 0 ? 0 : length] = '\0';
    return content;
}

static int make_file(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/log-test-XXXXXX");
    return close(mkstemp(path));
}

static int remove_file(void **state)
{
    (void)state;
    log_close();
    return unlink(path);
}

static void log_one(const char *client_id)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "client refused");
    log_text(&line, "client_id", client_id);
    log_number(&line, "bytes", -7);
    log_bool(&line, "resumed", true);
    log_end(&line);
}

static void text_quotes_what_needs_it(void **state)
{
    (void)state;
    struct err err;
    assert_true(log_open(LOG_INFO, LOG_TEXT, path, &err));
    log_one("a b\n");
    log_one("plain");
    assert_non_null(strstr(written(), "Z warn  client refused client_id=\"a b\\x0a\" bytes=-7 "
                                      "resumed=true\n"));
    assert_non_null(strstr(written(), "client_id=plain bytes=-7"));
}

static void json_is_one_object_a_line(void **state)
{
    (void)state;
    struct err err;
    assert_true(log_open(LOG_INFO, LOG_JSON, path, &err));
    log_one("a\"b\n");
    assert_non_null(strstr(written(),
                           "\"level\":\"warn\",\"message\":\"client refused\",\"client_id\":"
                           "\"a\\\"b\\u000a\",\"bytes\":-7,\"resumed\":true}\n"));
}

static void a_level_that_is_off_writes_nothing(void **state)
{
    (void)state;
    struct err err;
    assert_true(log_open(LOG_ERROR, LOG_TEXT, path, &err));
    log_one("x");
    assert_string_equal(written(), "");
}

static void a_line_that_is_too_long_leaves_fields_out_whole(void **state)
{
    (void)state;
    struct err err;
    struct log_line line;
    char longest[1400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_true(log_open(LOG_INFO, LOG_JSON, path, &err));
    log_begin(&line, LOG_INFO, "m");
    for (int i = 0; i < 10; i++)
        log_text(&line, "f", longest);
    log_end(&line);
    const char *text = written();
    assert_true(strlen(text) <= LOG_LINE_BYTES);
    assert_string_equal(text + strlen(text) - 3, "\"}\n");
}

static void a_full_pipe_costs_lines_and_no_time(void **state)
{
    (void)state;
    struct err err;
    char fifo[80];
    char drained[65536];
    (void)snprintf(fifo, sizeof fifo, "%s.fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK);
    assert_true(log_open(LOG_INFO, LOG_TEXT, fifo, &err));
    for (int i = 0; i < 5000; i++)
        log_one("into a pipe that nobody reads");
    while (read(reader, drained, sizeof drained) > 0) {
    }
    log_one("again");
    ssize_t length = read(reader, drained, sizeof drained - 1);
    assert_true(length > 0);
    drained[length] = '\0';
    assert_non_null(strstr(drained, "log lines were lost"));
    (void)close(reader);
    (void)unlink(fifo);
}

static uid_t owner_of(const char *file)
{
    struct stat status;
    assert_int_equal(lstat(file, &status), 0);
    return status.st_uid;
}

/* Whoever may write to the directory of a log could else have root give away any file. */
static void gives_nothing_away_by_a_link(void **state)
{
    (void)state;
    enum { SOMEBODY = 12345 };
    struct err err;
    char link_path[80];
    if (geteuid() != 0) skip(); /* who is not root gives nothing to anybody */
    (void)snprintf(link_path, sizeof link_path, "%s.link", path);
    for (int hard = 0; hard < 2; hard++) {
        assert_int_equal(hard ? link(path, link_path) : symlink(path, link_path), 0);
        assert_true(log_open(LOG_INFO, LOG_TEXT, link_path, &err));
        (void)log_give(SOMEBODY, SOMEBODY);
        assert_int_equal(owner_of(path), 0);
        assert_int_equal(unlink(link_path), 0);
    }
    assert_true(log_open(LOG_INFO, LOG_TEXT, path, &err));
    assert_true(log_give(SOMEBODY, SOMEBODY));
    assert_int_equal(owner_of(path), SOMEBODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_quotes_what_needs_it, make_file, remove_file),
        cmocka_unit_test_setup_teardown(json_is_one_object_a_line, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_level_that_is_off_writes_nothing, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_line_that_is_too_long_leaves_fields_out_whole, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(gives_nothing_away_by_a_link, make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_full_pipe_costs_lines_and_no_time, make_file,
                                        remove_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
