# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd passes to a service, and is told by it."""

import ctypes
import os
import pathlib
import signal
import socket
import time

import pytest

from postern import BINARY, DEADLINE, free_port, launch, wait_until
from reloads import change, join, loads


def listening(port=0):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("127.0.0.1", port))
    one.listen(128)
    return one


def activated(start, sockets, names, **options):
    postern = start(listener={"address": "fd:mqtts"}, sockets=sockets,
                    environment={"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": names}, **options)
    if sockets[0].family == socket.AF_INET:
        postern.port = sockets[0].getsockname()[1]
    return postern


def answers(postern, times=1):
    for number in range(times):
        join(postern, None, f"c-{number}").close()


# -------------------------------------------------------------------------------- passed sockets


@pytest.mark.threads
@pytest.mark.parametrize("workers", [1, 3])
def test_a_passed_socket_is_served_by_every_worker(start, workers):
    with listening() as one:
        postern = activated(start, [one], "mqtts", workers=workers)
        answers(postern, 8)
        postern.stop()
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.accept()  # it is still open, and ours


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_several_sockets_of_one_name_are_all_served(start, workers):
    with listening() as one, listening(one.getsockname()[1]) as two:
        postern = activated(start, [one, two], "mqtts:mqtts", workers=workers)
        answers(postern, 24)  # the kernel sends each to one of the two


def test_a_passed_unix_socket_is_not_removed(start, tmp_path):
    path = tmp_path / "in.sock"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        one.listen()
        postern = activated(start, [one], "mqtts")
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(DEADLINE)
            raw.connect(str(path))
            postern.context().wrap_socket(raw, server_hostname="localhost").close()
        postern.stop()
        assert path.exists()


def test_a_passed_socket_can_leave_the_configuration_and_come_back(start):
    with listening() as one:
        postern = activated(start, [one], "mqtts")
        stays = join(postern, None, "stays")
        change(postern, lambda config: config["listeners"][0].update(name="renamed"))
        wait_until(lambda: loads(postern) == 1, "the new name")
        free = free_port()
        change(postern, lambda config: config["listeners"][0].update(address=f"127.0.0.1:{free}"))
        wait_until(lambda: loads(postern) == 2, "another address")
        change(postern, lambda config: config["listeners"][0].update(address="fd:mqtts"))
        wait_until(lambda: loads(postern) == 3, "the passed socket again")
        answers(postern)
        stays.ping()


def not_started(tmp_path, pki, address, sockets, environment):
    file = tmp_path / "p.yaml"
    file.write_text(f"""listeners:
  - address: {address}
    tls: {{ certificate: {pki.path("server.pem")}, private_key: {pki.path("server.key")} }}
backends:
  - builtin_broker: true
""")
    process = launch([BINARY, "run", "-c", str(file)], environment, sockets)
    told = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 1, told
    return told


def test_a_name_that_was_not_passed_is_said(tmp_path, pki):
    with listening() as one:
        told = not_started(tmp_path, pki, "fd:mqtts", [one], {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "other"})
    assert "no socket named mqtts was passed in: give it that name with FileDescriptorName=" in told


def test_sockets_for_another_process_are_left_alone(tmp_path, pki):
    told = not_started(tmp_path, pki, "fd:mqtts", [],
                       {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "mqtts", "LISTEN_PID": "1"})
    assert "no socket named mqtts was passed in" in told


def test_a_socket_that_does_not_listen_is_said(tmp_path, pki):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        told = not_started(tmp_path, pki, "fd:mqtts", [one], {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "mqtts"})
    assert "is no listening stream socket" in told


# -------------------------------------------------------------------------------------- messages


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0"))
        self.name = name

    def next(self, seconds=DEADLINE):
        self.socket.settimeout(seconds)
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def until(self, key):
        while True:
            got = self.next()
            if key in got:
                return got

    def silent_for(self, seconds):
        try:
            return self.next(seconds) is None
        except TimeoutError:
            return True


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    one = Manager(str(tmp_path / "notify") if request.param == "path" else f"@postern-test-{os.getpid()}")
    yield one
    one.socket.close()


def test_systemd_is_told_of_the_start_of_reloads_and_of_the_end(start, manager):
    postern = start(environment={"NOTIFY_SOCKET": manager.name}, drain={"timeout": "7s", "delay": "1s"})
    assert manager.next() == {"MAINPID": str(postern.process.pid), "READY": "1", "STATUS": "Serving"}
    answers(postern)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    postern.process.send_signal(signal.SIGHUP)
    begins = manager.next()
    assert begins["RELOADING"] == "1" and int(begins["MONOTONIC_USEC"]) >= before
    assert manager.next() == {"READY": "1", "STATUS": "Serving"}
    change(postern, lambda config: config.update(nonsense=1))
    assert manager.next()["RELOADING"] == "1"
    bad = manager.next()
    assert bad["READY"] == "1"
    assert bad["STATUS"].startswith("Serving by the old configuration: ") and "nonsense" in bad["STATUS"]
    postern.process.terminate()
    leaves = manager.next()
    assert leaves["STOPPING"] == "1" and int(leaves["EXTEND_TIMEOUT_USEC"]) >= 8_000_000


def test_a_manager_that_is_gone_is_no_reason_to_stop(start, tmp_path):
    postern = start(environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    postern.process.send_signal(signal.SIGHUP)
    postern.wait_log("configuration loaded")
    answers(postern)


def test_signs_of_life_are_for_who_asked_for_them(start, tmp_path):
    one = Manager(str(tmp_path / "notify"))
    start(environment={"NOTIFY_SOCKET": one.name, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"})
    assert one.next()["READY"] == "1"
    assert one.silent_for(0.2)
    one.socket.close()


# ptrace(2): one thread of the process is stopped, and the others are not.
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    assert libc.ptrace(request, thread, 0, 0) == 0, os.strerror(ctypes.get_errno())


def thread_named(pid, name):
    for thread in sorted(int(entry) for entry in os.listdir(f"/proc/{pid}/task")):
        if pathlib.Path(f"/proc/{pid}/task/{thread}/comm").read_text() == name + "\n":
            return thread
    return None


@pytest.mark.release_only
def test_a_worker_that_hangs_is_noticed(start, tmp_path):
    one = Manager(str(tmp_path / "notify"))
    postern = start(environment={"NOTIFY_SOCKET": one.name, "WATCHDOG_USEC": "2000000"}, workers=2,
                    backends=[{"servers": ["127.0.0.1:1"]}])
    pid = postern.process.pid
    assert "WATCHDOG" in one.until("WATCHDOG")
    # Each thread gives itself its name, perhaps after the first sign of life.
    hung = wait_until(lambda: thread_named(pid, "worker-1"), "the second worker")
    ptrace(SEIZE, hung)
    ptrace(INTERRUPT, hung)
    os.waitpid(hung, WALL)
    postern.wait_log("a worker hangs.*worker=1")
    while one.silent_for(0.01) is False:
        pass  # what was sent before
    assert one.silent_for(1.2)
    ptrace(DETACH, hung)
    assert "WATCHDOG" in one.until("WATCHDOG")
    one.socket.close()
