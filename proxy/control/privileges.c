// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/control/watch.h"

/* A kernel that enlarges the table of descriptors of a process with threads waits until all of them
 * have noticed, some 10 ms each time that their number has doubled, and whoever accepts stands
 * still. So it is made large while there is one thread: half a MiB of the kernel's memory at most.
 */
static void enlarge_descriptor_table(rlim_t limit)
{
    enum { MOST = 65536 };
    int highest = (int)(limit < MOST ? limit : MOST) - 1;
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, highest);
    if (fd >= 0) (void)close(fd); /* a copy; without it the table grows later */
}

unsigned long privileges_prepare(void)
{
    const struct rlimit no_core = {0, 0};
    struct rlimit files = {1024, 1024};
    (void)setrlimit(RLIMIT_CORE, &no_core); /* lowering a limit is always allowed */
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* up to the hard limit is always allowed */
    enlarge_descriptor_table(files.rlim_cur);
    return files.rlim_cur;
}

const struct passwd *privileges_user(const char *user, struct err *err)
{
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        err_set(err,
                "there is no user %s to become (`user`); create it (useradd --system %s) or name "
                "another one",
                user, user);
    return entry;
}

bool privileges_drop(const char *user, struct err *err)
{
    if (user == NULL || geteuid() != 0) return true;
    const struct passwd *entry = privileges_user(user, err);
    if (entry == NULL) return false;
    if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
        setuid(entry->pw_uid) != 0)
        return err_set(err, "cannot become the user %s: %s", user, strerror(errno));
    return true;
}

static void warn_unreadable(void *arg, const char *path)
{
    const char *user = arg;
    struct log_line line;
    if (access(path, R_OK) == 0 || errno != EACCES) return;
    log_begin(&line, LOG_WARN, "a file that a reload or an upgrade will not be able to read");
    log_text(&line, "file", path);
    log_text(&line, "user", user);
    log_end(&line);
}

void privileges_warn(const struct config *config)
{
    struct watch *files = NULL;
    if (geteuid() == 0) {
        log_note(LOG_WARN, "serves as root: name a `user` to become");
        return;
    }
    files = config->user == NULL ? NULL : watch_new(config);
    if (files != NULL) watch_each(files, warn_unreadable, config->user);
    watch_free(files);
}

/* For a reload of a root process: ports below 1024, and files of other users. */
static const uint32_t kept_capabilities = 1U << CAP_NET_BIND_SERVICE | 1U << CAP_DAC_OVERRIDE |
                                          1U << CAP_DAC_READ_SEARCH;

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    for (unsigned long one = 0; one <= CAP_LAST_CAP; one++)
        if (one >= 32 || !(kept_capabilities & 1U << one))
            (void)prctl(PR_CAPBSET_DROP, one, 0, 0, 0); /* only with CAP_SETPCAP */
    if (syscall(SYS_capget, &header, data) != 0) return;
    data[0].effective &= kept_capabilities;
    data[0].permitted &= kept_capabilities;
    data[0].inheritable &= kept_capabilities;
    data[1] = (struct __user_cap_data_struct){0};
    (void)syscall(SYS_capset, &header, data); /* having less is always allowed */
}

void privileges_reduce(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* these cannot fail with these values */
    drop_capabilities();
#ifndef POSTERN_SANITIZED /* whose leak checker looks into the process at its end */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Where the kernel has put it, or NULL. */
static char *heap_start(void)
{
    char line[512];
    char *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) return NULL;
    while (found == NULL && fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, "[heap]") != NULL)
            found = (char *)(uintptr_t)strtoull(line, NULL,
                                                16); // NOLINT(performance-no-int-to-ptr)
    (void)fclose(maps);                              /* it was only read */
    return found;
}

/* The heap of the main thread: it loads keys before there is another one, and in reloads. */
bool privileges_lock_memory(void)
{
    static char *begins;
    struct rlimit most;
    long page = sysconf(_SC_PAGESIZE);
    char *ends = sbrk(0);
    if (begins == NULL) {
        if (getrlimit(RLIMIT_MEMLOCK, &most) == 0) {
            most.rlim_cur = most.rlim_max;
            (void)setrlimit(RLIMIT_MEMLOCK, &most); /* up to the hard limit is always allowed */
        }
        begins = heap_start();
    }
    if (begins == NULL || ends <= begins) return false;
    char *whole = begins - (uintptr_t)begins % (uintptr_t)page;
    return mlock2(whole, (size_t)(ends - whole), MLOCK_ONFAULT) == 0;
}
