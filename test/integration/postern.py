# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern run` as a fixture: its own configuration, its log, and a clean end."""

import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
import weakref

import yaml

from mqtt_packets import RawClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POSTERN", str(ROOT / "build/release/postern"))
SANITIZED = any(mark in pathlib.Path(BINARY).read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
DEADLINE = 40 if SANITIZED else 15


GIVEN = set()  # nothing listens there yet, so that the system might give one twice


def free_port():
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


def wait_until(condition, what, seconds=DEADLINE):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def launch(command, environment=None, sockets=()):
    """Its standard error is a pipe. The sockets become its descriptors 3, 4, ..."""
    held = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in sockets]

    def place():
        for number, fd in enumerate(held, 3):
            os.dup2(fd, number)

    if held:
        command = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})},
        pass_fds=range(3, 3 + len(held)), preexec_fn=place if held else None)
    for fd in held:
        os.close(fd)
    return process


class Clients:
    """Those of one server that a test made: its end does not have to wait for them to leave."""

    def __init__(self):
        self.made = []

    def add(self, client):
        self.made.append(weakref.ref(client))
        return client

    def close(self):
        for reference in self.made:
            client = reference()
            if client is not None:
                client.close()


class Postern:
    def __init__(self, directory, listener=None, backends=None, policies=None, tls=None, limits=None,
                 pki=None, descriptors=None, environment=None, sockets=(), wrapper=(),
                 **top):
        """One listener on a free port unless `top` has listeners; `tls` and `limits` add to it.
        `descriptors` is how many the process may have. `sockets` are passed as systemd does;
        `environment` names them. `wrapper` is a command that executes the rest of its line."""
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.pki = pki
        settings = {"certificate": pki.path("server.pem"), "private_key": pki.path("server.key")}
        settings.update(tls or {})
        settings = {key: value for key, value in settings.items() if value is not None}
        config = {
            "listeners": [{"name": "test", "address": f"127.0.0.1:{self.port}", "tls": settings,
                           **({"limits": limits} if limits else {}), **(listener or {})}],
            "backends": backends or [{"builtin_broker": True}],
            "drain": {"timeout": "1s"},
        }
        for backend in config["backends"]: # peers that wait for a CONNECT would take a check for one
            if "servers" in backend:
                backend.setdefault("health_check", {"type": "off"})
        if policies:
            config["policies"] = policies
            config["listeners"][0].setdefault("policy", policies[0]["name"])
        config.update(top)
        self.file = self.directory / "postern.yaml"
        self.file.write_text(yaml.safe_dump(config))
        self.log = []
        self.clients = Clients()
        few = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        self.process = launch([*wrapper, *few, BINARY, "run", "-c", str(self.file)], environment, sockets)
        for line in self.process.stderr:
            self.log.append(line)
            if line.strip() == "postern: ready":
                break
        else:
            raise AssertionError("postern did not start: " + "".join(self.log))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)

    @property
    def text(self):
        return "".join(self.log)

    def wait_log(self, pattern, seconds=DEADLINE):
        """The first line of the log that matches, as soon as it is there."""
        def find():
            return next((line for line in list(self.log) if re.search(pattern, line)), None)
        return wait_until(find, f"{pattern!r} in the log:\n{self.text}", seconds)

    def stop(self):
        """The clients that it gave leave, and so it does."""
        self.clients.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("postern did not end after SIGTERM:\n" + self.text) from None
        self._reader.join(DEADLINE)
        assert self.process.returncode == 0, self.text
        for word in ("AddressSanitizer", "runtime error", "LeakSanitizer", "ThreadSanitizer"):
            assert word not in self.text, self.text

    @contextlib.contextmanager
    def without_descriptors(self, but=0):
        """It keeps those that it has, and gets `but` so many more."""
        limits = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        least = 4
        if but > 0:  # nobody may come or go meanwhile
            used = {int(name) for name in os.listdir(f"/proc/{self.process.pid}/fd")}
            free = itertools.filterfalse(used.__contains__, itertools.count())
            least = next(itertools.islice(free, but, None))
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (least, limits[1]))
        yield
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, limits)

    def memory_kb(self):
        """What it has allocated. Pages of its files come and go as the kernel likes."""
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss_Anon:\s+(\d+)", rollup, re.M).group(1))

    def context(self, identity=None, version=None, ca="root.crt", alpn=None, ciphers=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.pki.path(ca))
        if identity:
            context.load_cert_chain(self.pki.path(identity + ".pem"), self.pki.path(identity + ".key"))
        if version:
            exact = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
            context.minimum_version = context.maximum_version = exact
        if alpn:
            context.set_alpn_protocols(alpn)
        if ciphers:
            context.set_ciphers(ciphers)
        return context

    def client(self, mqtt=4, server_name="localhost", session=None, timeout=None, context=None,
               **options):
        """A TLS client that speaks packets by hand; the handshake is done."""
        context = context or self.context(**options)
        return self.clients.add(TlsClient(self.port, mqtt, context, server_name, session,
                                          timeout or DEADLINE))

    def client_or_none(self, seconds):
        """A client, if it is served within that time."""
        try:
            return self.client(timeout=seconds)
        except TimeoutError:
            return None

    def raw(self):
        """A TCP connection without TLS."""
        return self.clients.add(socket.create_connection(("127.0.0.1", self.port), DEADLINE))

    def accepts(self):
        try:
            self.raw().close()
        except ConnectionRefusedError:
            return False
        except ConnectionResetError:
            pass  # the door closed in this very moment, or one of its doors did
        return True


