// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/unsent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attributes.h"

bool unsent_send(struct unsent *unsent, int fd, struct span data)
{
    if (unsent->length == 0) {
        ssize_t sent = send(fd, data.data, data.length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent > 0) data = (struct span){data.data + sent, data.length - (size_t)sent};
        if (data.length == 0) return true;
    }
    unsent->data = realloc(unsent->data, unsent->length + data.length);
    CHECK(unsent->data != NULL);
    memcpy(unsent->data + unsent->length, data.data, data.length);
    unsent->length += data.length;
    return true;
}

bool unsent_go_on(struct unsent *unsent, int fd)
{
    ssize_t sent = send(fd, unsent->data, unsent->length, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    unsent->length -= (size_t)sent;
    memmove(unsent->data, unsent->data + sent, unsent->length);
    if (unsent->length == 0) unsent_clear(unsent);
    return true;
}

void unsent_clear(struct unsent *unsent)
{
    free(unsent->data);
    *unsent = (struct unsent){NULL, 0};
}
