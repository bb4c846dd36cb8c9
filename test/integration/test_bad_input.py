# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad, slow and hostile peers: each ends by its deadline, and a good client is served meanwhile."""

import os
import socket
import struct
import threading
import time

import pytest

import mqtt_packets as mqtt
from postern import SANITIZED, free_port, wait_until

SHORT = {"handshake_timeout": "1s", "connect_timeout": "1s"}


def good_client_is_served(postern):
    with postern.client(timeout=10) as client:
        assert client.connect("good").code == 0
        client.ping()


def expect_end(connection, seconds):
    """The peer closes within `seconds`; what it says before does not matter."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass


@pytest.mark.parametrize("what,looks_like", [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
    (mqtt.connect(4, "x"), "MQTT"),
    (os.urandom(512).replace(b"\x16", b"\x17"), "not TLS"),
], ids=["HTTP", "plaintext MQTT", "garbage"])
def test_what_is_not_tls_is_named_and_closed(start, what, looks_like):
    postern = start()
    with postern.raw() as peer:
        peer.sendall(b"\xff" + what if looks_like == "not TLS" else what)
        expect_end(peer, 5)
    line = postern.wait_log("handshake failed")
    assert "reason=not_tls" in line and looks_like in line and "source=127.0.0.1:" in line
    good_client_is_served(postern)


def test_silence_ends_by_the_handshake_timeout(start):
    postern = start(limits=SHORT)
    with postern.raw() as peer:
        good_client_is_served(postern)
        expect_end(peer, 5)
    assert "reason=handshake_timeout" in postern.wait_log("handshake failed")


def test_one_byte_a_time_ends_by_the_handshake_timeout(start):
    postern = start(limits=SHORT)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    with postern.raw() as peer:
        began = time.monotonic()
        try:
            for byte in hello:
                peer.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - began < 8
    assert "reason=handshake_timeout" in postern.wait_log("handshake failed")
    good_client_is_served(postern)


def test_silence_after_the_handshake_ends_by_the_connect_timeout(start):
    postern = start(limits=SHORT)
    with postern.client() as client:
        good_client_is_served(postern)
        assert client.receive() is None
    assert "reason=connect_timeout" in postern.wait_log("session closed.*reason=connect")


def test_a_connect_in_single_bytes_is_read(start):
    postern = start()
    with postern.client() as client:
        for byte in mqtt.connect(4, "bytewise"):
            client.send(bytes([byte]))
        assert client.expect(mqtt.CONNACK).code == 0


def test_a_connect_that_drips_ends_by_the_connect_timeout(start):
    postern = start(limits=SHORT)
    with postern.client() as client:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in mqtt.connect(4, "x" * 200):
                client.send(bytes([byte]))
                time.sleep(0.1)
        assert time.monotonic() - began < 8
    assert "reason=connect_timeout" in postern.wait_log("session closed")
    good_client_is_served(postern)


def test_a_connect_that_claims_256_mb_is_refused_at_once(start):
    postern = start()
    with postern.client() as client:
        client.send(b"\x10\xff\xff\xff\x7f" + b"\x00\x04MQTT\x04\x02\x00\x3c")
        assert client.receive() is None
    assert "reason=connect_too_large" in postern.wait_log("client refused")


def test_a_record_that_claims_16_kb_costs_nothing(start):
    postern = start()
    before = postern.memory_kb()
    peers = [postern.raw() for _ in range(200)]
    for peer in peers:
        peer.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc")
    good_client_is_served(postern)
    assert postern.memory_kb() - before < 3000, "200 promises of 16 KiB each"
    for peer in peers:
        peer.close()


def test_a_second_connect_is_the_brokers_matter(start):
    postern = start()
    with postern.client(4) as client:
        client.connect("twice")
        client.send(mqtt.connect(4, "twice"))
        client.expect_close()
    good_client_is_served(postern)


@pytest.mark.parametrize("at", ["hello", "handshake", "connect", "relay"])
def test_a_reset_in_the_middle_of_anything_is_survived(start, at):
    postern = start()
    linger = struct.pack("ii", 1, 0)
    for _ in range(20):
        if at in ("hello", "handshake"):
            peer = postern.raw()
            peer.sendall(b"\x16\x03\x01\x02" if at == "hello" else b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        else:
            client = postern.client()
            if at == "relay":
                client.connect("x")
            else:
                client.send(mqtt.connect(4, "x")[:7])
            peer = client.socket
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        peer.close()
    good_client_is_served(postern)
    began = time.monotonic()
    postern.stop()
    assert SANITIZED or time.monotonic() - began < 1.5, "nobody is there to be waited for"


@pytest.mark.threads
def test_a_thousand_connections_at_once_are_all_served(start):
    postern = start()
    codes = []

    def visit(number):
        for turn in range(20):
            with postern.client(timeout=60) as client:
                codes.append(client.connect(f"c-{number}-{turn}").code)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 1000


class Backend:
    """A server that does one thing to each connection."""

    def __init__(self, behave):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.kept = []
        self.thread = threading.Thread(target=self._serve, args=(behave,), daemon=True)
        self.thread.start()

    def _serve(self, behave):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(peer)
            behave(peer)

    def close(self):
        self.socket.close()
        for peer in self.kept:
            peer.close()


@pytest.fixture
def backend():
    made = []

    def make(behave):
        made.append(Backend(behave))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("behave,words", [
    (lambda peer: peer.close(), "closed the connection without a CONNACK|reset"),
    (lambda peer: (peer.recv(100), peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "no CONNACK"),
    (lambda peer: (peer.recv(100), peer.sendall(b"\x30\x02xx")), "no CONNACK"),
], ids=["closes", "speaks HTTP", "speaks out of turn"])
def test_a_backend_that_is_no_broker_is_told_and_logged(start, backend, behave, words):
    postern = start(backends=[{"servers": [backend(behave).address]}])
    with postern.client(5) as client:
        assert client.connect("x").code == 0x88
    assert postern.wait_log(f"backend failed.*server=127.0.0.1.*({words})")


def test_a_backend_that_hangs_is_given_up_by_its_deadline(start, backend):
    """It accepts the connection, and then says nothing."""
    postern = start(backends=[{"servers": [backend(lambda peer: None).address],
                               "connack_timeout": "1s"}])
    with postern.client(5) as client:
        began = time.monotonic()
        assert client.connect("x").code == 0x88
        assert 0.9 < time.monotonic() - began < 8
    assert "connack_timeout" in postern.wait_log("backend failed.*server=127.0.0.1")


def test_a_backend_that_dies_ends_its_sessions(start, mosquitto):
    broker = mosquitto()
    postern = start(backends=[{"servers": [broker.address]}])
    with postern.client() as client:
        assert client.connect("x").code == 0
        broker.stop()
        client.expect_close()
        with postern.client() as second:
            assert second.connect("y").code == 3
        broker.start()
        with postern.client() as third:
            assert third.connect("z").code == 0


def test_the_next_server_is_tried_when_one_is_dead(start, mosquitto):
    broker = mosquitto()
    postern = start(backends=[{"servers": [f"127.0.0.1:{free_port()}", broker.address],
                               "balance": "round_robin"}])
    for number in range(4):
        with postern.client() as client:
            assert client.connect(f"c{number}").code == 0
    wait_until(lambda: "backend unreachable" in postern.text, "the dead server in the log")


def test_a_backend_that_does_not_accept_is_given_up_by_its_deadline(start):
    """A listening socket whose queue is full: the connection is never made."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    port = full.getsockname()[1]
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        try:
            filler.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
        fillers.append(filler)
    postern = start(backends=[{"servers": [f"127.0.0.1:{port}"], "connect_timeout": "1s"}])
    with postern.client(5) as client:
        began = time.monotonic()
        assert client.connect("x").code == 0x88
        assert time.monotonic() - began < 8
    assert "connect_timeout" in postern.wait_log("backend unreachable")
    for filler in (*fillers, full):
        filler.close()


def test_dead_servers_are_described_once_and_not_for_each_client(start):
    postern = start(backends=[{"servers": [f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"]}])
    for number in range(12):
        with postern.client(5) as client:
            assert client.connect(f"x{number}").code == 0x88
    wait_until(lambda: postern.text.count("reason=no_backend") >= 12, "all of them")
    assert postern.text.count('server="all of them"') == 1
