# SPDX-License-Identifier: GPL-3.0-or-later
"""What Postern does for a client, counted and not timed: instructions and calls of malloc under
callgrind. The difference between a longer and a shorter run is the cost of what was done more."""
import collections
import json
import pathlib
import re
import signal
import subprocess

from postern import BINARY, free_port, wait_until

BUILD = pathlib.Path(BINARY).parent
NAMED = re.compile(r"c?fn=\((\d+)\)(?: (.*))?")

Cost = collections.namedtuple("Cost", "operations instructions allocations")


def read_profile(path):
    """Instructions and calls of malloc and its kin of a whole callgrind file."""
    names, called, allocations = {}, None, 0
    for line in path.read_text().splitlines():
        found = NAMED.match(line)
        if found:
            number, name = found.groups()
            if name:
                names[number] = name.split("'")[0]
            called = names[number] if line.startswith("cfn") else called
        elif line.startswith("calls=") and called in ("malloc", "calloc", "realloc"):
            allocations += int(line[6:].split()[0])
        elif line.startswith("totals:"):
            return int(line.split()[1]), allocations
    raise AssertionError(f"{path} has no totals")


class Backend:
    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([BUILD / "bench/echo", str(self.port)])

    def stop(self):
        self.process.kill()
        self.process.wait()


def measure(folder, pki, scenario, count, *options, tls=""):
    """One run of Postern, from its start to its end, with `count` operations in between."""
    folder.mkdir()
    backend, port = Backend(), free_port()
    configuration = folder / "postern.yaml"
    configuration.write_text(f"""
workers: 1
log: {{ level: error, access: false }}
listeners:
  - address: 127.0.0.1:{port}
    tls: {{ certificate: {pki.path("server.pem")}, private_key: {pki.path("server.key")}, {tls} }}
backends:
  - servers: [ 127.0.0.1:{backend.port} ]
drain: {{ timeout: 1s }}
sandbox: off  # which valgrind has more needs than
""")
    log = (folder / "log").open("w+")
    server = subprocess.Popen(["valgrind", "--tool=callgrind", "--trace-children=no",
                               f"--callgrind-out-file={folder}/callgrind.%p", BINARY, "run", "-c",
                               str(configuration)], stderr=log)
    try:
        wait_until(lambda: "postern: ready" in (folder / "log").read_text(), "Postern in valgrind",
                   seconds=60)
        load = subprocess.run([BUILD / "bench/load", scenario, "--target", f"127.0.0.1:{port}",
                               "--clients", "1", "--warm-up", "0", "--seconds", "120", "--count",
                               str(count), *options], check=True, capture_output=True, text=True)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        backend.stop()
    told = json.loads(load.stdout.splitlines()[-1])
    done = told["messages"] if "messages" in told else told["ready"]["count"]
    assert done >= count
    # The process that would start a successor has a profile of its own.
    return Cost(done, *read_profile(folder / f"callgrind.{server.pid}"))


def cost_of_one(folder, pki, scenario, counts, *options, tls=""):
    """(instructions, allocations) of one operation."""
    few, many = (measure(folder / str(count), pki, scenario, count, *options, tls=tls)
                 for count in counts)
    more = many.operations - few.operations
    return ((many.instructions - few.instructions) / more,
            (many.allocations - few.allocations) / more)
