// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/log_start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/control/privileges.h"

enum { MOST_LINKS = 40, MOST_GROUPS = 256 };

/* A path on its way: where it has led to without a link, and what is left of it. */
struct way {
    char at[PATH_MAX];
    char rest[PATH_MAX];
    unsigned links;
};

static bool open_it(const struct config *config, struct err *err)
{
    return log_open(config->log.level, config->log.format, config->log.file, err);
}

/* Root's real id stays, by which it is root again. */
static bool act_as(uid_t user)
{
    return seteuid(user) == 0;
}

/* Whether `user` may put things into a directory (also when it cannot be told), and whether only
 * their owners may move them away, as in /tmp. */
static bool has_a_hand_in(const struct passwd *user, const char *directory, bool *sticky)
{
    struct stat status;
    *sticky = false;
    if (stat(directory, &status) != 0 || status.st_uid == user->pw_uid) return true;
    *sticky = (status.st_mode & S_ISVTX) != 0;
    if (!act_as(user->pw_uid)) return true;
    bool writable = faccessat(AT_FDCWD, directory, W_OK, AT_EACCESS) == 0;
    return !act_as(0) || writable;
}

static bool follow(struct way *way, const char *link)
{
    char target[PATH_MAX];
    char rest[PATH_MAX];
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0 || way->links++ >= MOST_LINKS) return false;
    target[length] = '\0';
    if (target[0] == '/') way->at[0] = '\0';
    memcpy(rest, way->rest, sizeof rest);
    return snprintf(way->rest, sizeof way->rest, "%s/%s", target, rest) < (int)sizeof way->rest;
}

/* What this process has open is the kernel's to name. */
static bool is_own_descriptor(const struct way *way)
{
    return way->at[0] == '\0' &&
           strncmp(way->rest + strspn(way->rest, "/"), "proc/self/fd/", 13) == 0;
}

/* Takes the next name off the rest; false: there is none. */
static bool next_name(struct way *way, char name[static NAME_MAX + 1])
{
    size_t from = strspn(way->rest, "/");
    size_t length = strcspn(way->rest + from, "/");
    if (length == 0 || length > NAME_MAX) return false;
    memcpy(name, way->rest + from, length);
    name[length] = '\0';
    memmove(way->rest, way->rest + from + length, strlen(way->rest + from + length) + 1);
    return true;
}

static void go_up(struct way *way)
{
    char *slash = strrchr(way->at, '/');
    if (slash != NULL) *slash = '\0';
}

/* Whether `user` could have put something else in the place of any part of `path`. */
static bool is_out_of_reach(const struct passwd *user, const char *path)
{
    struct way way = {.links = 0};
    char name[NAME_MAX + 1];
    char next[PATH_MAX];
    struct stat status;
    bool sticky = false;
    if (snprintf(way.rest, sizeof way.rest, "%s", path) >= (int)sizeof way.rest) return false;
    for (;;) {
        if (is_own_descriptor(&way)) return true;
        bool crowded = has_a_hand_in(user, way.at[0] == '\0' ? "/" : way.at, &sticky);
        if (crowded && !sticky) return false;
        if (!next_name(&way, name)) return false; /* a directory is no file */
        bool last = way.rest[strspn(way.rest, "/")] == '\0';
        if (strcmp(name, ".") == 0) continue;
        if (strcmp(name, "..") == 0) {
            go_up(&way);
            continue;
        }
        if (snprintf(next, sizeof next, "%s/%s", way.at, name) >= (int)sizeof next) return false;
        if (lstat(next, &status) != 0) return !crowded && last && errno == ENOENT;
        if (crowded && !(S_ISDIR(status.st_mode) && status.st_uid == 0)) return false;
        if (S_ISLNK(status.st_mode)) {
            if (!follow(&way, next)) return false;
        } else if (S_ISDIR(status.st_mode)) {
            memcpy(way.at, next, sizeof next);
        } else {
            return last;
        }
    }
}

static bool open_for(const struct passwd *user, const struct config *config, struct err *err)
{
    struct err as_user = {{0}};
    if (!act_as(user->pw_uid)) return err_set(err, "cannot act as the user %s", user->pw_name);
    bool opened = open_it(config, &as_user);
    if (!act_as(0)) return err_set(err, "cannot be root again: %s", strerror(errno));
    if (opened) return true;
    if (!is_out_of_reach(user, config->log.file))
        return err_set(err,
                       "cannot open the log file %s: the user %s may not write to it, and could "
                       "have put a link in its place: let the file be that user's, or its "
                       "directory root's alone",
                       config->log.file, user->pw_name);
    if (!open_it(config, err)) return false;
    (void)log_give(user->pw_uid, user->pw_gid); /* opening it again says what is wrong */
    return true;
}

bool log_start(const struct config *config, struct err *err)
{
    gid_t groups[MOST_GROUPS];
    const struct passwd *user = NULL;
    if (config->log.file == NULL || config->user == NULL || geteuid() != 0)
        return open_it(config, err);
    if ((user = privileges_user(config->user, err)) == NULL) return false;
    int count = getgroups(MOST_GROUPS, groups);
    gid_t group = getegid();
    if (count < 0 || initgroups(user->pw_name, user->pw_gid) != 0 || setegid(user->pw_gid) != 0)
        return err_set(err, "cannot act as the user %s: %s", user->pw_name, strerror(errno));
    bool opened = open_for(user, config, err);
    if (setegid(group) != 0 || setgroups((size_t)count, groups) != 0)
        return err_set(err, "cannot be root again: %s", strerror(errno));
    return opened;
}
