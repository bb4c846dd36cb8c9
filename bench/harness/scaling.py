# SPDX-License-Identifier: GPL-3.0-or-later
"""Two workers beside one. Load and server share two cores here, so that throughput would tell how
they share them; what a message and a client cost tells what two cores could carry."""
import statistics

from bench.harness import load, processes
from bench.harness.servers import Postern, Setup

BOTH = "0,1"


def one_round(server, seconds):
    messages = load.run(server, "publishes", "--clients", 50, "--in-flight", 16, "--seconds",
                        seconds, core=BOTH)
    clients = load.run(server, "connects", "--clients", 16, "--seconds", seconds, core=BOTH)
    return {"publish": messages["server_us"], "connect": clients["server_us"]}


def measure(told, folder, pki):
    echo = load.Echo(core=BOTH)
    servers = {}
    found = {1: {"publish": [], "connect": []}, 2: {"publish": [], "connect": []}}
    try:
        for workers in found:
            setup = Setup(pki, processes.free_port(), echo.port, workers=workers)
            servers[workers] = Postern(setup, folder)
            servers[workers].start(BOTH)
        for _ in range(told.rounds):
            for workers, server in servers.items():
                for name, value in one_round(server, told.seconds).items():
                    found[workers][name].append(value)
    finally:
        for server in servers.values():
            server.stop()
        echo.stop()
    return {name: {"one": found[1][name], "two": found[2][name],
                   "times": 2 * statistics.median(found[1][name])
                   / statistics.median(found[2][name])}
            for name in ("publish", "connect")}
