// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/password_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/password.h"

#define HASH                                                                                       \
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void makes_hashes_that_match_their_password_alone(void **state)
{
    char hash[PASSWORD_HASH_ROOM];
    char other[PASSWORD_HASH_ROOM];
    struct err err;
    (void)state;
    assert_true(password_hash(span_of("secret"), hash, &err));
    assert_true(password_hash(span_of("secret"), other, &err));
    assert_string_not_equal(hash, other);
    assert_true(password_hash_is_valid(hash));
    assert_true(password_matches(hash, span_of("secret")));
    assert_true(password_matches(other, span_of("secret")));
    assert_false(password_matches(hash, span_of("secre")));
    assert_false(password_matches(hash, span_of("")));
    assert_false(password_matches(hash, (struct span){(const uint8_t *)"secret\0x", 8}));
}

static void tells_hashes_that_are_none_or_cost_too_much(void **state)
{
    static const char *const bad[] = {
        "",
        "plain",
        "$6$salt$hash",
        "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=2000000,t=2,p=1$c29tZXNhbHRzb21l$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=900,p=1$c29tZXNhbHRzb21l$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHRzb21l$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$short$AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$AAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l",
        HASH "!",
    };
    (void)state;
    assert_true(password_hash_is_valid(HASH));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(password_hash_is_valid(bad[i]));
}

static void write_file(char path[], const char *text)
{
    (void)strcpy(path, "/tmp/postern-users-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static void finds_users_by_their_whole_name(void **state)
{
    char path[64];
    struct err err;
    (void)state;
    write_file(path, "# users\n\nann:" HASH "\r\nbob b:" HASH "\n");
    struct password_file *users = password_file_load(path, &err);
    assert_non_null(users);
    assert_int_equal(password_file_count(users), 2);
    assert_string_equal(password_file_find(users, span_of("ann")), HASH);
    assert_string_equal(password_file_find(users, span_of("bob b")), HASH);
    assert_null(password_file_find(users, span_of("bob")));
    assert_null(password_file_find(users, span_of("")));
    assert_null(password_file_find(users, (struct span){(const uint8_t *)"ann\0", 4}));
    password_file_free(users);
    assert_int_equal(unlink(path), 0);
}

static void names_the_line_that_is_wrong(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"ann:" HASH "\nbob\n",        "line 2: a line is NAME:HASH"             },
        {"ann:secret\n",               "line 1: the hash is none"                },
        {":" HASH "\n",                "line 1: nobody can have"                 },
        {"a:" HASH "\n\na:" HASH "\n", "line 3: this user is in the file already"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char path[64];
        struct err err;
        write_file(path, cases[i].text);
        assert_null(password_file_load(path, &err));
        assert_non_null(strstr(err.text, cases[i].says));
        assert_null(strstr(err.text, "secret"));
        assert_int_equal(unlink(path), 0);
    }
}

static void replaces_and_removes_one_user_alone(void **state)
{
    char path[64];
    struct stat status;
    struct err err;
    (void)state;
    write_file(path, "# kept\nann:" HASH "\nann2:" HASH "\n");
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(password_file_set(path, "bob", HASH, &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_true(password_file_set(path, "ann", NULL, &err));
    assert_false(password_file_set(path, "ann", NULL, &err));
    assert_false(password_file_set(path, "a:b", HASH, &err));
    struct password_file *users = password_file_load(path, &err);
    assert_non_null(users);
    assert_int_equal(password_file_count(users), 2);
    assert_non_null(password_file_find(users, span_of("ann2")));
    assert_non_null(password_file_find(users, span_of("bob")));
    password_file_free(users);
    assert_int_equal(unlink(path), 0);
    assert_false(password_file_set(path, "ann", NULL, &err));
    assert_true(password_file_set(path, "ann", HASH, &err));
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_hashes_that_match_their_password_alone),
        cmocka_unit_test(tells_hashes_that_are_none_or_cost_too_much),
        cmocka_unit_test(finds_users_by_their_whole_name),
        cmocka_unit_test(names_the_line_that_is_wrong),
        cmocka_unit_test(replaces_and_removes_one_user_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
