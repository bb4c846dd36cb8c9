# SPDX-License-Identifier: GPL-3.0-or-later
"""A new process takes over while the old one lets its clients leave."""

import os
import pathlib
import signal
import socket
import threading

import pytest

import mqtt_packets as mqtt
from admin import get
from postern import BINARY, DEADLINE, SANITIZED, free_port, wait_until
from reloads import change, join
from test_systemd import Manager, listening
from upgrades import is_running


class Visitors:
    def __init__(self, postern, count):
        self.ends, self.failures, self.served = threading.Event(), [], 0
        self.threads = [threading.Thread(target=self._visit, args=(postern, f"v-{number}"))
                        for number in range(count)]
        for one in self.threads:
            one.start()

    def _visit(self, postern, name):
        while not self.ends.is_set():
            try:
                with postern.client(5) as client:
                    code = client.connect(name).code
                    if code:
                        self.failures.append(f"CONNACK {code:#x}")
                self.served += 1
            except OSError as error:
                self.failures.append(repr(error))

    def stop(self):
        self.ends.set()
        for one in self.threads:
            one.join()
        assert not self.failures, self.failures[:5]


@pytest.mark.threads
def test_no_connection_is_refused_or_reset_by_upgrades(upgrading):
    postern, upgrade = upgrading(workers=2)
    stay = [join(postern, None, f"stays-{number}") for number in range(10)]
    visitors = Visitors(postern, 3)
    for _ in range(3 if SANITIZED else 5):  # the second process is without visitors in the end
        seen = visitors.served
        upgrade()
        wait_until(lambda: visitors.served > seen + 20, "more visitors")
    upgrade.end(1)
    seen = visitors.served
    wait_until(lambda: visitors.served > seen + 20, "more visitors")
    visitors.stop()
    assert is_running(upgrade.pids[0]) and is_running(upgrade.pids[-1])
    still = sum(is_served(client) for client in stay)
    assert still >= 8, "each worker of the first process has told one, and the next are told in minutes"
    new = join(postern, None, "new")
    for client in stay:
        client.close()
    assert postern.process.wait(DEADLINE) == 0
    new.ping()


def is_served(client):
    client.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
    return client.receive().kind == mqtt.PINGRESP


def test_sessions_are_let_go_by_the_old_process(upgrading):
    postern, upgrade = upgrading(drain={"timeout": "30s", "spread": 0, "delay": "20s"})
    client = join(postern, None, "x")
    upgrade()
    assert client.expect(mqtt.DISCONNECT).reason == 0x8B  # without the delay: no balancer has to look
    client.expect_close()
    join(postern, None, "x").close()


def test_who_has_been_accepted_is_not_refused(upgrading):
    postern, upgrade = upgrading(limits={"handshake_timeout": "30s", "connect_timeout": "30s"})
    silent, shaken = postern.raw(), postern.client(5)
    wait_until(lambda: postern.accepts(), "both to be accepted")
    upgrade()
    assert shaken.connect("shaken").code == 0
    shaken.ping()
    silent.settimeout(DEADLINE)
    with postern.context().wrap_socket(silent, server_hostname="localhost") as client:
        client.sendall(mqtt.connect(5, "silent"))
        assert client.recv(100)[3] == 0
    shaken.close()


@pytest.mark.parametrize("before,after", [(1, 3), (3, 1), (3, 2)])
def test_the_number_of_workers_may_change(upgrading, before, after):
    postern, upgrade = upgrading(workers=before, watch=False)
    change(postern, lambda config: config.update(workers=after))
    upgrade()
    assert f" workers={after}" in postern.wait_log(f"started pid={upgrade.pids[1]}")
    upgrade.end(0)
    for number in range(24):  # whatever socket the kernel sends them to, it is served
        join(postern, None, f"c-{number}").close()
    upgrade()
    upgrade.end(1)
    for number in range(24):
        join(postern, None, f"c-{number}").close()


def test_listeners_may_change(upgrading):
    postern, upgrade = upgrading(watch=False)
    first, second = postern.port, free_port()
    change(postern, lambda config: config["listeners"][0].update(address=f"127.0.0.1:{second}"))
    upgrade()
    upgrade.end(0)
    assert not postern.accepts()
    postern.port = second
    join(postern, None, "x").close()
    change(postern, lambda config: config["listeners"][0].update(address=f"127.0.0.1:{first}"))
    upgrade()
    postern.port = first
    join(postern, None, "x").close()


def test_unix_sockets_and_the_admin_address_move_along(upgrading, tmp_path):
    path, admin = tmp_path / "in.sock", tmp_path / "admin.sock"
    postern, upgrade = upgrading(listener={"address": f"unix:{path}"}, admin={"address": f"unix:{admin}"})
    inode = path.stat().st_ino

    def answers():
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(DEADLINE)
            raw.connect(str(path))
            postern.context().wrap_socket(raw, server_hostname="localhost").close()

    def pid():
        with socket.socket(socket.AF_UNIX) as asker:
            asker.settimeout(DEADLINE)
            asker.connect(str(admin))
            asker.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            return asker.recv(4096)

    answers()
    upgrade()
    for _ in range(10):
        answers()
        assert b" 200 " in pid()
    upgrade.end(0)
    assert path.stat().st_ino == inode and admin.exists()
    answers()
    assert b" 200 " in pid()
    upgrade.end(1)
    assert not path.exists() and not admin.exists()


