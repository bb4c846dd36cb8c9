# SPDX-License-Identifier: GPL-3.0-or-later
"""The included broker, in plaintext on loopback, against mosquitto's and paho's clients and peers
that speak packets by hand."""

import os
import pathlib
import queue
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import paho.mqtt.client as paho
import pytest

import mqtt_packets as mqtt
from mqtt_packets import RawClient
from postern import BINARY, DEADLINE, SANITIZED, Broker, wait_until

VERSIONS = {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    running = Broker(tmp_path_factory.mktemp("broker"))
    yield running
    running.stop()


@pytest.fixture
def limited(tmp_path):
    """Starts brokers with other limits; all are stopped, and have to stop cleanly."""
    running = []

    def start(limits):
        running.append(Broker(tmp_path, limits))
        return running[-1]

    yield start
    for one in running:
        one.stop()


_unique = iter(range(1_000_000))


@pytest.fixture
def name():
    return f"t{next(_unique)}"


class Paho:
    """A paho client whose messages are fetched from a queue."""

    def __init__(self, broker, client_id, version=4, clean=True, will=None, connect_properties=None):
        options = {} if version == 5 else {"clean_session": clean}
        self.version = version
        self.messages = queue.Queue()
        self.acks = queue.Queue()
        self.connected = queue.Queue()
        self.client = paho.Client(client_id=client_id, protocol=version, **options)
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_connect = lambda _c, _u, flags, code, *_: self.connected.put((flags, code))
        self.client.on_subscribe = lambda _c, _u, mid, codes, *_: self.acks.put(codes)
        if will:
            self.client.will_set(**will)
        more = {}
        if version == 5:
            more = {"clean_start": clean, "properties": connect_properties}
        self.client.connect("127.0.0.1", broker.port, 60, **more)
        self.client.loop_start()
        self.flags, self.code = self.connected.get(timeout=DEADLINE)

    def subscribe(self, topic, qos=0):
        self.client.subscribe(topic, qos)
        return self.acks.get(timeout=DEADLINE)

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        info = self.client.publish(topic, payload, qos, retain, properties)
        info.wait_for_publish(DEADLINE)
        assert info.is_published()

    def next(self):
        return self.messages.get(timeout=DEADLINE)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()


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


def test_a_client_over_the_receive_maximum_is_ended(limited, name):
    broker = limited("receive_maximum: 2\n")
    with broker.raw(5) as client:
        assert client.connect(name).properties[0x21] == [2]
        for packet_id in (1, 2, 3):
            client.send(mqtt.publish(5, name, "x", qos=2, packet_id=packet_id))
        client.expect(mqtt.PUBREC)
        client.expect(mqtt.PUBREC)
        assert client.expect(mqtt.DISCONNECT).reason == 0x93


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


def test_packets_over_the_clients_maximum_are_not_sent(broker, name):
    with broker.raw(5) as client:
        client.connect(name, props=b"\x27" + struct.pack(">I", 100))
        client.subscribe(name, 1)
        client.send(mqtt.publish(5, name, b"x" * 200, qos=1, packet_id=1),
                    mqtt.publish(5, name, b"small", qos=1, packet_id=2))
        got = [client.receive() for _ in range(3)]
        published = [one for one in got if one.kind == mqtt.PUBLISH]
        assert [one.payload for one in published] == [b"small"]


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


@pytest.mark.parametrize("props,reason", [(b"\x23\xff\xff", 0x94), (b"\x23\x00\x01", 0x82)])
def test_bad_topic_aliases_end_the_client(broker, name, props, reason):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(mqtt.publish(5, "", "x", props=props))
        assert client.expect(mqtt.DISCONNECT).reason == reason


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


@pytest.mark.parametrize("reason,what", [
    (0x81, b"\xf1\x00"),                                       # flags of AUTH
    (0x81, b"\x30\xff\xff\xff\xff\x7f"),                       # a length of five bytes
    (0x81, b"\x00\x00"),                                       # type 0
    (0x82, mqtt.connect(5, "again")),                          # a second CONNECT
    (0x82, b"\xd0\x00"),                                       # PINGRESP from a client
    (0x81, b"\x36\x07\x00\x01a\x00\x01\x00x"),                 # QoS 3
    (0x81, b"\x30\x05\x00\x09a\x00x"),                         # a topic longer than the packet
    (0x81, b"\x30\x06\x00\x02\xc0\x80\x00x"),                  # a topic that is no UTF-8
    (0x82, mqtt.subscribe(5, 1)),                              # no filter
    (0x82, b"\x82\x07\x00\x00\x00\x00\x01a\x00"),              # packet identifier 0
    (0x81, mqtt.subscribe(5, 1, ("a", 0xC0))),                 # reserved options
])
def test_bad_packets_are_answered_with_their_reason(broker, name, reason, what):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(what)
        got = client.expect(mqtt.DISCONNECT)
        assert got.reason in (0x81, 0x82)
        assert got.reason == reason
        client.expect_close()


@pytest.mark.parametrize("what", [
    mqtt.publish(4, "a/+", "x"), mqtt.publish(4, "", "x"), mqtt.subscribe(4, 1, ("a/#/b", 0)),
    mqtt.subscribe(4, 1, ("a", 3)), mqtt.connect(4, "again"), b"\x00\x00", b"\xf0\x00",
    b"\xc0\x01\x00", b"\x62\x01\x00", b"\x82\x02\x00\x01",
])
def test_bad_packets_close_an_older_client(broker, name, what):
    with broker.raw(4) as client:
        client.connect(name)
        client.send(what)
        client.expect_close()
    with broker.raw(4) as client:
        client.connect(name)
        client.ping()


@pytest.mark.parametrize("what", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\xc0\x00",
    b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x04\x02\x00\x3c",
    b"\x10\x04\x00\x04MQ",
])
def test_what_is_no_connect_is_closed_at_once(broker, what):
    with broker.raw() as client:
        client.send(what)
        client.expect_close()


