// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

unsigned long privileges_prepare(void)
{
    const struct rlimit no_core = {0, 0};
    struct rlimit files = {1024, 1024};
    (void)setrlimit(RLIMIT_CORE, &no_core); /* lowering a limit is always allowed */
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* up to the hard limit is always allowed */
    return files.rlim_cur;
}

bool privileges_drop(const char *user, struct err *err)
{
    if (user == NULL || geteuid() != 0) return true;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        return err_set(err,
                       "there is no user %s to become (`user`); create it (useradd --system %s) "
                       "or name another one",
                       user, user);
    if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
        setuid(entry->pw_uid) != 0)
        return err_set(err, "cannot become the user %s: %s", user, strerror(errno));
    return true;
}
