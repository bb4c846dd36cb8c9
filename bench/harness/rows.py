# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the table: what is measured, on whom, and what Postern is to reach."""
import dataclasses
import time
import typing

from bench.harness import load, processes
from bench.harness.servers import HAProxy, Hitch, Mosquitto, Nginx, PlainNginx, Stunnel

IDLE_CLIENTS = 8000
STORM_CLIENTS = 5000
TALKERS = 200
TERMINATORS = [Nginx, HAProxy, Hitch]
ALL = [Nginx, HAProxy, Stunnel, Hitch, Mosquitto]


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a row. `target`: at most so many times the best peer's; None with `limit`: at
    most that much, whatever the others do; neither: told for the record."""
    title: str
    unit: str
    target: float | None = None
    limit: float | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    figures: dict[str, Figure]
    measure: typing.Callable
    peers: list
    rsa: bool = False
    client_certificates: bool = False
    first: bool = False  # the backend runs before whatever else has its core
    fresh: bool = False  # a server of its own for each measurement: memory that was freed is used again
    floors: list = dataclasses.field(default_factory=list)  # told beside, not compared with


def connects(*options):
    def measure(server, seconds):
        found = load.run(server, "connects", "--clients", 16, "--seconds", seconds, *options)
        if found["lost"]:
            raise SystemExit(f"{server.name}: {found['lost']} connections were lost")
        if "--resume" in options and found["resumed"] < 0.99:
            raise SystemExit(f"{server.name}: only {found['resumed']:.2f} were resumed")
        return {"cost": found["server_us"], "per_second": found["per_second"]}
    return measure


def groups(server, seconds):
    """The hybrid group beside X25519, in turns on the same server."""
    hybrid = connects("--group", "X25519MLKEM768")(server, seconds)["cost"]
    classic = connects("--group", "X25519")(server, seconds)["cost"]
    return {"cost": hybrid, "times": hybrid / classic}


def publishes(clients, in_flight, size, per, *options):
    def measure(server, seconds):
        found = load.run(server, "publishes", "--clients", clients, "--in-flight", in_flight,
                         "--size", size, "--seconds", seconds, *options)
        return {"cost": found["server_us"] * per, "per_second": found["per_second"] / per}
    return measure


def latency(server, seconds):
    found = load.run(server, "latency", "--clients", 20, "--rate", 10, "--seconds", 4 * seconds,
                     first=True)
    return {"p50": found["p50_us"], "p99": found["p99_us"]}


def idle(server, seconds):
    """Memory of clients that say nothing, before and after each has sent and got 16 KiB."""
    del seconds
    before = processes.memory_kb(server.pids())
    herd = load.Conversation(server, "hold", "--clients", IDLE_CLIENTS, "--size", 4096,
                             "--in-flight", 4)
    herd.hear()
    time.sleep(1)
    quiet = processes.memory_kb(server.pids()) - before
    after = quiet
    if server.has_backend:
        herd.say("burst")
        if herd.hear()["unanswered"]:
            raise SystemExit(f"{server.name}: messages of a burst were lost")
        time.sleep(1)
        after = processes.memory_kb(server.pids()) - before
    herd.close()
    return {"kib": quiet / IDLE_CLIENTS, "after": after / IDLE_CLIENTS}


def silent(server, seconds):
    del seconds
    before = processes.memory_kb(server.pids())
    herd = load.Conversation(server, "hold", "--clients", IDLE_CLIENTS, "--silent")
    herd.hear()
    time.sleep(0.5)
    memory = processes.memory_kb(server.pids()) - before
    herd.close()
    return {"kib": memory / IDLE_CLIENTS}


def storm(server, seconds):
    """Clients come back at once while others talk. Those and the backend run before the clients of
    the storm, who have the same core, so that what is waited for is the server."""
    talkers = load.Conversation(server, "latency", "--clients", TALKERS, "--rate", 5, "--warm-up", 1,
                                "--seconds", 60, first=True)
    talkers.hear()  # of the warming up
    time.sleep(seconds)
    talkers.say("storm")
    quiet = talkers.hear()
    herd = load.Conversation(server, "hold", "--clients", STORM_CLIENTS, "--at-once",
                             STORM_CLIENTS, nice=10)
    back = herd.hear()
    talkers.say("over")
    during = talkers.hear()
    talkers.process.kill()
    herd.close()
    return {"times": during["p99_us"] / quiet["p99_us"], "p99": during["p99_us"] / 1000,
            "back": back["seconds"], "lost": back["lost"]}


ROWS = [
    Row("full", {"cost": Figure("a new client: TLS 1.3, ECDSA P-256 with an intermediate, CONNECT "
                                "to CONNACK", "µs", target=0.45)},
        connects(), ALL, floors=[PlainNginx]),
    Row("mtls", {"cost": Figure("the same with a client certificate through an intermediate", "µs",
                                target=0.25)},
        connects(), ALL, client_certificates=True),
    Row("resumed", {"cost": Figure("the same resumed by ticket", "µs", target=0.5)},
        connects("--resume"), [Nginx, HAProxy, Hitch, Mosquitto]),
    Row("rsa", {"cost": Figure("the same with RSA-2048", "µs", target=0.9)},
        connects(), ALL, rsa=True),
    Row("tls12", {"cost": Figure("the same in TLS 1.2", "µs", target=0.55)},
        connects("--tls", "1.2"), ALL),
    Row("hybrid", {"cost": Figure("the same with X25519MLKEM768", "µs"),
                   "times": Figure("… beside X25519", "×", limit=1.5)},
        groups, []),
    Row("publish", {"cost": Figure("a QoS 0 PUBLISH of 100 bytes and its echo, 50 clients, 16 in "
                                   "flight", "µs", target=0.75)},
        publishes(50, 16, 100, 1), TERMINATORS, floors=[PlainNginx]),
    Row("alone", {"cost": Figure("… each written by itself, which keeps the load busier than the "
                                 "server", "µs")},
        publishes(50, 16, 100, 1, "--write-each"), TERMINATORS, floors=[PlainNginx]),
    Row("bulk", {"cost": Figure("1 MB in PUBLISHes of 64 KiB and its echo", "µs", target=0.75)},
        publishes(8, 2, 65536, 1e6 / 65536), TERMINATORS, floors=[PlainNginx]),
    Row("latency", {"p50": Figure("a message and its echo at 200 a second: median", "µs",
                                  target=1.0),
                    "p99": Figure("… 99th percentile", "µs", target=1.0)},
        latency, TERMINATORS, floors=[PlainNginx], first=True),
    Row("idle", {"kib": Figure(f"an idle client, of {IDLE_CLIENTS:,}: memory", "KiB", limit=5.0),
                 "after": Figure("… after a burst of traffic", "KiB", limit=5.0)},
        idle, ALL, fresh=True),
    Row("silent", {"kib": Figure("a TCP connection that says nothing: memory", "KiB", limit=1.0)},
        silent, ALL, fresh=True),
    Row("storm", {"times": Figure(f"{STORM_CLIENTS:,} clients come back at once: p99 of {TALKERS} "
                                  "others, of its quiet value", "×", limit=3.0),
                  "p99": Figure("… that p99 itself", "ms"),
                  "back": Figure("… until all are back", "s", target=1.0),
                  "lost": Figure("… connections reset", "", limit=0)},
        storm, TERMINATORS, first=True),
]
