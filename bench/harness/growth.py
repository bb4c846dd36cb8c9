# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client costs when there are many: memory, and the processor time of a message."""
import time

from bench.harness import load, processes
from bench.harness.servers import HAProxy, Nginx, Postern, Setup

SIZES = [100, 1000, 9000]
MESSAGES_PER_SECOND = 1000  # of all the clients together


def one(kind, folder, pki, clients, seconds):
    echo = load.Echo()
    server = kind(Setup(pki, processes.free_port(), echo.port), folder / str(clients))
    try:
        server.start()
        before = processes.memory_kb(server.pids())
        talk = load.Conversation(server, "latency", "--clients", clients, "--at-once", 64, "--rate",
                                 MESSAGES_PER_SECOND / clients, "--warm-up", 1, "--seconds", seconds)
        talk.hear()  # of the warming up
        told = talk.hear()
        # The clients stay until the load's stdin ends.
        memory = processes.memory_kb(server.pids()) - before
        talk.close()
        return {"kib": memory / clients, "message_us": told["server_us"], "p50_us": told["p50_us"]}
    finally:
        server.stop()
        echo.stop()


def measure(told, folder, pki):
    found = {}
    for kind in [Postern] + ([] if told.alone else [Nginx, HAProxy]):
        found[kind.name] = {}
        for clients in SIZES:
            found[kind.name][clients] = one(kind, folder, pki, clients, 2 * told.seconds)
            print(f"  growth   {kind.name:18} {clients} clients:", found[kind.name][clients],
                  flush=True)
            time.sleep(0.5)
    return found
