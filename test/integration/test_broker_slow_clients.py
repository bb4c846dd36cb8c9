# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever takes no more, or is always behind, delays nobody else of the included broker, and costs no
more than its bound."""

import os
import pathlib
import socket
import struct
import threading
import time

import pytest

import mqtt_packets as mqtt
from paho_client import Paho
from postern import DEADLINE, SANITIZED


@pytest.mark.parametrize("version,window", [(5, 3), (4, 5)])
def test_sends_no_more_than_the_receive_maximum(limited, name, version, window):
    broker = limited("receive_maximum: 5\n")
    props = b"\x21\x00\x03" if version == 5 else b""
    with broker.raw(version) as client, Paho(broker, name + "p") as publisher:
        client.connect(name, props=props)
        client.subscribe(name, 1)
        for index in range(10):
            publisher.publish(name, str(index), 1)
        got = [client.expect(mqtt.PUBLISH) for _ in range(window)]
        client.ping()
        for index in range(window, 10):
            client.send(mqtt.ack(mqtt.PUBACK, got.pop(0).packet_id))
            got.append(client.expect(mqtt.PUBLISH))
            assert got[-1].payload == str(index).encode()


def test_packets_over_the_clients_maximum_are_not_sent(broker, name):
    with broker.raw(5) as client:
        client.connect(name, props=b"\x27" + struct.pack(">I", 100))
        client.subscribe(name, 1)
        client.send(mqtt.publish(5, name, b"x" * 200, qos=1, packet_id=1),
                    mqtt.publish(5, name, b"small", qos=1, packet_id=2))
        got = [client.receive() for _ in range(3)]
        published = [one for one in got if one.kind == mqtt.PUBLISH]
        assert [one.payload for one in published] == [b"small"]


def test_a_subscriber_that_does_not_read_delays_nobody_and_costs_its_bound(limited, name):
    broker = limited("max_queued_messages: 1000\nmax_queued_bytes: 1MiB\n")
    with broker.raw() as stalled, Paho(broker, name + "s") as good, \
            Paho(broker, name + "p") as publisher:
        stalled.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(name)
        stalled.subscribe(name)
        good.subscribe(name, 1)
        payload = b"x" * 100_000
        for index in range(200):
            publisher.publish(name, payload + str(index).encode(), 1)
            assert good.next().payload[100_000:] == str(index).encode()
        status = pathlib.Path(f"/proc/{broker.process.pid}/statm").read_text().split()
        if not SANITIZED:
            assert int(status[1]) * os.sysconf("SC_PAGE_SIZE") < 40_000_000


def test_nobody_is_held_back_for_a_receiver_that_has_gone(limited, name):
    """A PUBLISH that is delivered to nobody says nothing about the receivers of the one before, whose
    session may have been freed: AddressSanitizer would see that it is looked at."""
    broker = limited("max_queued_messages: 10\n")
    with broker.raw(5) as receiver, broker.raw(5) as publisher:
        receiver.connect(name, props=b"\x21\x00\x01")
        receiver.subscribe(name, 1)
        publisher.connect(name + "p")
        for index in range(1, 8):  # one in flight, and more than half of what may wait
            publisher.send(mqtt.publish(5, name, "x", qos=1, packet_id=index))
            assert publisher.expect(mqtt.PUBACK).packet_id == index
        receiver.expect(mqtt.PUBLISH)
        receiver.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        receiver.expect_close()
        publisher.send(mqtt.publish(5, "$SYS/x", "x", qos=1, packet_id=8))
        assert publisher.expect(mqtt.PUBACK).reason == 0x87
        publisher.ping()


def test_a_client_that_only_asks_is_not_answered_without_bound(broker, name):
    with broker.raw() as greedy, broker.raw() as good:
        greedy.connect(name)
        good.connect(name + "g")
        greedy.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                greedy.socket.send(mqtt.packet(mqtt.PINGREQ, 0, b"") * 50_000)
        good.ping()


def test_a_client_that_is_always_behind_is_still_heard(broker, name):
    """It takes what comes, slowly, and its pings count."""
    with broker.raw() as behind, broker.raw() as publisher:
        behind.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        behind.connect(name, keep_alive=1)
        behind.subscribe(name)
        publisher.connect(name + "p")
        done = threading.Event()

        def flood():
            while not done.is_set():
                publisher.send(mqtt.publish(4, name, b"x" * 5_000))

        flooding = threading.Thread(target=flood)
        flooding.start()
        answers = 0
        until = time.monotonic() + 4
        try:
            # On a busy machine the first answer may take longer to come through what is before it.
            while time.monotonic() < until or (not answers and time.monotonic() < until + DEADLINE):
                behind.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
                for _ in range(3):
                    got = behind.receive()
                    assert got is not None
                    answers += got.kind == mqtt.PINGRESP
                time.sleep(0.02)  # slower than what comes
        finally:
            done.set()
            flooding.join()
        assert answers > 0
