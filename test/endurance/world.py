# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chaos happens to: one Postern and its successors, brokers, certificates, the configuration."""

import copy
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import yaml

import admin
from pki import Pki
from postern import BINARY, Mosquitto, free_port
from reloads import put

DEVICES = 6
HANDSHAKE_TIMEOUT, CONNECT_TIMEOUT, DRAIN_TIMEOUT = 8, 8, 10
PENALTY = {"failures": 20, "window": "30s", "block": "4s"}
PATIENCE = 40  # seconds for whatever has to happen in the end, on a machine that is busy


class Violation(AssertionError):
    pass


def wait_for(condition, what, seconds=PATIENCE):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise Violation(f"waited {seconds} s in vain for {what}")


class Broker(Mosquitto):
    """One that keeps what it has acknowledged when it is told to end, as Mosquitto does with persistence; when it
    is killed it forgets what has come since the last save, so nothing is counted on a `volatile` one."""

    def __init__(self, folder, volatile=False):
        folder.mkdir()
        self.volatile = volatile
        super().__init__(folder, extra=f"persistence true\npersistence_location {folder}/")

    def down(self):
        if self.volatile:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(PATIENCE)

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Certificates:
    """Two versions of the server's behind a symbolic link; devices of an old and a new CA."""

    def __init__(self, base):
        self.pki = Pki(base / "pki")
        self.current = base / "current"
        for number in (0, 1):
            self.pki.server(f"server-{number}", "localhost")
            folder = base / f"version-{number}"
            folder.mkdir()
            for ending in ("pem", "key"):
                shutil.copy(self.pki.path(f"server-{number}.{ending}"), folder / f"server.{ending}")
        self.current.symlink_to("version-0")
        self.version = 0
        for number in range(DEVICES):
            self.pki.issue(f"device-{number}")
        self.pki.renew_crl("intermediate")
        self.other = Pki(base / "pki" / "next", owner="Next")
        for number in range(DEVICES):
            self.other.issue(f"device-{number}")
        self.trusted = {self.pki, self.other}
        self.revoked = set()
        self.write_ca()
        self.write_crl()

    def write_ca(self):
        put(self.pki.path("clients.pem"),
            "".join(pathlib.Path(one.path("ca.pem")).read_text() for one in (self.pki, self.other) if one in self.trusted))

    def write_crl(self):
        put(self.pki.path("clients.crl"), "".join(
            pathlib.Path(one.path(f"{name}.crl")).read_text()
            for one in (self.pki, self.other) if one in self.trusted for name in ("root", "intermediate")))

    def trust(self, *owners):
        """A CRL needs its CA, so that it comes after it and goes before it."""
        more = len(owners) > len(self.trusted)
        self.trusted = set(owners)
        for write in (self.write_ca, self.write_crl) if more else (self.write_crl, self.write_ca):
            write()

    def revoke(self, device):
        self.pki.revoke(f"device-{device}")
        self.revoked.add(device)
        self.write_crl()

    def reinstate_all(self):
        index = self.pki.base / "intermediate.index"
        lines = [line.split("\t") for line in index.read_text().splitlines()]
        index.write_text("".join("\t".join(["V", line[1], "", *line[3:]]) + "\n" for line in lines))
        self.pki.renew_crl("intermediate")
        self.revoked.clear()
        self.write_crl()

    def swap(self):
        self.version = 1 - self.version
        fresh = self.current.with_name("next-link")
        fresh.symlink_to(f"version-{self.version}")
        os.replace(fresh, self.current)


def policy(guests):
    rules = [
        {"name": "a", "match": {"client_id": "counted-a-*"}, "backend": "durable-a"},
        {"name": "b", "match": {"client_id": "counted-b-*"}, "backend": "durable-b"},
        {"name": "own", "match": {"client_id": "counted-own-*"}, "backend": "durable"},
        {"name": "devices", "match": {"client_id": "device-*"},
         "require": {"certificate": {"common_name": "${client_id}"}}, "backend": "fleet"},
        {"name": "modern", "match": {"client_id": "modern-*"}, "require": {"tls_version": "1.3"}, "backend": "fleet"},
        {"name": "anyone", "match": {"client_id": "any-*"}, "backend": "fleet",
         "publish": {"allow": ["any/${client_id}/#"]}, "subscribe": {"allow": ["any/${client_id}/#"]}},
        {"name": "floods", "match": {"client_id": "flood-*"}, "backend": "volatile"},
    ]
    if guests:
        rules.append({"name": "guests", "match": {"client_id": "guest-*"}, "backend": "fleet"})
    return [{"name": "p", "recheck_spread": "1s", "rules": rules}]


