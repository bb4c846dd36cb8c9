# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes in both directions: in order, all of them, with bounded memory, and their ends."""

import hashlib
import os
import socket
import ssl
import struct
import threading
import time

import pytest

import mqtt_packets as mqtt
from admin import api, with_admin
from backend import CONNACK, Backend
from postern import DEADLINE, SANITIZED, wait_until

GIB = 1 << 30


@pytest.fixture
def backend():
    made = []

    def make(**options):
        made.append(Backend(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def linked(start, backend):
    """(postern, admitted client, the backend's end)."""
    def make(mqtt_version=4, keep_alive=60, connack=b"\x20\x02\x00\x00", backend_keys=None, **options):
        server = backend(connack=connack)
        options.setdefault("workers", 1)
        postern = start(backends=[{"servers": [server.address], **(backend_keys or {})}], **options)
        client = postern.client(mqtt_version)
        assert client.connect("x", keep_alive=keep_alive).code == 0
        return postern, client, server.next()
    return make


def read_exactly(peer, length):
    data = b""
    while len(data) < length:
        piece = peer.recv(length - len(data))
        assert piece, f"the end after {len(data)} of {length} bytes"
        data += piece
    return data


def test_packets_behind_the_connect_keep_their_order(start, backend):
    server = backend(connack=None)
    postern = start(backends=[{"servers": [server.address]}])
    packets = [mqtt.connect(4, "x")] + [mqtt.publish(4, f"t/{n}", "m" * n) for n in range(300)]
    wanted = b"".join(packets)
    with postern.client() as client:
        client.send(wanted)
        assert read_exactly(server.next(), len(wanted)) == wanted


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_splitting_into_records_is_the_same_stream(start, backend, size):
    server = backend(connack=None)
    postern = start(backends=[{"servers": [server.address]}])
    wanted = mqtt.connect(5, "x" * 50, username="u", password="p") + mqtt.publish(5, "t", "m" * 400)
    with postern.client(5) as client:
        for at in range(0, len(wanted), size):
            client.socket.sendall(wanted[at:at + size])
        assert read_exactly(server.next(), len(wanted)) == wanted


def test_nothing_is_dialled_before_the_connect_is_admitted(start, backend):
    server = backend(connack=None)
    postern = start(backends=[{"servers": [server.address]}],
                    policies=[{"name": "p", "rules": [{"match": {"client_id": "good"}}]}])
    with postern.client() as client:
        assert client.connect("bad").code == 5
    with postern.client() as client:
        client.send(mqtt.connect(4, "good"))
        server.next()
    assert len(server.all) == 1


def pump(sink, source, total):
    """Sends `total` bytes into `sink` while reading them from `source`; digests of both."""
    block = os.urandom(1 << 18)
    sent, got = hashlib.sha256(), hashlib.sha256()

    def send():
        for _ in range(total // len(block)):
            sent.update(block)
            sink.sendall(block)

    sender = threading.Thread(target=send)
    sender.start()
    left = total
    while left:
        piece = source.recv(1 << 18)
        assert piece, f"the end with {left} bytes to come"
        got.update(piece)
        left -= len(piece)
    sender.join()
    return sent.hexdigest(), got.hexdigest()


@pytest.mark.parametrize("direction", ["to the backend", "to the client"])
def test_a_gibibyte_passes_whole(linked, direction):
    total = GIB // 16 if SANITIZED else GIB
    postern, client, server = linked()
    client.socket.settimeout(DEADLINE * 4)
    server.settimeout(DEADLINE * 4)
    pair = (client.socket, server) if direction == "to the backend" else (server, client.socket)
    before = postern.memory_kb()
    sent, got = pump(*pair, total)
    assert sent == got
    # The quarantine of the address sanitizer keeps what was freed.
    assert SANITIZED or postern.memory_kb() - before < 3000


@pytest.mark.parametrize("stalled", ["client", "backend"])
def test_a_stalled_side_stops_the_other_and_costs_little(linked, stalled):
    postern, client, server = linked()
    source = server if stalled == "client" else client.socket
    before = postern.memory_kb()
    source.settimeout(1)
    block, sent = os.urandom(1 << 16), 0
    with pytest.raises(TimeoutError):
        while sent < GIB:
            sent += source.send(block)
    assert sent < 64 << 20
    assert SANITIZED or postern.memory_kb() - before < 2000
    with postern.client(timeout=5) as other:
        assert other.connect("other").code == 0


def test_a_client_that_ends_is_told_to_the_backend_and_can_still_be_answered(linked):
    _, client, server = linked()
    client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    raw = client.socket
    raw.settimeout(DEADLINE)
    # close_notify without reading the peer's: half a close
    try:
        raw.setblocking(False)
        raw._sslobj.shutdown()
    except ssl.SSLWantReadError:
        pass
    raw.setblocking(True)
    assert read_exactly(server, 2) == b"\xe0\x00"
    assert server.recv(1) == b""
    server.close()


def test_a_backend_that_ends_is_told_to_the_client_with_close_notify(linked):
    postern, client, server = linked()
    server.sendall(b"\xd0\x00")
    server.shutdown(socket.SHUT_WR)
    client.socket.suppress_ragged_eofs = False
    assert client.expect(mqtt.PINGRESP)
    assert client.receive() is None
    client.send(b"\xc0\x00")
    assert read_exactly(server, 2) == b"\xc0\x00"
    client.close()
    assert "reason=backend_closed" in postern.wait_log("session closed")


def test_a_packet_over_the_limit_ends_a_session_whose_backend_has_ended(linked):
    postern, client, server = linked(mqtt_version=5, connack=b"\x20\x03\x00\x00\x00",
                                     limits={"max_packet_size": "1KiB"})
    server.shutdown(socket.SHUT_WR)
    assert client.receive() is None
    client.send(mqtt.publish(5, "x", bytes(2048)))
    client.close()
    assert "reason=packet_too_large" in postern.wait_log("session closed")
    with postern.client(5) as another:
        assert another.connect("another").code == 0


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_a_reset_of_the_client_reaches_the_backend_as_one(linked):
    postern, client, server = linked()
    reset(client.socket)
    with pytest.raises(ConnectionResetError):
        assert server.recv(1) == b"no end, a reset"
    assert "reason=client_reset" in postern.wait_log("session closed")


def test_a_reset_of_the_backend_reaches_the_client_as_one(linked):
    postern, client, server = linked()
    reset(server)
    with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
        client.socket.suppress_ragged_eofs = False
        client.receive()
    assert "reason=backend_reset" in postern.wait_log("session closed")


@pytest.mark.parametrize("version", [4, 5])
def test_silence_beyond_the_keep_alive_ends_the_session(linked, version):
    connack = b"\x20\x03\x00\x00\x00" if version == 5 else b"\x20\x02\x00\x00"
    postern, client, server = linked(version, keep_alive=1, connack=connack)
    began = time.monotonic()
    got = client.receive()
    assert 1.4 <= time.monotonic() - began < 6
    if version == 5:
        assert got.kind == mqtt.DISCONNECT and got.reason == 0x8D
    else:
        assert got is None
    assert server.recv(1) == b""
    client.close()
    assert "reason=keep_alive_timeout" in postern.wait_log("session closed")


def test_a_client_that_its_broker_has_said_goodbye_to_is_told_once(linked):
    """Both may end it for its silence at the same time."""
    postern, client, server = linked(5, keep_alive=1, connack=b"\x20\x03\x00\x00\x00")
    server.sendall(b"\xe0\x01\x8d")
    assert client.receive().reason == 0x8D
    client.expect_close()
    assert "reason=keep_alive_timeout" in postern.wait_log("session closed")


def fill(client):
    """Sends until nobody takes any more; returns how many bytes that were."""
    packets = mqtt.publish(client.version, "t", bytes(1 << 14)) * 4
    client.socket.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < GIB:
            sent += client.socket.send(packets[sent % len(packets):])
    client.socket.settimeout(DEADLINE)
    return sent


def test_a_client_is_not_silent_while_its_broker_takes_nothing(linked):
    _, client, server = linked(keep_alive=1)
    sent = fill(client)
    time.sleep(3)  # twice what it might be silent for
    read_exactly(server, sent)
    rest = -sent % len(mqtt.publish(4, "t", bytes(1 << 14)))
    client.send(bytes(rest) + b"\xc0\x00")
    assert read_exactly(server, rest + 2)[-2:] == b"\xc0\x00"
    server.sendall(b"\xd0\x00")
    client.expect(mqtt.PINGRESP)
    assert client.receive() is None, "from now on it is its own silence"


@pytest.mark.parametrize("keep_alive", [0, 1, 60])
def test_a_broker_that_takes_nothing_for_too_long_ends_the_session(linked, keep_alive):
    postern, client, server = linked(5, keep_alive=keep_alive, connack=b"\x20\x03\x00\x00\x00",
                                     backend_keys={"stall_timeout": "2s"})
    began = time.monotonic()
    fill(client)
    got = client.receive()
    assert (got.kind, got.reason) == (mqtt.DISCONNECT, 0x89)
    assert 2 <= time.monotonic() - began < 8
    client.close()
    assert "reason=backend_stalled" in postern.wait_log("session closed")


def test_traffic_keeps_a_session_alive(linked):
    _, client, server = linked(keep_alive=1)
    for _ in range(6):
        client.send(b"\xc0\x00")
        assert read_exactly(server, 2) == b"\xc0\x00"
        server.sendall(b"\xd0\x00")
        client.expect(mqtt.PINGRESP)
        time.sleep(0.5)


def test_the_keep_alive_that_the_broker_sets_is_the_one_in_force(linked):
    postern, client, _ = linked(5, keep_alive=600, connack=b"\x20\x06\x00\x00\x03\x13\x00\x01")
    got = client.receive()
    assert got.kind == mqtt.DISCONNECT and got.reason == 0x8D
    client.expect_close()
    assert "reason=keep_alive_timeout" in postern.wait_log("session closed")


def test_a_fixed_idle_timeout_replaces_the_keep_alive(linked):
    postern, client, _ = linked(keep_alive=0, limits={"idle_timeout": "1s"})
    client.expect_close()
    postern.wait_log("session closed")


def test_a_unix_socket_is_a_backend_and_a_listener(start, tmp_path):
    path = str(tmp_path / "b.sock")
    server = Backend(unix=path)
    postern = start(backends=[{"servers": [f"unix:{path}"]}])
    with postern.client() as client:
        assert client.connect("x").code == 0
    server.close()


@pytest.fixture
def full(tmp_path):
    """A unix socket that listens, whose queue the kernel has no room in until it accepts."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "full.sock"))
    listening.listen(0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.setblocking(False)
    waiting.connect(listening.getsockname())
    with pytest.raises(BlockingIOError), socket.socket(socket.AF_UNIX) as one_more:
        one_more.setblocking(False)
        one_more.connect(listening.getsockname())
    yield listening
    waiting.close()
    listening.close()


def answer(listening, count):
    peers = [listening.accept()[0]]  # the one that waits
    for _ in range(count):
        peers.append(listening.accept()[0])
        Backend.read_connect(peers[-1])
        peers[-1].sendall(CONNACK)
    for peer in peers[1:]:
        peer.recv(1)


def test_a_unix_socket_whose_queue_is_full_is_waited_for(start, full):
    postern = with_admin(start, backends=[{"servers": ["unix:" + full.getsockname()],
                                           "health_check": {"type": "off"}}])
    clients = [postern.client(4) for _ in range(4)]
    for number, client in enumerate(clients):
        client.send(mqtt.connect(4, f"c{number}"))
    wait_until(lambda: [one["state"] for one in api(postern, "sessions")["sessions"]] ==
               ["dialling"] * 4, "all of them wait")
    threading.Thread(target=answer, args=(full, 4), daemon=True).start()
    assert [client.expect(mqtt.CONNACK).code for client in clients] == [0] * 4
    assert "server down" not in postern.text and "unreachable" not in postern.text


def test_a_unix_socket_whose_queue_stays_full_is_unreachable(start, full):
    postern = start(backends=[{"servers": ["unix:" + full.getsockname()], "connect_timeout": "300ms",
                               "health_check": {"type": "off"}}])
    with postern.client(5) as client:
        assert client.connect("x").code == 0x88
    assert "its queue of connections stayed full" in postern.wait_log("backend unreachable")


def test_every_address_of_a_name_is_tried(start, backend):
    """localhost is ::1 first on many machines, and the broker listens on 127.0.0.1."""
    server = backend()
    postern = start(backends=[{"servers": ["localhost:" + server.address.split(":")[1]]}])
    with postern.client() as client:
        assert client.connect("x").code == 0


def test_a_name_that_nobody_knows_is_told(start):
    postern = start(backends=[{"servers": ["broker.invalid:1883"]}])
    with postern.client(5) as client:
        assert client.connect("x").code == 0x88
    assert "server=broker.invalid:1883" in postern.wait_log("backend unreachable")


def test_a_unix_listener_terminates_tls(start, tmp_path, pki):
    path = str(tmp_path / "l.sock")
    postern = start(listeners=[{"address": f"unix:{path}",
                                "tls": {"certificate": pki.path("server.pem"),
                                        "private_key": pki.path("server.key")}}])
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(DEADLINE)
        raw.connect(path)
        with postern.context().wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(mqtt.connect(4, "x"))
            assert tls.recv(4) == b"\x20\x02\x00\x00"
    assert "source=unix" in postern.wait_log("session closed")


def test_small_packets_are_not_held_back(linked):
    """A hundred round trips of a few bytes: with Nagle's algorithm they would take seconds."""
    _, client, server = linked()
    began = time.monotonic()
    for _ in range(100):
        client.send(b"\xc0\x00")
        assert read_exactly(server, 2) == b"\xc0\x00"
        server.sendall(b"\xd0\x00")
        client.expect(mqtt.PINGRESP)
    assert time.monotonic() - began < 3


def test_what_the_session_was_stands_in_one_line(linked):
    postern, client, server = linked()
    client.send(mqtt.publish(4, "t", "m" * 100))
    read_exactly(server, 105)
    client.close()
    server.close()
    line = postern.wait_log("session closed")
    for part in ("listener=test", "source=127.0.0.1:", "server_name=localhost", "client_id=x",
                 "mqtt=3.1.1", "tls=1.3", "cipher=TLS_AES_128_GCM_SHA256", "group=X25519",
                 "resumed=false", "backend=main", "server=127.0.0.1:", "bytes_in=120", "bytes_out=4",
                 "packets_in=2", "packets_out=1", "duration_ms=", "reason=client_closed"):
        assert part in line, (part, line)
