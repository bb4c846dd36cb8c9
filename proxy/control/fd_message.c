// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/fd_message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    char bytes[CMSG_SPACE(FD_MESSAGE_MOST * sizeof(int))];
    struct cmsghdr aligned;
};

bool fd_message_send(int fd, const char *text, const int *fds, size_t count)
{
    union control control = {{0}};
    struct iovec data = {(char *)(size_t)text, strlen(text)}; /* it is only read */
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    assert(count <= FD_MESSAGE_MOST && data.iov_len > 0);
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof *fds);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof *fds);
        memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
    }
    ssize_t sent = 0;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)data.iov_len;
}

static void take(struct msghdr *message, int *fds, size_t *count)
{
    size_t room = *count;
    *count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        for (size_t i = 0; i < came; i++) {
            int one = -1;
            memcpy(&one, CMSG_DATA(header) + i * sizeof one, sizeof one);
            if (*count < room)
                fds[(*count)++] = one;
            else
                (void)close(one); /* there is no room for it */
        }
    }
}

bool fd_message_receive(int fd, char *text, size_t room, int *fds, size_t *count)
{
    union control control;
    struct iovec data = {text, room - 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t length = 0;
    /* The kernel tells that a peer has gone without having read all, once, before what that peer
     * has said. */
    do
        length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    if (length <= 0) {
        *count = 0;
        return false;
    }
    take(&message, fds, count);
    text[length] = '\0';
    return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
}
