// SPDX-License-Identifier: GPL-3.0-or-later
/* Everything that one client of the included broker can send, from its first byte on. */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct broker_limits limits = {60, 3, 1000, 3, 2, 5, 5000, 60000, true, 5000};
    uv_loop_t loop;
    int ends[2];
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK(log_open(LOG_ERROR, LOG_TEXT, NULL, NULL));
    CHECK(uv_loop_init(&loop) == 0 &&
          socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    struct broker *broker = broker_new(&loop, &limits);
    (void)broker_adopt(broker, ends[0], NULL);
    size_t half = size / 2; /* two reads: packets are cut anywhere */
    (void)!write(ends[1], data, half);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    (void)!write(ends[1], data + half, size - half);
    for (int turn = 0; turn < 4; turn++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    close(ends[1]);
    broker_stop(broker, NULL, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    broker_free(broker);
    CHECK(uv_loop_close(&loop) == 0);
    return 0;
}
