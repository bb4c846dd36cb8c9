# SPDX-License-Identifier: GPL-3.0-or-later
"""What MQTT 5 has beyond publish and subscribe, used with the included broker as people use it, by
mosquitto's clients, paho in Python and in C, and MQTT.js; in plaintext and behind Postern over TLS."""

import json
import pathlib
import queue
import ssl
import subprocess

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from postern import BINARY, DEADLINE, Broker, Postern

HERE = pathlib.Path(__file__).parent
PAHO_C = pathlib.Path(BINARY).parent / "test/support/paho_features"
LIMITS = {"receive_maximum": 5, "max_keep_alive": "1m", "max_packet_size": "64KiB"}


class Place:
    """The broker as clients reach it: `ca` is None in plaintext."""

    def __init__(self, port, pki):
        self.port, self.pki = port, pki
        self.ca = pki.path("root.crt") if pki else None

    @property
    def mosquitto(self):
        return ["-h", "localhost", "-p", str(self.port), "-V", "mqttv5",
                *(["--cafile", self.ca] if self.ca else [])]


@pytest.fixture(scope="module", params=["plain", "tls"])
def place(request, pki, tmp_path_factory):
    directory = tmp_path_factory.mktemp("features")
    if request.param == "plain":
        server = Broker(directory, json.dumps(LIMITS))
        yield Place(server.port, None)
    else:
        server = Postern(directory, pki=pki, backends=[{"builtin_broker": LIMITS}])
        yield Place(server.port, pki)
    server.stop()


def properties(kind, **values):
    made = Properties(getattr(PacketTypes, kind))
    for key, value in values.items():
        setattr(made, key, value)
    return made


