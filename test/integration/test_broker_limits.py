# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens at each limit of the included broker."""

import contextlib
import os
import pathlib
import socket
import struct
import threading
import time

import pytest

import mqtt_packets as mqtt
from postern import DEADLINE, SANITIZED


def test_connack_tells_what_there_is(broker, name):
    with broker.raw(5) as client:
        got = client.connect("")
        assert got.code == 0
        assert 0x2A not in got.properties  # shared subscriptions, which are there
        assert len(got.properties[0x12][0]) > 10
        assert 0x21 in got.properties and 0x27 in got.properties and 0x22 in got.properties


def test_limits_of_keep_alive_and_expiry_are_told(limited, name):
    broker = limited("max_keep_alive: 10s\nmax_session_expiry: 1h\nretain: false\n")
    with broker.raw(5) as client:
        got = client.connect(name, keep_alive=600, props=b"\x11\xff\xff\xff\xff")
        assert got.properties[0x13] == [10]
        assert got.properties[0x11] == [3600]
        assert got.properties[0x25] == [0]
        client.send(mqtt.publish(5, name, "x", retain=True))
        assert client.expect(mqtt.DISCONNECT).reason == 0x9A


def test_the_servers_keep_alive_is_in_force(limited):
    client = limited("max_keep_alive: 1s\n").raw(5)
    client.socket.settimeout(DEADLINE)
    began = time.monotonic()
    assert client.connect("c", keep_alive=0).properties[0x13] == [1]
    assert client.expect(mqtt.DISCONNECT).reason == 0x8D
    assert 1.4 < time.monotonic() - began < 1.4 + (5 if SANITIZED else 1)
    client.expect_close()


def test_a_shorter_keep_alive_than_the_most_is_left_alone(limited):
    client = limited("max_keep_alive: 100s\n").raw(5)
    assert 0x13 not in client.connect("c", keep_alive=60).properties


@pytest.mark.parametrize("aliases", [0, 2])
def test_aliases_above_the_maximum_end_the_client(limited, aliases):
    client = limited(f"topic_alias_maximum: {aliases}\n").raw(5)
    assert client.connect("c").properties.get(0x22, [0]) == [aliases]
    for alias in range(1, aliases + 1):
        client.send(mqtt.publish(5, "t", "x", qos=1, props=b"\x23" + struct.pack(">H", alias)))
        client.expect(mqtt.PUBACK)
    client.send(mqtt.publish(5, "t", "x", props=b"\x23" + struct.pack(">H", aliases + 1)))
    assert client.expect(mqtt.DISCONNECT).reason == 0x94


def test_a_packet_of_the_largest_size_passes_and_one_more_byte_does_not(limited):
    broker = limited("max_packet_size: 2KiB\n")
    client = broker.raw(5)
    client.connect("c")
    client.subscribe("t")
    most = 2048 - len(mqtt.publish(5, "t", b"x" * 1000)) + 1000
    client.send(mqtt.publish(5, "t", b"x" * most))
    assert len(client.expect(mqtt.PUBLISH).payload) == most
    client.send(mqtt.publish(5, "t", b"x" * (most + 1)))
    assert client.expect(mqtt.DISCONNECT).reason == 0x95
    large = broker.raw(5)
    large.send(mqtt.connect(5, "c", will=("w", b"x" * 3000, 0, False, b"")))
    assert large.expect(mqtt.CONNACK).code == 0x95


def offline(broker, name="sleeper", version=5):
    client = broker.raw(version)
    client.connect(name, clean=False, props=b"\x11\xff\xff\xff\xff" if version == 5 else b"")
    client.subscribe("t", 1)
    client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    client.expect_close()


