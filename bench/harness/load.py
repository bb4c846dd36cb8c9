# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator and the echoing backend, as processes on the core that the server has not."""
import json
import subprocess

from bench.harness import processes
from bench.harness.servers import DEVICES, LOAD_CORE

LOAD = "build/release/bench/load"
ECHO = "build/release/bench/echo"


def pinned(*command, core=LOAD_CORE, nice=0, first=False):
    """`first`: it runs as soon as it can, whoever else has that core."""
    priority = ["chrt", "--fifo", "10"] if first else ["nice", "-n", str(nice)]
    return ["taskset", "-c", core, *priority, *command]


class Echo:
    def __init__(self, core=LOAD_CORE, first=False):
        self.port = processes.free_port()
        self.process = subprocess.Popen(pinned(ECHO, str(self.port), core=core, first=first))
        if not processes.listens(self.port, self.process):
            raise SystemExit("the echoing backend did not start")

    def stop(self):
        processes.stop(self.process)


def command(server, scenario, options):
    line = [LOAD, scenario, "--target", f"127.0.0.1:{server.setup.port}"]
    for pid in server.pids():
        line += ["--server-pid", str(pid)]
    if not server.has_tls:
        line.append("--plain")
    if not server.has_backend and scenario in ("publishes", "latency"):
        line.append("--subscribe")
    if server.setup.client_certificates:
        line += ["--cert", str(server.setup.pki / "device-%u.pem"),
                 "--key", str(server.setup.pki / "device-%u.key"), "--certs", str(DEVICES)]
    return line + [str(option) for option in options]


def run(server, scenario, *options, **where):
    """Runs a scenario to its end and gives what it reported."""
    done = subprocess.run(pinned(*command(server, scenario, options), **where),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{server.name}: the load failed in {scenario}")
    return json.loads(done.stdout.splitlines()[-1])  # before it: the warming up


class Conversation:
    """A scenario that is told what to do next on its stdin."""

    def __init__(self, server, scenario, *options, **priority):
        self.process = subprocess.Popen(
            pinned(*command(server, scenario, (*options, "--stdin")), **priority),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if line == "":
            raise SystemExit("the load failed")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