class Client:
    """A paho client of MQTT 5; what it is told comes out of queues."""

    def __init__(self, place, client_id="", clean=True, will=None, ack=True, **connect):
        self.messages, self.connected, self.acks = queue.Queue(), queue.Queue(), queue.Queue()
        self.published, self.ended = queue.Queue(), queue.Queue()
        self.client = paho.Client(client_id=client_id, protocol=paho.MQTTv5)
        if place.ca:
            self.client.tls_set_context(ssl.create_default_context(cafile=place.ca))
        self.client.on_connect = lambda _c, _u, flags, reason, props: self.connected.put(
            (flags, reason, props))
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.acks.put(reasons)
        self.client.on_publish = lambda _c, _u, mid: self.published.put(mid)
        self.client.on_disconnect = lambda _c, _u, reason, *_: self.ended.put(reason)
        if not ack:  # what arrives stays unacknowledged
            self.client._send_puback = lambda mid: paho.MQTT_ERR_SUCCESS
        if will:
            self.client.will_set(*will[:4], properties=will[4])
        self.client.connect("localhost", place.port, 60, clean_start=clean,
                            properties=properties("CONNECT", **connect))
        self.client.loop_start()
        self.flags, self.reason, self.told = self.connected.get(timeout=DEADLINE)

    def subscribe(self, topic, qos=0, options=None, **props):
        options = options or SubscribeOptions(qos=qos)
        self.client.subscribe(topic, options=options, properties=properties("SUBSCRIBE", **props))
        return [reason.value for reason in self.acks.get(timeout=DEADLINE)]

    def publish(self, topic, payload, qos=0, retain=False, **props):
        info = self.client.publish(topic, payload, qos, retain, properties("PUBLISH", **props))
        info.wait_for_publish(DEADLINE)
        assert info.is_published()

    def next(self):
        return self.messages.get(timeout=DEADLINE)

    def nothing(self, topic):
        """Nothing else has come before what it now sends to itself."""
        self.subscribe(topic)
        self.publish(topic, "last")
        assert self.next().payload == b"last"

    def drop(self):
        self.client._sock_close()
        self.client.loop_stop(force=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


def test_paho_asks_and_is_answered(place, name):
    with Client(place) as asks, Client(place) as answers:
        answers.subscribe(f"{name}/question", 1)
        asks.subscribe(f"{name}/answer", 1)
        asks.publish(f"{name}/question", "6 times 9?", 1, ResponseTopic=f"{name}/answer",
                     CorrelationData=b"\x00\x01")
        question = answers.next()
        answers.publish(question.properties.ResponseTopic, "42", 1,
                        CorrelationData=question.properties.CorrelationData)
        answer = asks.next()
        assert (answer.payload, answer.properties.CorrelationData) == (b"42", b"\x00\x01")


def test_paho_gets_properties_in_their_order(place, name):
    pairs = [("b", "1"), ("a", "2"), ("b", "3")]
    with Client(place) as client:
        client.subscribe(name, 1, SubscriptionIdentifier=77)
        client.publish(name, "text", 1, UserProperty=pairs, ContentType="text/plain",
                       PayloadFormatIndicator=1, MessageExpiryInterval=60)
        got = client.next().properties
        assert got.UserProperty == pairs and got.ContentType == "text/plain"
        assert got.PayloadFormatIndicator == 1 and got.MessageExpiryInterval in (59, 60)
        assert got.SubscriptionIdentifier == [77]


def test_paho_uses_topic_aliases_both_ways(place, name):
    with Client(place, TopicAliasMaximum=5) as client:
        assert client.told.TopicAliasMaximum == 10
        client.subscribe(f"{name}/+")
        client.publish(f"{name}/a", "1", TopicAlias=3)
        client.publish("", "2", TopicAlias=3)
        first, second = client.next(), client.next()
        assert first.topic == f"{name}/a" and 1 <= first.properties.TopicAlias <= 5
        # paho hands aliases through: the topic is left to whoever asked for them.
        assert (second.topic, second.payload) == ("", b"2")
        assert second.properties.TopicAlias == first.properties.TopicAlias


def test_paho_gets_no_more_than_it_takes_at_once(place, name):
    with Client(place, ack=False, ReceiveMaximum=2) as slow, Client(place) as publisher:
        assert slow.told.ReceiveMaximum == 5
        slow.subscribe(name, 1)
        for index in range(4):
            publisher.publish(name, str(index), 1)
        got = [slow.next(), slow.next()]
        assert [one.payload for one in got] == [b"0", b"1"]
        slow.nothing(f"{name}/own")
        for one in got:
            paho.Client._send_puback(slow.client, one.mid)
        assert [slow.next().payload for _ in range(2)] == [b"2", b"3"]


def test_paho_shares_work_and_hands_it_over(place, name):
    with Client(place) as publisher, Client(place) as one:
        two = Client(place, ack=False)
        for member in (one, two):
            assert member.subscribe(f"$share/workers/{name}/#", 1) == [1]
        for index in range(10):
            publisher.publish(f"{name}/{index}", str(index), 1)
        ours = [one.next().payload for _ in range(5)]
        theirs = [two.next().payload for _ in range(5)]
        assert sorted(ours + theirs) == [str(index).encode() for index in range(10)]
        two.drop()
        assert sorted(one.next().payload for _ in range(5)) == sorted(theirs)


def test_paho_leaves_a_will_that_waits(place, name):
    delay = properties("WILLMESSAGE", WillDelayInterval=1)
    with Client(place) as watcher:
        watcher.subscribe(name, 1)
        client = Client(place, name, will=(name, "gone", 1, False, delay), SessionExpiryInterval=60)
        client.drop()
        with Client(place, name, clean=False, SessionExpiryInterval=60) as back:
            assert back.flags["session present"] == 1
        watcher.nothing(f"{name}/own")
        client = Client(place, name, will=(name, "gone", 1, False, delay), SessionExpiryInterval=60)
        client.drop()
        assert watcher.next().payload == b"gone"


def test_paho_is_told_its_name_and_the_limits(place):
    with Client(place) as client:
        assert client.told.AssignedClientIdentifier.startswith("postern-")
        assert client.told.MaximumPacketSize == 65536
        assert not hasattr(client.told, "SharedSubscriptionAvailable")


def test_paho_chooses_what_is_retained_and_what_is_local(place, name):
    with Client(place) as client, Client(place) as other:
        client.publish(name, "kept", 1, retain=True)
        client.subscribe(name, options=SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True,
                                                        retainHandling=2))
        client.publish(name, "mine", 1)
        other.publish(name, "theirs", 1, retain=True)
        got = client.next()
        assert (got.payload, got.retain) == (b"theirs", True)
        other.publish(name, "", 1, retain=True)


