# SPDX-License-Identifier: GPL-3.0-or-later
"""A session of the included broker waits for its client, with what was not delivered, and ends when it
is time; so do keep alive and will."""

import concurrent.futures
import struct
import time

import pytest

import mqtt_packets as mqtt
from paho_client import Paho
from postern import DEADLINE


@pytest.fixture(scope="module", autouse=True)
def silence(broker):
    """How long a connection that says nothing stays: it waits while the other tests run."""
    def wait():
        with broker.raw() as client:
            client.socket.settimeout(DEADLINE)
            began = time.monotonic()
            client.expect_close()
            return time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit(wait)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_session_waits_for_its_client(broker, name, version):
    lives_on = b"\x11" + struct.pack(">I", 60)
    options = {"clean": False}
    if version == 5:
        options["props"] = lives_on
    with broker.raw(version) as client:
        assert client.connect(name, **options).session_present == 0
        client.subscribe(name, 1)
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        client.expect_close()
    with Paho(broker, name + "p") as publisher:
        publisher.publish(name, "missed", 0)
        for index in range(50):
            publisher.publish(name, str(index), 1 + index % 2)
    with broker.raw(version) as client:
        assert client.connect(name, **options).session_present == (0 if version == 3 else 1)
        for index in range(50):
            got = client.expect(mqtt.PUBLISH)
            assert (got.payload, got.qos) == (str(index).encode(), 1)
            client.send(mqtt.ack(mqtt.PUBACK, got.packet_id))
        client.ping()
    with broker.raw(version) as client:
        assert client.connect(name, clean=True).session_present == 0
        client.ping()
    with broker.raw(version) as client:
        assert client.connect(name, clean=False).session_present == 0


def test_a_session_expires(broker, name):
    with broker.raw(5) as client:
        client.connect(name, clean=False, props=b"\x11" + struct.pack(">I", 1))
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        client.expect_close()
    deadline = time.monotonic() + DEADLINE
    time.sleep(1.3)  # the interval is what is tested
    with broker.raw(5) as client:
        assert client.connect(name, clean=False).session_present == 0
    assert time.monotonic() < deadline


def test_disconnect_may_not_make_an_ending_session_live_on(broker, name):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b"\x00\x05\x11" + struct.pack(">I", 60)))
        assert client.expect(mqtt.DISCONNECT).reason == 0x82


def test_unacknowledged_messages_are_sent_again(broker, name):
    client = broker.raw()
    client.connect(name, clean=False)
    client.subscribe(name, 2)
    with Paho(broker, name + "p") as publisher:
        publisher.publish(name, "one", 1)
        publisher.publish(name, "two", 2)
        publisher.publish(name, "three", 2)
    one, two, three = [client.expect(mqtt.PUBLISH) for _ in range(3)]
    client.send(mqtt.ack(mqtt.PUBREC, three.packet_id))
    assert client.expect(mqtt.PUBREL).packet_id == three.packet_id
    client.close()
    with broker.raw() as again:
        assert again.connect(name, clean=False).session_present == 1
        for before in (one, two):
            got = again.expect(mqtt.PUBLISH)
            assert (got.payload, got.packet_id, got.dup) == (before.payload, before.packet_id, True)
        assert again.expect(mqtt.PUBREL).packet_id == three.packet_id
        again.send(mqtt.ack(mqtt.PUBACK, one.packet_id), mqtt.ack(mqtt.PUBREC, two.packet_id))
        assert again.expect(mqtt.PUBREL).packet_id == two.packet_id
        again.send(mqtt.ack(mqtt.PUBCOMP, two.packet_id), mqtt.ack(mqtt.PUBCOMP, three.packet_id))
        again.ping()
    with broker.raw() as last:
        assert last.connect(name, clean=False).session_present == 1
        last.ping()
        last.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))


def test_messages_expire_in_the_queue_and_tell_their_rest(broker, name):
    lives_on = b"\x11" + struct.pack(">I", 60)
    with broker.raw(5) as client:
        client.connect(name, clean=False, props=lives_on)
        client.subscribe(name, 1)
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        client.expect_close()
    with broker.raw(5) as publisher:
        publisher.connect(name + "p")
        for expiry, payload in ((1, "short"), (100, "long")):
            publisher.send(mqtt.publish(5, name, payload, qos=1,
                                        props=b"\x02" + struct.pack(">I", expiry)))
            publisher.expect(mqtt.PUBACK)
        time.sleep(1.2)  # the interval is what is tested
    with broker.raw(5) as client:
        assert client.connect(name, clean=False, props=lives_on).session_present == 1
        got = client.expect(mqtt.PUBLISH)
        assert got.payload == b"long"
        assert 90 <= got.properties[0x02][0] <= 99
        client.send(mqtt.ack(mqtt.PUBACK, got.packet_id))
        client.ping()


