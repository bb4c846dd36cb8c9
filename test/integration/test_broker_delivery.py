# SPDX-License-Identifier: GPL-3.0-or-later
"""The included broker delivers what was published to whoever subscribed: whole, in order, and as it
was sent; in plaintext, with mosquitto's and paho's clients and with packets by hand."""

import os
import subprocess
import threading

import pytest

import mqtt_packets as mqtt
from paho_client import Paho
from postern import DEADLINE


VERSIONS = {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", [3, 4, 5])
def test_mosquitto_clients_pass_messages_through(broker, name, version, qos):
    common = ["-h", "127.0.0.1", "-p", str(broker.port), "-V", VERSIONS[version], "-q", str(qos)]
    subscriber = subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", *common, "-t", f"{name}/+", "-C", "2", "-W", str(DEADLINE), "-d", "-F",
         "%t %q %p"], stdout=subprocess.PIPE, text=True)
    for line in subscriber.stdout:
        if "Subscribed" in line:
            break
    for payload in ("one", "two"):
        subprocess.run(["mosquitto_pub", *common, "-t", f"{name}/a", "-m", payload], check=True,
                       timeout=DEADLINE)
    seen = [line.strip() for line in subscriber.stdout if line.startswith(name)]
    assert subscriber.wait(DEADLINE) == 0
    assert seen == [f"{name}/a {qos} one", f"{name}/a {qos} two"]


@pytest.mark.parametrize("publisher_version", [3, 4, 5])
@pytest.mark.parametrize("subscriber_version", [3, 4, 5])
def test_delivers_every_qos_across_versions(broker, name, publisher_version, subscriber_version):
    with Paho(broker, name + "s", subscriber_version) as subscriber, \
            Paho(broker, name + "p", publisher_version) as publisher:
        for granted in (0, 1, 2):
            subscriber.subscribe(f"{name}/{granted}", granted)
            for sent in (0, 1, 2):
                publisher.publish(f"{name}/{granted}", f"{sent}", sent)
                message = subscriber.next()
                assert message.payload == str(sent).encode()
                assert message.qos == min(granted, sent)
                assert not message.retain


def test_delivers_once_with_the_highest_qos_of_overlapping_filters(broker, name):
    with Paho(broker, name) as client:
        client.subscribe(f"{name}/#", 0)
        client.subscribe(f"{name}/+", 2)
        client.subscribe(f"{name}/a", 1)
        client.publish(f"{name}/a", "once", 2)
        client.publish(f"{name}/end", "end", 0)
        assert [client.next().payload for _ in range(2)] == [b"once", b"end"]


@pytest.mark.parametrize("version", [4, 5])
def test_large_payloads_arrive_whole(broker, name, version):
    payload = os.urandom(900_000)
    with Paho(broker, name, version) as client:
        client.subscribe(name, 1)
        for qos in (0, 1, 2):
            client.publish(name, payload, qos)
            assert client.next().payload == payload


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_keeps_the_order_of_many_messages(broker, name, qos):
    with Paho(broker, name + "s") as subscriber, Paho(broker, name + "p") as publisher:
        subscriber.subscribe(name, 2)
        for index in range(600):
            publisher.client.publish(name, str(index), qos)
        assert [int(subscriber.next().payload) for _ in range(600)] == list(range(600))


@pytest.mark.parametrize("topic,filters", [
    ("a/b/c", ["a/b/c", "a/+/c", "+/+/+", "a/#", "#", "a/b/c/#", "a/b/+"]),
    ("/x", ["/x", "+/x", "/+", "/#"]),
    ("a//c", ["a//c", "a/+/c", "a//+"]),
])
def test_wildcards_match(broker, name, topic, filters):
    topic = f"{name}/{topic}"
    for index, wanted in enumerate(filters):
        with broker.raw() as client:
            client.connect(f"{name}-{index}")
            client.subscribe(f"{name}/{wanted}")
            client.send(mqtt.publish(4, name, "not this"), mqtt.publish(4, topic, "this"))
            got = client.expect(mqtt.PUBLISH)
            if got.topic == name:
                got = client.expect(mqtt.PUBLISH)
            assert got.topic == topic


def test_a_repeated_qos_2_publish_is_handed_on_once(broker, name):
    with broker.raw() as client:
        client.connect(name)
        client.subscribe(name, 0)
        first = mqtt.publish(4, name, "once", qos=2, packet_id=7)
        client.send(first, mqtt.publish(4, name, "once", qos=2, packet_id=7, dup=True))
        kinds = [client.receive().kind for _ in range(3)]
        assert kinds == [mqtt.PUBLISH, mqtt.PUBREC, mqtt.PUBREC]
        client.send(mqtt.ack(mqtt.PUBREL, 7))
        assert client.expect(mqtt.PUBCOMP).packet_id == 7
        client.ping()


