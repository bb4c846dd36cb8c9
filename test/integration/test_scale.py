# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients at once, held by test/support/herd.c; the memory that one of them costs is printed."""

import pathlib
import subprocess

import pytest

from postern import BINARY, DEADLINE

HERD = pathlib.Path(BINARY).parent / "test/support/herd"


class Herd:
    """Clients that stay: `group` may be a group, then a certificate chain and its key."""

    def __init__(self, postern, count, *group):
        command = [HERD, str(postern.port), postern.pki.path("root.crt"), str(count), *group]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.count = count
        assert self.process.stdout.readline() == f"connected {count}\n"

    def all_alive(self):
        self.process.stdin.write("ping\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() == f"alive {self.count}\n"

    def leave(self):
        self.process.stdin.close()
        assert self.process.wait(DEADLINE) == 0


def hold(postern, count, capsys, what):
    before = postern.memory_kb()
    herd = Herd(postern, count)
    try:
        assert herd.all_alive()
        each = (postern.memory_kb() - before) / count
        with capsys.disabled():
            print(f"\n{count} clients, {what}: {each:.1f} KiB each in Postern's process")
        with postern.client() as one_more:
            assert one_more.connect("one-more").code == 0
    finally:
        herd.leave()
    return each


def test_no_client_waits_for_the_kernel_to_enlarge_the_table_of_descriptors(start):
    """Which takes some 10 ms each time in a process with threads: it is large from the start."""
    postern = start(descriptors=4096, workers=2)
    status = pathlib.Path(f"/proc/{postern.process.pid}/status").read_text()
    size = next(line.split()[1] for line in status.splitlines() if line.startswith("FDSize:"))
    assert int(size) >= 4096


@pytest.mark.release_only
def test_9000_clients_stay_connected_to_an_external_broker(start, mosquitto, capsys):
    broker = mosquitto()
    postern = start(backends=[{"servers": [broker.address]}], log={"level": "warn"})
    assert hold(postern, 9000, capsys, "external broker") < 6


@pytest.mark.release_only
def test_5000_clients_stay_connected_to_the_included_broker(start, capsys):
    postern = start(log={"level": "warn"})
    assert hold(postern, 5000, capsys, "included broker") < 7.5


@pytest.mark.threads
def test_a_thousand_connections_that_open_at_once_are_all_served(start):
    """All TCP connections are open before the first handshake begins."""
    postern = start(log={"level": "warn"}, limits={"handshake_timeout": "60s"})
    herd = Herd(postern, 1000)
    assert herd.all_alive()
    herd.leave()


@pytest.mark.parametrize("group", ["X25519MLKEM768", "X25519"])
def test_a_client_of_wolfssl_negotiates_the_group(start, group):
    """The hybrid is beyond the OpenSSL of the other tests."""
    postern = start()
    Herd(postern, 1, group).leave()
    assert f" group={group} " in postern.wait_log("session closed")


def test_the_hybrid_group_needs_no_setting(start):
    postern = start()
    Herd(postern, 1).leave()
    assert " group=X25519MLKEM768 " in postern.wait_log("session closed")
