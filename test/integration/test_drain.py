# SPDX-License-Identifier: GPL-3.0-or-later
"""How clients leave when the process does."""

import signal
import struct
import threading
import time

import pytest

import mqtt_packets as mqtt
from admin import get
from backend import Backend
from postern import DEADLINE, SANITIZED, free_port, wait_until


@pytest.fixture
def backend():
    one = Backend()
    yield one
    one.close()


@pytest.fixture
def silent():
    """It answers no CONNECT."""
    one = Backend(connack=None)
    yield one
    one.close()


def ended(running):
    assert running.process.wait(DEADLINE) == 0, running.text


@pytest.mark.threads
def test_clients_are_told_one_after_the_other_in_a_random_order(start):
    running = start(drain={"timeout": "30s", "spread": "2s"}, workers=1)
    clients = [running.client(5) for _ in range(20)]
    for number, client in enumerate(clients):
        assert client.connect(f"c-{number}").code == 0
    told = []

    def wait_for(number, client):
        got = client.receive()
        told.append((time.monotonic(), number, got.reason))
        client.expect_close()
        client.close()

    waiting = [threading.Thread(target=wait_for, args=one) for one in enumerate(clients)]
    for one in waiting:
        one.start()
    running.process.terminate()
    for one in waiting:
        one.join()
    ended(running)
    times = [when for when, _, _ in told]
    order = [number for _, number, _ in told]
    assert {reason for _, _, reason in told} == {0x8B}
    assert 1.5 < times[-1] - times[0] < (2.5 if not SANITIZED else 10)
    assert SANITIZED or max(b - a for a, b in zip(times, times[1:])) < 0.5
    assert order not in (sorted(order), sorted(order, reverse=True))
    assert running.text.count("reason=draining") == 20


@pytest.mark.threads
def test_a_drain_closes_the_door_and_lets_who_is_there_go_on(start):
    running = start(drain={"timeout": "60s", "spread": "60s"}, workers=1)
    with running.client(5) as one, running.client(5) as two:
        one.connect("one")
        two.connect("two")
        running.process.terminate()
        running.wait_log("draining sessions=2 spread_ms=60000 timeout_ms=60000")
        wait_until(lambda: not running.accepts(), "the listener to close")
        left = wait_until(lambda: [line for line in running.log if "session closed" in line],
                          "the first to be told")
        stays = two if "client_id=one" in left[0] else one
        stays.ping()
        assert running.process.poll() is None
    ended(running)


def test_readiness_ends_before_the_door_closes(start):
    admin = free_port()
    running = start(admin={"address": f"127.0.0.1:{admin}"}, drain={"delay": "1s", "timeout": "5s"})
    assert get(admin, "/readyz")[:2] == (200, "ready\n")
    running.process.terminate()
    running.wait_log("not ready any more delay_ms=1000")
    assert get(admin, "/readyz")[:2] == (503, "draining\n")
    with running.client(5) as client:
        assert client.connect("late, but served").code == 0
        client.ping()
        running.wait_log("draining sessions=1")
        assert get(admin, "/readyz")[0] == 503
        assert client.receive().reason == 0x8B
    ended(running)


def test_clients_of_mqtt_5_are_sent_to_another_server(start):
    elsewhere = "broker-2.example:8883"
    running = start(drain={"timeout": "5s", "spread": 0, "server_reference": elsewhere})
    whole = len(mqtt.packet(mqtt.DISCONNECT, 0, b"\x9c" + mqtt.properties(5, b"\x1c" + mqtt.text(elsewhere))))
    with running.client(5) as new, running.client(5) as fits, running.client(5) as tight, \
            running.client(4) as old:
        new.connect("new")
        fits.connect("fits", props=b"\x27" + struct.pack(">I", whole))  # Maximum Packet Size
        tight.connect("tight", props=b"\x27" + struct.pack(">I", whole - 1))
        old.connect("old")
        running.process.terminate()
        got = new.receive()
        assert (got.kind, got.reason) == (mqtt.DISCONNECT, 0x9C)
        assert got.properties == {0x1C: [elsewhere.encode()]}
        assert fits.receive().reason == 0x9C
        assert tight.receive().reason == 0x8B
        for client in (new, fits, tight, old):
            client.expect_close()
    ended(running)


def never_whole(broker, message):
    """Every write ends in the middle of a packet."""
    try:
        while True:
            broker.sendall(message[1000:] + message[:1000])
            time.sleep(0.005)
    except OSError:
        pass  # Postern has gone