@pytest.mark.parametrize("version,code", [(2, 1), (6, 0x84)])
def test_unknown_protocol_levels_are_told(broker, version, code):
    with broker.raw(4) as client:
        client.send(mqtt.packet(mqtt.CONNECT, 0, mqtt.text("MQTT") + bytes([version, 2, 0, 0]) +
                                mqtt.text("x")))
        assert client.expect(mqtt.CONNACK).code == code
        client.expect_close()


def test_an_empty_client_id_without_clean_session_is_refused(broker):
    with broker.raw(4) as client:
        assert client.connect("", clean=False).code == 2
        client.expect_close()


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


def test_a_connection_that_says_nothing_is_closed(broker):
    with broker.raw() as client:
        client.socket.settimeout(DEADLINE)
        started = time.monotonic()
        client.expect_close()
        assert 9 < time.monotonic() - started < 12


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


def test_a_unix_socket_serves_too(tmp_path):
    path = tmp_path / "socket"
    process = subprocess.Popen([BINARY, "broker", "--listen", f"unix:{path}"],
                               stderr=subprocess.PIPE, text=True)
    assert any("ready" in line for line in process.stderr)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(mqtt.connect(4, "unix"))
        assert client.recv(100) == b"\x20\x02\x00\x00"
    process.terminate()
    assert process.wait(DEADLINE) == 0


def test_an_address_that_is_none_is_refused():
    for address in ("nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":1"):
        ended = subprocess.run([BINARY, "broker", "--listen", address], stderr=subprocess.PIPE,
                               text=True, timeout=DEADLINE, check=False)
        assert ended.returncode == 1
        assert "an address is HOST:PORT" in ended.stderr


def test_an_address_in_use_is_told(broker):
    ended = subprocess.run([BINARY, "broker", "--listen", f"localhost:{broker.port}"],
                           stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False)
    assert ended.returncode == 1
    assert "in use" in ended.stderr


def test_clients_are_told_that_the_broker_stops(limited, name):
    broker = limited("")
    with broker.raw(5) as client:
        client.connect(name)
        broker.process.send_signal(signal.SIGINT)
        assert client.expect(mqtt.DISCONNECT).reason == 0x8B
        client.expect_close()
    assert broker.process.wait(DEADLINE) == 0