def test_topic_aliases_stand_for_their_topics(broker, name):
    alias = b"\x23\x00\x02"
    with broker.raw(5) as client:
        client.connect(name)
        client.subscribe(name + "/#")
        client.send(mqtt.publish(5, name + "/a", "1", props=alias),
                    mqtt.publish(5, "", "2", props=alias),
                    mqtt.publish(5, name + "/b", "3", props=alias),
                    mqtt.publish(5, "", "4", props=alias))
        got = [client.expect(mqtt.PUBLISH) for _ in range(4)]
        assert [one.topic[-1] for one in got] == ["a", "a", "b", "b"]
        assert all(0x23 not in one.properties for one in got)


def test_no_local_subscription_identifiers_and_properties(broker, name):
    passed = (b"\x01\x01" + b"\x03" + mqtt.text("text/plain") + b"\x08" + mqtt.text("answer") +
              b"\x09" + mqtt.text("id") + b"\x26" + mqtt.text("k") + mqtt.text("v") +
              b"\x26" + mqtt.text("k") + mqtt.text("w"))
    with broker.raw(5) as client, broker.raw(5) as other:
        client.connect(name)
        other.connect(name + "o")
        client.subscribe(name + "/#", 4, props=b"\x0b\x01")
        other.subscribe(name + "/#", 0, props=b"\x0b\xff\x01")
        other.subscribe(name + "/+", 0, props=b"\x0b\x07")
        client.send(mqtt.publish(5, name + "/a", "mine", props=passed))
        got = other.expect(mqtt.PUBLISH)
        assert sorted(got.properties[0x0B]) == [7, 255]
        assert got.properties[0x01] == [1] and got.properties[0x03] == [b"text/plain"]
        assert got.properties[0x08] == [b"answer"] and got.properties[0x09] == [b"id"]
        assert got.properties[0x26] == [(b"k", b"v"), (b"k", b"w")]
        client.ping()
        other.send(mqtt.publish(5, name + "/a", "theirs"))
        got = client.expect(mqtt.PUBLISH)
        assert (got.payload, got.properties[0x0B]) == (b"theirs", [1])


def test_subscriptions_and_their_ends_are_acknowledged_one_by_one(broker, name):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(mqtt.subscribe(5, 9, (name, 2), (name + "/x", 1), ("$share/g/" + name, 0),
                                   ("/".join("a" * 200), 0)))
        got = client.expect(mqtt.SUBACK)
        assert (got.packet_id, got.codes) == (9, [2, 1, 0, 0x8F])
        client.send(mqtt.unsubscribe(5, 10, name, name + "/y", "$share/g/" + name))
        got = client.expect(mqtt.UNSUBACK)
        assert (got.packet_id, got.codes) == (10, [0, 0x11, 0])
        client.send(mqtt.publish(5, name, "x", qos=1))
        assert client.expect(mqtt.PUBACK).reason == 0x10


def test_packets_may_arrive_byte_by_byte_and_many_at_once(broker, name):
    stream = (mqtt.connect(4, name) + mqtt.subscribe(4, 1, (name, 1)) +
              mqtt.publish(4, name, "x" * 50, qos=1) + mqtt.packet(mqtt.PINGREQ, 0, b""))
    for step in (1, 3, len(stream)):
        with broker.raw() as client:
            for start in range(0, len(stream), step):
                client.send(stream[start:start + step])
            kinds = [client.receive().kind for _ in range(5)]
            assert sorted(kinds) == sorted([mqtt.CONNACK, mqtt.SUBACK, mqtt.PUBLISH, mqtt.PUBACK,
                                            mqtt.PINGRESP])


@pytest.mark.parametrize("qos", [0, 1])
def test_a_fast_publisher_loses_nothing_to_a_subscriber_that_reads(broker, name, qos):
    count = 20_000
    with broker.raw() as subscriber, broker.raw() as publisher:
        subscriber.connect(name + "s")
        subscriber.subscribe(name, qos)
        publisher.connect(name + "p")
        sender = threading.Thread(target=lambda: [
            publisher.send(*(mqtt.publish(4, name, str(start + index), qos, 1 + start + index)
                             for index in range(500)))
            for start in range(0, count, 500)])
        sender.start()
        for index in range(count):
            got = subscriber.expect(mqtt.PUBLISH)
            assert got.payload == str(index).encode()
            if qos:
                subscriber.send(mqtt.ack(mqtt.PUBACK, got.packet_id))
        sender.join()