def process_fields(pid):
    """Of /proc/PID/stat, from the third on; None: there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


class World:
    def __init__(self, folder):
        self.folder = folder
        self.certificates = Certificates(folder)
        self.brokers = {name: Broker(folder / f"broker-{name}", volatile=name == "c") for name in "abc"}
        self.port, self.proxy_port, self.extra_port, self.admin = (free_port() for _ in range(4))
        self.file = folder / "postern.yaml"
        self.taken = socket.create_server(("127.0.0.1", 0))
        self.revoked_since = {}  # device to when that was in force
        self.generation = 0
        self.config = self.make_config()
        self.write(self.config)
        self.stderr = open(folder / "stderr.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen([BINARY, "run", "-c", str(self.file)], stderr=self.stderr)
        self.pids = [self.process.pid]
        self.begun = {self.process.pid: process_fields(self.process.pid)[19]}
        self.left = {}  # pid to when it was told to leave
        self.disturbed = []  # (from, until or None, what): why a client may have to wait or lose its broker
        self.lock = threading.Lock()
        self.guests_are_out = None
        self.revocations = {}  # device to its disturbance
        wait_for(lambda: "postern: ready" in self.errors(), "the start")
        wait_for(lambda: all(one["servers_up"] == len(one["servers"]) for one in self.api("backends")["backends"]),
                 "all brokers to be found")

    def make_config(self):
        certificates = self.certificates
        tls = {"certificate": str(certificates.current / "server.pem"),
               "private_key": str(certificates.current / "server.key"), "client_certificate": "optional",
               "client_ca": certificates.pki.path("clients.pem"), "client_crl": [certificates.pki.path("clients.crl")]}
        limits = {"handshake_timeout": f"{HANDSHAKE_TIMEOUT}s", "connect_timeout": f"{CONNECT_TIMEOUT}s",
                  "penalty": PENALTY, "max_connect_size": "4KiB"}
        common = {"policy": "p", "tls": tls, "limits": limits, "backend": "fleet"}
        check = {"type": "mqtt", "interval": "1s", "timeout": "1s", "fall": 2, "rise": 1}
        address = {name: broker.address for name, broker in self.brokers.items()}

        def backend(name, letters):
            return {"name": name, "servers": [address[one] for one in letters], "balance": "client_id",
                    "health_check": check, "connect_timeout": "3s", "connack_timeout": "2s"}

        return {
            "workers": 2, "log": {"file": str(self.folder / "postern-0.log")},
            "admin": {"address": f"127.0.0.1:{self.admin}"},
            "listeners": [{"name": "devices", "address": f"127.0.0.1:{self.port}", **common},
                          {"name": "balancer", "address": f"127.0.0.1:{self.proxy_port}", "proxy_protocol": True,
                           "trusted_proxies": ["127.3.0.0/16"], **common}],
            "backends": [backend("fleet", "abc"), backend("durable", "ab"), backend("durable-a", "a"),
                         backend("durable-b", "b"), backend("volatile", "c")],
            "policies": policy(True), "drain": {"timeout": f"{DRAIN_TIMEOUT}s", "spread": "3s"}}

    # ------------------------------------------------------------------------------ what it says

    def errors(self):
        return (self.folder / "stderr.log").read_text(encoding="utf-8", errors="replace")

    def log_files(self):
        """Of all processes, and before rotations; the latest process's are the last ones."""
        order = lambda path: [int(number) for number in re.findall(r"\d+", path.name)]
        return sorted(self.folder.glob("postern-*.log*"), key=order)

    def log_lines(self, generation=None):
        for path in self.log_files():
            if generation is None or path.name.startswith(f"postern-{generation}."):
                yield from path.read_text(encoding="utf-8", errors="replace").splitlines()

    def count_log(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.log_lines())

    def api(self, name, **arguments):
        return admin.api(self, name, **arguments)

    def disturbance(self, what):
        return Disturbance(self, what)

    def was_disturbed(self, begin, end, slack=8):
        """What went on in that time, or shortly before it."""
        with self.lock:
            return [what for start, stop, what in self.disturbed
                    if start <= end and (stop is None or stop + slack >= begin)]

    # --------------------------------------------------------------------------- what is done to it

    @property
    def pid(self):
        return self.pids[-1]

    def write(self, config):
        put(self.file, yaml.safe_dump(config))

    def settled(self, good, act):
        """Does `act`, and waits until a load that began afterwards has ended as it has to."""
        word = "configuration loaded" if good else "configuration not loaded"
        before = self.count_log(word)
        act()
        wait_for(lambda: self.count_log(word) > before, f"{word!r} after {act}", PATIENCE)

    def reload(self, config, good=True, by_signal=False):
        def act():
            self.write(config)
            if by_signal:
                os.kill(self.pid, signal.SIGHUP)
        out = len(config["policies"][0]["rules"]) < len(policy(True)[0]["rules"])
        if good and out and self.guests_are_out is None:
            self.guests_are_out = Disturbance(self, "no_guests")
            self.guests_are_out.__enter__()
        self.settled(good, act)
        if good:
            self.config = config
        if good and not out and self.guests_are_out is not None:
            self.guests_are_out.__exit__()
            self.guests_are_out = None

    def changed(self, edit):
        config = copy.deepcopy(self.config)
        edit(config)
        return config

    def upgrade(self):
        config = self.changed(lambda config: config["log"].update(
            file=str(self.folder / f"postern-{self.generation + 1}.log")))
        self.reload(config)
        taken, not_taken = r"handed over to a new process pid=(\d+)", "not upgraded.*no descriptor is left"
        before = self.count_log(taken)
        while self.count_log(taken) == before:
            failed = self.count_log(not_taken)  # it says so, and may be asked again when there are some
            os.kill(self.pid, signal.SIGUSR2)
            wait_for(lambda: self.count_log(taken) > before or self.count_log(not_taken) > failed, "an upgrade")
        new = [re.search(taken, line) for line in self.log_lines(self.generation)]
        self.left[self.pid] = time.monotonic()
        self.pids.append(int([one for one in new if one][-1][1]))
        self.begun[self.pid] = process_fields(self.pid)[19]
        self.generation += 1

    def rotate_log(self):
        path = self.folder / f"postern-{self.generation}.log"
        path.rename(f"{path}.{time.time_ns()}")
        os.kill(self.pid, signal.SIGUSR1)
        wait_for(path.exists, "the log to be opened again")

    def exhaust_descriptors(self, seconds):
        """Leaves the process no descriptor that it has not got."""
        limits = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (self.descriptors(), limits[1]))
        time.sleep(seconds)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, limits)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def is_running(self, pid):
        """Another process may have its number by now."""
        fields = process_fields(pid)
        return fields is not None and fields[0] != "Z" and fields[19] == self.begun[pid]

    def end(self):
        """As an operator would."""
        os.kill(self.pid, signal.SIGTERM)
        wait_for(lambda: not any(self.is_running(pid) for pid in self.pids), "the end", DRAIN_TIMEOUT + PATIENCE)
        return self.process.wait(PATIENCE)

    def close(self):
        """Whatever has happened, nothing stays behind."""
        self.taken.close()
        self.stderr.close()
        for pid in self.pids:
            if self.is_running(pid):
                os.kill(pid, signal.SIGKILL)
        for broker in self.brokers.values():
            if broker.process.poll() is None:
                broker.go_on()
                broker.stop()


class Disturbance:
    def __init__(self, world, what):
        self.world, self.what = world, what

    def __enter__(self):
        with self.world.lock:
            self.place = len(self.world.disturbed)
            self.world.disturbed.append((time.monotonic(), None, self.what))

    def __exit__(self, *_):
        with self.world.lock:
            begin = self.world.disturbed[self.place][0]
            self.world.disturbed[self.place] = (begin, time.monotonic(), self.what)


def connect_from(address, port, timeout):
    """A TCP connection that comes from a loopback address of its own."""
    raw = socket.socket()
    raw.settimeout(timeout)
    try:
        raw.bind((address, 0))
        raw.connect(("127.0.0.1", port))
    except OSError:
        raw.close()
        raise
    return raw