def test_the_admin_address_answers_without_a_gap(upgrading):
    admin = free_port()
    postern, upgrade = upgrading(admin={"address": f"127.0.0.1:{admin}"})
    with join(postern, None, "x"):
        assert get(admin, "/readyz")[0] == 200
        upgrade()
        for _ in range(20):
            assert get(admin, "/readyz")[0] == 200


def test_passed_sockets_are_passed_on(upgrading):
    with listening() as one:
        postern, upgrade = upgrading(listener={"address": "fd:mqtts"}, sockets=[one],
                                     environment={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "mqtts"})
        postern.port = one.getsockname()[1]
        for _ in range(2):
            upgrade()
            upgrade.end(len(upgrade.pids) - 2)
            join(postern, None, "x").close()


def test_a_bad_configuration_keeps_the_old_process(upgrading):
    postern, upgrade = upgrading(watch=False)
    client = join(postern, None, "x")
    good = postern.file.read_text()
    postern.file.write_text(good + "nonsense: 1\n")
    upgrade.ask()
    assert "postern.yaml has errors" in postern.wait_log("not upgraded, this process goes on")
    assert "nonsense" in postern.wait_log("error: ")
    client.ping()
    join(postern, None, "y").close()
    postern.file.write_text(good)
    upgrade()
    join(postern, None, "z").close()


def test_an_address_that_is_taken_keeps_the_old_process(upgrading):
    postern, upgrade = upgrading(watch=False)
    with listening() as taken:
        port = taken.getsockname()[1]
        change(postern, lambda config: config["listeners"].append(
            {**config["listeners"][0], "name": "more", "address": f"127.0.0.1:{port}"}))
        upgrade.ask()
        line = postern.wait_log("not upgraded, this process goes on")
        assert "another process has it" in line
        join(postern, None, "y").close()


def test_a_failed_upgrade_leaves_the_unix_sockets_where_they_are(upgrading, tmp_path):
    path, admin = tmp_path / "in.sock", tmp_path / "admin.sock"
    postern, upgrade = upgrading(listener={"address": f"unix:{path}"}, watch=False,
                                 admin={"address": f"unix:{admin}"})
    with listening() as taken:
        port = taken.getsockname()[1]
        change(postern, lambda config: config["listeners"].append(
            {**config["listeners"][0], "name": "more", "address": f"127.0.0.1:{port}"}))
        upgrade.ask()
        postern.wait_log("not upgraded, this process goes on")
    for one in path, admin:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(one))


@pytest.fixture
def waiting(upgrading, tmp_path):
    """A Postern whose binary has been replaced by a program that never becomes ready."""
    def start_one(program, **options):
        link, number = tmp_path / "installed", tmp_path / "pid"
        link.symlink_to(BINARY)
        postern, upgrade = upgrading(wrapper=("sh", "-c", 'shift; exec "$0" "$@"', str(link)), **options)
        link.unlink()
        link.write_text(f"#!/bin/sh\n{program}\necho $$ >{number}.new\nmv {number}.new {number}\nexec sleep 600\n")
        link.chmod(0o755)
        upgrade.ask()
        wait_until(number.exists, "the new process")
        return postern, int(number.read_text())

    return start_one


@pytest.mark.parametrize("program", ["", "trap '' TERM"], ids=["ends by SIGTERM", "has to be killed"])
def test_a_new_process_that_hangs_is_ended_and_the_old_one_goes_on(waiting, program):
    postern, successor = waiting(program, upgrade_timeout="300ms")
    line = postern.wait_log("not upgraded, this process goes on")
    assert "the new process was not ready within upgrade_timeout, and is ended" in line
    wait_until(lambda: not pathlib.Path(f"/proc/{successor}").exists(), "the new process to be gone, and waited for")
    join(postern, None, "x").close()


def test_another_signal_does_not_start_a_second_new_process(waiting):
    postern, _ = waiting("", upgrade_timeout="2s")
    os.kill(postern.process.pid, signal.SIGUSR2)
    postern.wait_log("warn +SIGUSR2 is ignored: an upgrade is under way")
    assert postern.text.count("starting a new process") == 1


def test_a_process_that_is_to_end_breaks_its_upgrade_off(waiting):
    postern, successor = waiting("", drain={"timeout": "30s", "spread": "20s"})
    clients = [join(postern, None, f"x-{number}") for number in range(3)]
    os.kill(postern.process.pid, signal.SIGTERM)
    assert "this process ends before the new one was ready" in postern.wait_log("error not upgraded")
    postern.wait_log("draining")
    for number, word in ((signal.SIGUSR2, "SIGUSR2"), (signal.SIGHUP, "SIGHUP")):
        os.kill(postern.process.pid, number)
        postern.wait_log(f"warn +{word} is ignored: this process is leaving")
    wait_until(lambda: not is_running(successor), "the new process to be ended")
    for client in clients:
        client.close()
    assert postern.process.wait(DEADLINE) == 0
    assert "handed over" not in postern.text


def test_systemd_learns_who_the_main_process_is(upgrading, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    postern, upgrade = upgrading(environment={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"})
    old = str(postern.process.pid)
    assert manager.until("READY")["MAINPID"] == old
    upgrade()
    new = manager.until("READY")
    assert new["MAINPID"] == str(upgrade.pids[1]) != old
    upgrade.end(0)
    for _ in range(5):
        assert set(manager.next()) == {"WATCHDOG"}, "of the new one; the old one has nothing to say"
    manager.socket.close()
