// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/password_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/table.h"
#include "base/text.h"
#include "broker/password.h"

enum { LARGEST_FILE = 256 * 1024 * 1024, LONGEST_NAME = 1024 };

/* Both lend from the file's text. */
struct user {
    UT_hash_handle hh;
    const char *hash;
};

struct password_file {
    char *text;
    size_t length;
    struct user *users;
};

bool password_file_name_is_valid(struct span name)
{
    if (name.length == 0 || name.length > LONGEST_NAME || name.data[0] == '#') return false;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f || name.data[i] == ':') return false;
    return text_is_utf8(name);
}

static bool add(struct password_file *file, char *line, struct err *err)
{
    char *colon = strchr(line, ':');
    struct user *user = NULL;
    if (colon == NULL) return err_set(err, "a line is NAME:HASH, as `postern passwd` writes it");
    const struct span name = {(const uint8_t *)line, (size_t)(colon - line)};
    if (!password_file_name_is_valid(name)) return err_set(err, "nobody can have such a name");
    if (!password_hash_is_valid(colon + 1))
        return err_set(err, "the hash is none of argon2id: make it with `postern passwd`");
    HASH_FIND(hh, file->users, line, name.length, user);
    if (user != NULL) return err_set(err, "this user is in the file already");
    user = calloc(1, sizeof *user);
    if (user == NULL) return err_set(err, "out of memory");
    user->hash = colon + 1;
    HASH_ADD_KEYPTR(hh, file->users, line, (unsigned)name.length, user);
    if (user->hh.tbl == NULL) {
        free(user);
        return err_set(err, "out of memory");
    }
    return true;
}

static bool read_lines(struct password_file *file, const char *path, struct err *err)
{
    char *next = file->text;
    for (unsigned number = 1; next != NULL; number++) {
        char *line = strsep(&next, "\n");
        line[strcspn(line, "\r")] = '\0';
        if (line[0] == '\0' || line[0] == '#') continue;
        if (!add(file, line, err)) return err_prefix(err, "%s: line %u", path, number);
    }
    return true;
}

struct password_file *password_file_load(const char *path, struct err *err)
{
    size_t length = 0;
    struct password_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    hash_init();
    file->text = (char *)file_read(path, LARGEST_FILE, &length, err);
    file->length = length;
    bool whole = file->text != NULL && strlen(file->text) == length;
    if (file->text != NULL && !whole) err_set(err, "%s: there is a NUL in it", path);
    if (whole && read_lines(file, path, err)) return file;
    password_file_free(file);
    return NULL;
}

void password_file_free(struct password_file *users)
{
    struct user *user = NULL;
    struct user *next = NULL;
    if (users == NULL) return;
    HASH_ITER(hh, users->users, user, next)
    {
        HASH_DEL(users->users, user); // NOLINT(clang-analyzer-*): it is in the table
        free(user);
    }
    if (users->text != NULL) explicit_bzero(users->text, users->length);
    free(users->text);
    free(users);
}

size_t password_file_count(const struct password_file *users)
{
    return HASH_COUNT(users->users);
}

const char *password_file_find(const struct password_file *users, struct span name)
{
    struct user *user = NULL;
    const void *key = name.length == 0 ? "" : (const void *)name.data;
    HASH_FIND(hh, users->users, key, name.length, user);
    return user == NULL ? NULL : user->hash;
}

/* ---------------------------------------------------------------------------------------- writing
 */

static bool is_of(const char *line, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    return length > name_length && line[name_length] == ':' && memcmp(line, name, name_length) == 0;
}

/* Writes all lines but the user's, whose new one follows. Errors are looked for at the end. */
static void write_lines(FILE *out, const char *text, const char *name, const char *hash)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (!is_of(text, length, name)) (void)fprintf(out, "%.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
    if (hash != NULL) (void)fprintf(out, "%s:%s\n", name, hash);
}

/* The old text, with the user in it if `removes`; an empty one if there is no file yet. Nothing
 * that is no password file is written over. */
static char *old_text(const char *path, const char *name, bool removes, struct err *err)
{
    size_t length = 0;
    if (!removes && access(path, F_OK) != 0 && errno == ENOENT) {
        char *empty = calloc(1, 1);
        if (empty == NULL) err_set(err, "out of memory");
        return empty;
    }
    struct password_file *users = password_file_load(path, err);
    if (users == NULL) return NULL;
    bool missing = removes && password_file_find(users, span_of(name)) == NULL;
    password_file_free(users);
    if (!missing) return (char *)file_read(path, LARGEST_FILE, &length, err);
    err_set(err, "%s: there is no user %s", path, name);
    return NULL;
}

static bool finish(FILE *out, const char *temporary, const char *path, struct err *err)
{
    struct stat old;
    bool good = fflush(out) == 0 && !ferror(out);
    if (stat(path, &old) == 0 && (old.st_uid != geteuid() || old.st_gid != getegid()))
        good = good && fchown(fileno(out), old.st_uid, old.st_gid) == 0;
    good = good && fsync(fileno(out)) == 0;
    int why = errno;
    if (fclose(out) != 0 && good) {
        why = errno;
        good = false;
    }
    if (good && rename(temporary, path) == 0) return true;
    if (good) why = errno;
    (void)unlink(temporary); /* it is of no use to anybody */
    return err_set(err, "cannot write %s: %s", path, strerror(why));
}

static bool replace(const char *path, const char *text, const char *name, const char *hash,
                    struct err *err)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) return err_set(err, "out of memory");
    int fd = mkstemp(temporary); /* mode 0600 */
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    bool done = false;
    if (out == NULL) {
        err_set(err, "cannot write beside %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd); /* it is empty */
            (void)unlink(temporary);
        }
    } else {
        write_lines(out, text, name, hash);
        done = finish(out, temporary, path, err);
    }
    free(temporary);
    return done;
}

bool password_file_set(const char *path, const char *name, const char *hash, struct err *err)
{
    if (!password_file_name_is_valid(span_of(name)))
        return err_set(err, "nobody can be called so: a user name is printable text without a "
                            "colon, and does not begin with #");
    char *whole_path = realpath(path, NULL); /* of a symbolic link the file is replaced, not it */
    const char *target = whole_path == NULL ? path : whole_path;
    char *text = old_text(target, name, hash == NULL, err);
    bool done = text != NULL && replace(target, text, name, hash, err);
    free(text);
    free(whole_path);
    return done;
}