@pytest.mark.threads
@pytest.mark.parametrize("version", [4, 5])
def test_nobody_is_cut_in_the_middle_of_a_packet(start, backend, version):
    backend.connack = b"\x20\x03\x00\x00\x00" if version == 5 else b"\x20\x02\x00\x00"
    running = start(backends=[{"servers": [backend.address]}],
                    drain={"timeout": "60s", "spread": 0})
    message = mqtt.publish(version, "t", "m" * 3000)
    with running.client(version) as client:
        client.connect("x")
        broker = backend.next()
        broker.sendall(message[:1000])
        wait_until(lambda: len(client.buffer) >= 1000 or not client._fill(), "the first third")
        running.process.terminate()
        running.wait_log("draining sessions=1")
        client.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
        assert broker.recv(2) == b"\xc0\x00", "the broker hears of the client still"
        threading.Thread(target=never_whole, args=(broker, message), daemon=True).start()
        while (got := client.receive()) is not None and got.kind == mqtt.PUBLISH:
            assert got.payload == b"m" * 3000
        if version == 5:
            assert (got.kind, got.reason) == (mqtt.DISCONNECT, 0x8B)
            client.expect_close()
        assert client.buffer == b""
    ended(running)


def test_a_slow_client_has_the_time_of_the_drain_to_read(start, backend):
    running = start(backends=[{"servers": [backend.address]}],
                    drain={"timeout": "60s", "spread": 0})
    with running.client(4) as client:
        client.connect("slow")
        broker = backend.next()
        message = mqtt.publish(4, "t", "m" * 20_000_000)
        sent, usual = 0, broker.gettimeout()
        broker.settimeout(0.5)
        with pytest.raises(TimeoutError):  # neither Postern nor the kernel takes any more
            while sent < len(message):
                sent += broker.send(message[sent:sent + 65536])
        broker.settimeout(usual)
        threading.Thread(target=broker.sendall, args=(message[sent:],), daemon=True).start()
        running.process.terminate()
        running.wait_log("draining sessions=1")
        time.sleep(2.5)  # longer than a client has that is closed otherwise
        left = len(message)
        while got := client.socket.recv(65536):
            left -= len(got)
        assert left == 0
    ended(running)


def test_who_waits_for_an_answer_gets_one(start, silent):
    running = start(backends=[{"servers": [silent.address]}], drain={"timeout": "20s"},
                    limits={"connect_timeout": "20s"})
    with running.client(5) as waits, running.client(4) as old, running.raw() as late:
        waits.send(mqtt.connect(5, "waits"))
        old.send(mqtt.connect(4, "old"))
        silent.next()
        silent.next()
        wait_until(lambda: running.accepts(), "the last one to be accepted")
        running.process.terminate()
        assert waits.expect(mqtt.CONNACK).code == 0x8B
        assert old.expect(mqtt.CONNACK).code == 3
        late.settimeout(DEADLINE)
        client = running.context().wrap_socket(late, server_hostname="localhost")
        client.sendall(mqtt.connect(5, "late"))
        assert client.recv(100)[3] == 0x8B
        client.close()
    ended(running)
    assert "reason=draining" in running.wait_log("client refused.*client_id=late")


def test_a_drain_has_an_end(start, backend):
    running = start(backends=[{"servers": [backend.address]}],
                    drain={"timeout": "500ms", "spread": 0})
    with running.client(4) as client:
        client.connect("x")
        backend.next().sendall(mqtt.publish(4, "t", "m" * 3000)[:1000])
        wait_until(lambda: len(client.buffer) >= 1000 or not client._fill(), "half a packet")
        began = time.monotonic()
        running.process.terminate()
        client.expect_close()
        assert time.monotonic() - began > 0.4
    ended(running)
    assert "reason=draining" in running.wait_log("session closed")


@pytest.mark.threads
def test_a_second_signal_ends_at_once(start):
    running = start(drain={"timeout": "60s", "spread": "60s"}, workers=1)
    with running.client(5) as one, running.client(5) as two:
        one.connect("one")
        two.connect("two")
        running.process.terminate()
        running.wait_log("session closed")
        running.process.send_signal(signal.SIGINT)
        # Not even the clients, which stay connected, are waited for.
        assert running.process.wait(DEADLINE if SANITIZED else 1.5) == 0
        for client in (one, two):
            got = client.receive()
            assert got.kind == mqtt.DISCONNECT and got.reason == 0x8B


def test_a_second_signal_ends_the_delay_too(start):
    running = start(drain={"delay": "60s"})
    running.process.terminate()
    running.wait_log("not ready any more")
    running.process.terminate()
    assert running.process.wait(DEADLINE if SANITIZED else 1.5) == 0
