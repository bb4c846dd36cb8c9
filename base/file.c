// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *denial;
static char denied[512];

void file_explain_denial(const char *sentence)
{
    (void)snprintf(denied, sizeof denied, "%s; %s", strerror(EACCES), sentence);
    denial = denied;
}

const char *file_error(int error)
{
    return error == EACCES && denial != NULL ? denial : strerror(error);
}

static uint8_t *read_all(int fd, size_t size, size_t *length)
{
    uint8_t *content = malloc(size + 1);
    size_t at = 0;
    while (content != NULL && at < size) {
        ssize_t got = read(fd, content + at, size - at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            free(content);
            return NULL;
        }
        if (got == 0) break;
        at += (size_t)got;
    }
    if (content != NULL) content[at] = 0;
    *length = at;
    return content;
}

uint8_t *file_read(const char *path, size_t largest, size_t *length, struct err *err)
{
    struct stat status;
    uint8_t *content = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
    bool opened = fd >= 0 && fstat(fd, &status) == 0;
    if (opened && !S_ISREG(status.st_mode)) {
        err_set(err, "cannot read %s: it is not a regular file", path);
    } else if (opened && (uint64_t)status.st_size > largest) {
        err_set(err, "cannot read %s: it is larger than %zu bytes", path, largest);
    } else {
        if (opened) content = read_all(fd, (size_t)status.st_size, length);
        if (content == NULL) err_set(err, "cannot read %s: %s", path, file_error(errno));
    }
    if (fd >= 0) (void)close(fd); /* it was only read */
    return content;
}