def test_the_bytes_that_wait_for_a_session_are_bounded(limited):
    broker = limited("max_queued_bytes: 64KiB\n")
    offline(broker)
    publisher = broker.raw(5)
    publisher.connect("p")
    reasons = []
    for number in range(10):
        publisher.send(mqtt.publish(5, "t", b"x" * 10_000, qos=1, packet_id=number + 1))
        reasons.append(publisher.expect(mqtt.PUBACK).reason)
    assert reasons == [0] * 6 + [0x97] * 4
    broker.wait_log("queue is full", "sleeper")
    back = broker.raw(5)
    assert back.connect("sleeper", clean=False).session_present == 1
    for _ in range(6):
        back.expect(mqtt.PUBLISH)
    back.ping()


def test_what_one_session_loses_another_gets(limited):
    broker = limited("max_queued_messages: 2\n")
    offline(broker)
    reader, publisher = broker.raw(5), broker.raw(5)
    reader.connect("reader")
    reader.subscribe("t", 1)
    publisher.connect("p")
    for number in range(1, 6):
        publisher.send(mqtt.publish(5, "t", str(number), qos=1, packet_id=number))
        assert publisher.expect(mqtt.PUBACK).reason == 0
        got = reader.expect(mqtt.PUBLISH)
        assert got.payload == str(number).encode()
        reader.send(mqtt.ack(mqtt.PUBACK, got.packet_id))


@pytest.mark.parametrize("version", [4, 5])
def test_a_session_waits_no_longer_than_the_most(limited, version):
    broker = limited("max_session_expiry: 1s\n")
    offline(broker, version=version)
    time.sleep(1.5)  # the interval is what is tested
    with broker.raw(version) as client:
        assert client.connect("sleeper", clean=False).session_present == 0


def test_a_session_expiry_of_0_ends_every_session_with_its_connection(limited):
    broker = limited("max_session_expiry: 0\n")
    client = broker.raw(5)
    assert client.connect("c", clean=False, props=b"\x11\x00\x00\x0e\x10").properties[0x11] == [0]
    client.close()
    back = broker.raw(5)
    assert back.connect("c", clean=False).session_present == 0


@pytest.mark.parametrize("version", [3, 4])
def test_without_retain_older_clients_are_passed_on_and_nothing_is_kept(limited, version):
    broker = limited("retain: false\n")
    client = broker.raw(version)
    client.connect("c")
    client.subscribe("t")
    client.send(mqtt.publish(version, "t", "x", retain=True))
    assert not client.expect(mqtt.PUBLISH).retain
    client.subscribe("t", packet_id=2)
    client.ping()


def test_a_retained_will_is_refused_where_nothing_is_retained(limited):
    client = limited("retain: false\n").raw(5)
    assert client.connect("c", will=("w", "x", 0, True, b"")).code == 0x9A


def test_retained_messages_are_bounded_and_room_comes_back(limited):
    broker = limited("max_retained_bytes: 20KiB\n")
    client = broker.raw(5)
    client.connect("c")
    reasons = []
    for number in range(8):
        client.send(mqtt.publish(5, f"t/{number}", b"x" * 4000, qos=1, retain=True))
        reasons.append(client.expect(mqtt.PUBACK).reason)
    assert reasons[:4] == [0x10] * 4 and reasons[5:] == [0x97] * 3
    client.send(mqtt.publish(5, "t/0", b"", qos=1, retain=True))
    client.expect(mqtt.PUBACK)
    client.send(mqtt.publish(5, "t/9", b"x" * 3000, qos=1, retain=True))
    assert client.expect(mqtt.PUBACK).reason == 0x10
    broker.wait_log("no room to retain a message")


def test_subscriptions_of_a_session_are_bounded(limited):
    client = limited("").raw(5)
    client.connect("c")
    for block in range(10):
        client.send(mqtt.subscribe(5, 1, *((f"{block}/{number}", 0) for number in range(1000))))
        assert set(client.expect(mqtt.SUBACK).codes) == {0}
    assert client.subscribe("one/more").codes == [0x97]