class TlsClient(RawClient):
    def __init__(self, port, version, context, server_name, session, timeout):
        super().__init__(port, version, timeout)
        if server_name is None:
            context.check_hostname = False
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=server_name,
                                              session=session)
        except Exception:
            self.socket.close()
            raise


class Broker:
    """`postern broker` on a free port; its log is kept."""

    def __init__(self, directory, limits=""):
        command = [BINARY, "broker", "--listen", "127.0.0.1:0"]
        if limits:
            config = directory / "broker.yaml"
            config.write_text(limits)
            command += ["-c", str(config)]
        self.log = []
        self.clients = Clients()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            self.log.append(line)
            if line.strip() == "postern broker: ready":
                break
        else:
            raise AssertionError("the broker did not start: " + "".join(self.log))
        self.port = int(re.search(r"port=(\d+)", "".join(self.log)).group(1))
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)

    def wait_log(self, *words):
        wait_until(lambda: any(all(word in line for word in words) for line in list(self.log)),
                   f"{words} in the log")

    def stop(self, clients_stay=False):
        """The clients that it gave leave before, unless they are to be told."""
        if not clients_stay:
            self.clients.close()
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        assert code == 0, "".join(self.log)
        assert "Sanitizer" not in "".join(self.log), "".join(self.log)

    def raw(self, version=4):
        return self.clients.add(RawClient(self.port, version))


class Mosquitto:
    """Debian's Mosquitto in plaintext, on a port or a unix socket."""

    def __init__(self, directory, unix=False, extra=""):
        self.port = None if unix else free_port()
        path = pathlib.Path(directory) / "mosquitto.sock"
        where = f"listener 0 {path}" if unix else f"listener {self.port} 127.0.0.1"
        self.address = f"unix:{path}" if unix else f"127.0.0.1:{self.port}"
        self.file = pathlib.Path(directory) / "mosquitto.conf"
        self.file.write_text(f"{where}\nallow_anonymous true\nmax_inflight_messages 0\n"
                             f"max_queued_messages 0\nuser root\n{extra}\n")
        self.log = open(pathlib.Path(directory) / "mosquitto.log", "a", encoding="utf-8")
        self.start()

    def _accepts(self):
        try:
            if self.port:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            else:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.address[5:])
            return True
        except OSError:
            assert self.process.poll() is None, "mosquitto did not start"
            return False

    def start(self):
        binary = "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([binary, "-c", str(self.file)], stdout=self.log,
                                        stderr=self.log)
        wait_until(self._accepts, "mosquitto to accept")

    def stop(self):
        self.process.kill()
        self.process.wait()


def json_log(line):
    return json.loads(line)
