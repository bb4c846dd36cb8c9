// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/control/watch.h"

/* Versions that Debian's headers do not name yet. */
enum { WITH_REFER = 2, WITH_TRUNCATE = 3, WITH_IOCTL_DEV = 5 };
#define ACCESS_REFER         (1ULL << 13)
#define ACCESS_TRUNCATE      (1ULL << 14)
#define ACCESS_IOCTL_DEV     (1ULL << 15)
#define ACCESS_FIRST_VERSION ((1ULL << 13) - 1)

#define FILE_READ LANDLOCK_ACCESS_FS_READ_FILE
#define READ      (FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define LOG       (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define SOCKETS   (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* Resolving names, the system's time zone, libraries that the resolver loads, CAs. */
static const char *const system_paths[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/sys/devices/system/cpu",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/var/lib/misc",
};
static const char *const devices[] = {"/dev/null", "/dev/urandom"};

struct rules {
    int fd;
    uint64_t handled;
};

static void allow(const struct rules *rules, const char *path, uint64_t access)
{
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return; /* what is not there needs no right */
    const uint64_t of_files = FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE;
    bool is_directory = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
    struct landlock_path_beneath_attr rule = {
        .allowed_access = access & rules->handled & (is_directory ? UINT64_MAX : of_files),
        .parent_fd = fd};
    /* One that cannot be added is missed by whoever needs it, who says so. */
    (void)syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void)close(fd); /* a path only */
}

/* The directory that holds `path`, unless it is the root: that would be everything. */
static void allow_beside(const struct rules *rules, const char *path, uint64_t access)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    const char *directory = dirname(copy);
    if (strcmp(directory, "/") == 0)
        allow(rules, path, access);
    else
        allow(rules, directory, access);
}

/* Both where it is named and where links lead to. */
static void allow_file(void *arg, const char *path)
{
    char *real = realpath(path, NULL);
    allow_beside(arg, path, READ);
    if (real != NULL) allow_beside(arg, real, READ);
    free(real);
}

static void allow_all(struct rules *rules, const struct config *config, const struct watch *files)
{
    for (size_t i = 0; i < ARRAY_LENGTH(system_paths); i++)
        allow(rules, system_paths[i], READ);
    for (size_t i = 0; i < ARRAY_LENGTH(devices); i++)
        allow(rules, devices[i], FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
    watch_each(files, allow_file, rules);
    if (config->log.file != NULL) allow_beside(rules, config->log.file, LOG);
    if (config->admin.unix_path != NULL) allow_beside(rules, config->admin.unix_path, SOCKETS);
    for (size_t i = 0; i < config->listeners_count; i++)
        if (config->listeners[i].address.unix_path != NULL)
            allow_beside(rules, config->listeners[i].address.unix_path, SOCKETS);
}

static uint64_t handled_by(int version)
{
    uint64_t handled = ACCESS_FIRST_VERSION;
    if (version >= WITH_REFER) handled |= ACCESS_REFER;
    if (version >= WITH_TRUNCATE) handled |= ACCESS_TRUNCATE;
    if (version >= WITH_IOCTL_DEV) handled |= ACCESS_IOCTL_DEV;
    return handled;
}

int landlock_enter(const struct config *config, struct err *err)
{
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
                               LANDLOCK_CREATE_RULESET_VERSION);
    if (version <= 0) return 0;
    struct rules rules = {.handled = handled_by(version)};
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = rules.handled};
    struct watch *files = watch_new(config);
    rules.fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    bool good = files != NULL && rules.fd >= 0;
    if (good) {
        allow_all(&rules, config, files);
        good = syscall(SYS_landlock_restrict_self, rules.fd, 0) == 0;
    }
    if (!good) err_set(err, "Landlock: %s", strerror(errno));
    if (rules.fd >= 0) (void)close(rules.fd); /* the rules are in force */
    watch_free(files);
    return good ? version : -1;
}