def test_a_subscriber_that_does_not_read_delays_the_others_by_nothing_to_speak_of(limited):
    """A stalled subscriber of a busy topic, while two others measure on a topic of theirs."""
    broker = limited("max_queued_messages: 100\n")
    stalled, flooder = broker.raw(5), broker.raw(5)
    stalled.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.connect("stalled")
    stalled.subscribe("flood")
    flooder.connect("flooder")
    ends = threading.Event()

    def flood():
        while not ends.is_set():
            flooder.send(mqtt.publish(5, "flood", b"x" * 20_000, qos=1))
            flooder.expect(mqtt.PUBACK)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        broker.wait_log("queue is full", "stalled")
        reader, writer = broker.raw(5), broker.raw(5)
        reader.connect("reader")
        reader.subscribe("t")
        writer.connect("writer")
        took = []
        for number in range(200):
            began = time.monotonic()
            writer.send(mqtt.publish(5, "t", str(number)))
            assert reader.expect(mqtt.PUBLISH).payload == str(number).encode()
            took.append(time.monotonic() - began)
        assert sorted(took)[100] < (0.2 if SANITIZED else 0.01)
    finally:
        ends.set()
        flooding.join(DEADLINE)


@pytest.mark.release_only
def test_a_large_message_to_a_thousand_subscribers_is_kept_once(limited):
    """1 MiB, to 1,000 who do not read: their sockets hold some of it, the broker one copy."""
    broker = limited("max_packet_size: 4MiB\nmax_queued_bytes: 8MiB\n")

    def memory(name):
        status = pathlib.Path(f"/proc/{broker.process.pid}/status").read_text()
        return int(status.split(name + ":")[1].split()[0]) * 1024

    with contextlib.ExitStack() as all_of_them:
        readers = [all_of_them.enter_context(broker.raw(4)) for _ in range(1000)]
        for number, client in enumerate(readers):
            if number != 0:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(f"r{number}")
            client.subscribe("t")
        before = memory("VmRSS")
        publisher = all_of_them.enter_context(broker.raw(5))
        publisher.connect("p")
        publisher.send(mqtt.publish(5, "t", os.urandom(1 << 20), qos=1))
        assert publisher.expect(mqtt.PUBACK).reason == 0
        publisher.ping()
        assert memory("VmHWM") - before < 8 << 20, "a copy for each would be 1,000 MiB"
        assert len(readers[0].expect(mqtt.PUBLISH).payload) == 1 << 20


def test_a_client_over_the_receive_maximum_is_ended(limited, name):
    broker = limited("receive_maximum: 2\n")
    with broker.raw(5) as client:
        assert client.connect(name).properties[0x21] == [2]
        for packet_id in (1, 2, 3):
            client.send(mqtt.publish(5, name, "x", qos=2, packet_id=packet_id))
        client.expect(mqtt.PUBREC)
        client.expect(mqtt.PUBREC)
        assert client.expect(mqtt.DISCONNECT).reason == 0x93


@pytest.mark.parametrize("version", [4, 5])
def test_packets_over_our_maximum_end_the_client(limited, name, version):
    broker = limited("max_packet_size: 1KiB\n")
    with broker.raw(version) as client:
        acknowledged = client.connect(name)
        if version == 5:
            assert acknowledged.properties[0x27] == [1024]
        client.send(b"\x30\xff\xff\xff\x7f")
        if version == 5:
            assert client.expect(mqtt.DISCONNECT).reason == 0x95
        client.expect_close()


@pytest.mark.parametrize("version", [4, 5])
def test_more_sessions_than_allowed_are_refused(limited, name, version):
    broker = limited("max_sessions: 2\n")
    with broker.raw(version) as one, broker.raw(version) as two, broker.raw(version) as three:
        one.connect(name + "1")
        two.connect(name + "2")
        assert three.connect(name + "3").code == (0x97 if version == 5 else 3)
        three.expect_close()
        two.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        two.expect_close()
        with broker.raw(version) as four:
            assert four.connect(name + "4").code == 0