def test_mosquitto_asks_and_is_answered(place, name):
    server = subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", *place.mosquitto, "-t", f"{name}/question", "-C", "1",
         "-W", str(DEADLINE), "-d", "-F", "got %R %D %p"], stdout=subprocess.PIPE, text=True)
    next(line for line in server.stdout if "Subscribed" in line)
    client = subprocess.Popen(
        ["mosquitto_rr", *place.mosquitto, "-t", f"{name}/question", "-e", f"{name}/answer", "-m",
         "6 times 9?", "-D", "publish", "correlation-data", "id", "-W", str(DEADLINE)],
        stdout=subprocess.PIPE, text=True)
    question = next(line for line in server.stdout if line.startswith("got "))
    assert question.split()[1:3] == [f"{name}/answer", "id"] and "6 times 9?" in question
    subprocess.run(["mosquitto_pub", *place.mosquitto, "-t", f"{name}/answer", "-m", "42", "-D",
                    "publish", "correlation-data", "id"], check=True, timeout=DEADLINE)
    assert client.communicate(timeout=DEADLINE)[0] == "42\n"
    assert server.wait(DEADLINE) == 0


def test_mosquitto_shares_and_sees_properties(place, name):
    members = [subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", *place.mosquitto, "-t", f"$share/g/{name}/+", "-q", "1",
         "-C", "2", "-W", str(DEADLINE), "-d", "-D", "subscribe", "subscription-identifier", "9",
         "-F", "got %p %C %E %P %S"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for member in members:
        next(line for line in member.stdout if "Subscribed" in line)
    for index in range(4):
        subprocess.run(["mosquitto_pub", *place.mosquitto, "-t", f"{name}/{index}", "-q", "1", "-m",
                        str(index), "-D", "publish", "content-type", "text/plain", "-D", "publish",
                        "message-expiry-interval", "60", "-D", "publish", "user-property", "b", "1",
                        "-D", "publish", "user-property", "a", "2"], check=True, timeout=DEADLINE)
    lines = [line.split() for member in members for line in member.communicate(timeout=DEADLINE)[0]
             .splitlines() if line.startswith("got ")]
    assert sorted(line[1] for line in lines) == ["0", "1", "2", "3"]
    for line in lines:
        assert line[2] == "text/plain" and line[3] in ("59", "60")
        assert line[4:] == ["b:1", "a:2", "9"]


def test_mqttjs_has_the_features_of_mqtt_5(place, name):
    options = {"port": place.port, "ca": place.ca, "name": name, "deadlineMs": DEADLINE * 1000}
    done = subprocess.run(["node", "mqttjs_features.js", json.dumps(options)], cwd=HERE, text=True,
                          capture_output=True, timeout=DEADLINE + 5)
    assert done.returncode == 0, done.stdout + done.stderr
    got = json.loads(done.stdout)
    assert got["assigned"].startswith("postern-")
    assert got["answer"] == ["42", "0001"]
    assert got["userProperties"] == {"b": ["1", "3"], "a": "2"}
    assert got["identifiers"] in ([7, 8], [8, 7]) and got["expiry"] in (59, 60)
    assert got["contentType"] == "text/plain"
    assert got["aliased"] == [f"{name}/alias"] * 5 and got["aliasesUsed"] >= 4
    assert got["flow"] == list(range(20))
    assert sorted(got["shared"]) == list(range(8)) and got["members"] == [4, 4]
    assert got["will"] == "gone" and got["willAfterMs"] > 700
    assert got["resumed"] == [True, ["while away"]]
    assert "opic Filter invalid" in got["refused"]


@pytest.mark.parametrize("version", ["3", "4", "5"])
def test_paho_in_c_publishes_and_subscribes(place, name, version):
    uri = f"{'ssl' if place.ca else 'tcp'}://localhost:{place.port}"
    done = subprocess.run([PAHO_C, uri, version, name, place.ca or ""], text=True,
                          capture_output=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    more = " b=1 a=2 b=3 answer=there id=7" if version == "5" else ""
    assert lines == [*(f"{qos} {name}/{qos} message {qos}{more}" for qos in (0, 1, 2)),
                     f"1 {name}/kept kept retained", f"1 {name}/shared for one of us"]