def test_an_offline_queue_is_bounded_and_keeps_the_oldest(limited, name):
    broker = limited("max_queued_messages: 10\n")
    with broker.raw(4) as client:
        client.connect(name, clean=False)
        client.subscribe(name, 1)
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        client.expect_close()
    with broker.raw(5) as publisher:
        publisher.connect(name + "p")
        reasons = []
        for index in range(15):
            publisher.send(mqtt.publish(5, name, str(index), qos=1))
            reasons.append(publisher.expect(mqtt.PUBACK).reason)
        assert reasons == [0] * 10 + [0x97] * 5
    with broker.raw(4) as client:
        client.connect(name, clean=False)
        for index in range(10):
            got = client.expect(mqtt.PUBLISH)
            assert got.payload == str(index).encode()
            client.send(mqtt.ack(mqtt.PUBACK, got.packet_id))
        client.ping()
    broker.wait_log("queue is full", name)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_client_id_is_taken_over(broker, name, version):
    with broker.raw(version) as old, broker.raw(version) as new:
        old.connect(name)
        new.connect(name)
        if version == 5:
            assert old.expect(mqtt.DISCONNECT).reason == 0x8E
        old.expect_close()
        new.ping()
    broker.wait_log("client taken over", name)


@pytest.mark.parametrize("version", [4, 5])
def test_a_silent_client_is_ended_after_its_keep_alive(broker, name, version):
    with broker.raw(version) as silent, broker.raw() as watcher:
        watcher.connect(name + "w")
        watcher.subscribe(name)
        started = time.monotonic()
        silent.connect(name, keep_alive=1, will=(name, "silent", 0, False, b""))
        if version == 5:
            assert silent.expect(mqtt.DISCONNECT).reason == 0x8D
        silent.expect_close()
        assert 1.2 < time.monotonic() - started < 4
        assert watcher.expect(mqtt.PUBLISH).payload == b"silent"


def test_pings_keep_a_client_alive(broker, name):
    with broker.raw() as client:
        client.connect(name, keep_alive=1)
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            client.ping()
            time.sleep(0.3)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_lost_connection_publishes_its_will(broker, name, version):
    with Paho(broker, name + "s", version) as watcher:
        watcher.subscribe(name + "/will", 1)
        lost = broker.raw(version)
        lost.connect(name, will=(name + "/will", "gone", 1, False, b""))
        lost.close()
        message = watcher.next()
        assert (message.payload, message.qos, message.retain) == (b"gone", 1, False)


def test_a_disconnect_forgets_the_will_and_0x04_does_not(broker, name):
    with broker.raw(5) as watcher:
        watcher.connect(name + "s")
        watcher.subscribe(name + "/#")
        for reason, body in (("left", b""), ("asked", b"\x04")):
            with broker.raw(5) as client:
                client.connect(name, will=(f"{name}/{reason}", "gone", 0, True, b""))
                client.send(mqtt.packet(mqtt.DISCONNECT, 0, body))
                client.expect_close()
        assert watcher.expect(mqtt.PUBLISH).topic == f"{name}/asked"


def test_a_will_delay_is_waited_for_and_ended_by_a_new_connection(broker, name):
    delay = b"\x18" + struct.pack(">I", 1)
    lives_on = b"\x11" + struct.pack(">I", 60)
    with broker.raw(5) as watcher:
        watcher.connect(name + "s")
        watcher.subscribe(name + "/#")
        for topic in ("back", "lost"):
            client = broker.raw(5)
            client.connect(name, clean=False, props=lives_on,
                           will=(f"{name}/{topic}", "gone", 0, False, delay))
            client.close()
            if topic == "back":
                with broker.raw(5) as again:
                    assert again.connect(name, clean=False, props=lives_on).session_present == 1
                    again.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
                    again.expect_close()
        started = time.monotonic()
        assert watcher.expect(mqtt.PUBLISH).topic == f"{name}/lost"
        assert time.monotonic() - started > 0.5


def test_a_connection_that_says_nothing_is_closed(silence):
    assert 9 < silence.result() < 12
