# SPDX-License-Identifier: GPL-3.0-or-later
"""What the included broker retains, and who is sent it."""

import pytest

import mqtt_packets as mqtt
from paho_client import Paho


@pytest.mark.parametrize("version", [3, 4, 5])
def test_retained_messages_meet_new_subscriptions(broker, name, version):
    with Paho(broker, name + "p", version) as publisher:
        publisher.publish(f"{name}/a", "old", 1, retain=True)
        publisher.publish(f"{name}/a", "kept", 1, retain=True)
        publisher.publish(f"{name}/b", "gone", 1, retain=True)
        publisher.publish(f"{name}/b", "", 1, retain=True)
        publisher.publish(f"{name}/c", "not kept", 1)
    with Paho(broker, name + "s", version) as subscriber:
        subscriber.subscribe(f"{name}/#", 1)
        message = subscriber.next()
        assert (message.payload, message.retain) == (b"kept", True)
        subscriber.publish(f"{name}/a", "live", 1, retain=True)
        message = subscriber.next()
        assert (message.payload, message.retain) == (b"live", False)


def test_retain_handling_and_retain_as_published_are_kept_to(broker, name):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(mqtt.publish(5, name, "kept", retain=True))
        client.subscribe(name, 0x10)
        assert client.expect(mqtt.PUBLISH).payload == b"kept"
        client.subscribe(name, 0x18)
        client.ping()
        client.subscribe(name + "/#", 0x28)
        client.ping()
        client.send(mqtt.publish(5, name + "/x", "live", retain=True))
        assert client.expect(mqtt.PUBLISH).retain
        client.subscribe(name, 0)
        assert client.expect(mqtt.PUBLISH).retain


def test_a_retained_message_over_the_bound_is_refused(limited, name):
    broker = limited("max_retained_bytes: 10KiB\n")
    with broker.raw(5) as client:
        client.connect(name)
        client.send(mqtt.publish(5, name, b"x" * 20000, qos=1, retain=True))
        assert client.expect(mqtt.PUBACK).reason == 0x97
        client.subscribe(name)
        client.ping()
    broker.wait_log("no room to retain")


@pytest.mark.parametrize("qos", [0, 1])
def test_more_retained_messages_than_a_queue_holds_arrive(limited, name, qos):
    broker = limited("max_queued_messages: 100\n")
    count = 3000
    with broker.raw() as publisher, broker.raw() as subscriber:
        publisher.connect(name + "p")
        publisher.send(*(mqtt.publish(4, f"{name}/{index}", "x" * 200, retain=True)
                         for index in range(count)))
        publisher.ping()
        subscriber.connect(name)
        subscriber.send(mqtt.subscribe(4, 1, (name + "/#", qos)))
        subscriber.expect(mqtt.SUBACK)
        topics = set()
        for _ in range(count):
            got = subscriber.expect(mqtt.PUBLISH)
            assert got.retain
            topics.add(got.topic)
            if got.qos:
                subscriber.send(mqtt.ack(mqtt.PUBACK, got.packet_id))
        assert len(topics) == count
