# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients whose messages are counted: paho's, with persistent sessions, over whatever happens.

What a publisher got its PUBACK (or PUBCOMP) for has to come to the subscriber, at least once. A `pair` has one
broker, so that both are always with the same one. An `own` client publishes to itself through two brokers by its
client id; what a broker still holds for it when it has moved to the other one is fetched from there in the end."""

import collections
import ssl
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from world import PATIENCE

KEEP_ALIVE = 20
VERSIONS = (paho.MQTTv311, paho.MQTTv5, paho.MQTTv31)


class Client(paho.Client):
    """paho 1.6 takes a TLS connection that ends under its hands (ssl.SSLEOFError) for no lost connection: the
    exception ends its thread, and the client never comes back."""

    def _sock_send(self, buf):
        try:
            return super()._sock_send(buf)
        except ssl.SSLError as error:
            raise ConnectionResetError(str(error)) from error

    def _sock_recv(self, bufsize):
        try:
            return super()._sock_recv(bufsize)
        except ssl.SSLError as error:
            raise ConnectionResetError(str(error)) from error


def make(client_id, version, persistent):
    options = {} if version == paho.MQTTv5 else {"clean_session": not persistent}
    client = Client(client_id, protocol=version, **options)
    client.reconnect_delay_set(1, 1)
    return client


def connect(client, version, persistent, port, source=""):
    options = {}
    if version == paho.MQTTv5:
        options["clean_start"] = not persistent
        if persistent:
            options["properties"] = Properties(PacketTypes.CONNECT)
            options["properties"].SessionExpiryInterval = 100000
    client.connect_async("127.0.0.1", port, KEEP_ALIVE, bind_address=source, **options)


class Member:
    """A subscriber with a persistent session, or a publisher, or both."""

    def __init__(self, troop, name, number, topic=None, qos=1):
        self.troop, self.name, self.topic, self.qos = troop, name, topic, qos
        self.version = VERSIONS[number % 3]
        self.persistent = topic is not None
        self.source = f"127.2.0.{number + 1}"
        self.received = collections.Counter()
        self.connects = self.refused = 0
        self.client = make(name, self.version, self.persistent)
        self.client.tls_set_context(troop.context("1.2" if number % 4 == 0 else "1.3"))
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        connect(self.client, self.version, self.persistent, troop.world.port, self.source)
        self.ready = threading.Event()
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.loop_start()

    def _on_connect(self, client, _data, _flags, code, *_):
        if code != 0:
            self.refused += 1
            return
        self.connects += 1
        if self.topic:
            client.subscribe(self.topic, self.qos)
        else:
            self.ready.set()

    def _on_message(self, _client, _data, message):
        self.received[message.payload.decode()] += 1

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


class Flow:
    """Messages from one member to one that may be the same."""

    def __init__(self, publisher, subscriber, qos):
        self.publisher, self.subscriber, self.qos = publisher, subscriber, qos
        self.sent, self.by_mid, self.told = 0, {}, set()
        # paho holds a lock of its own around this, so it takes none.
        publisher.client.on_publish = lambda _client, _data, mid: self.told.add(mid)

    def publish(self):
        text = f"{self.publisher.name} {self.sent} " + "x" * (self.sent * 37 % 700)
        mid = self.publisher.client.publish(self.subscriber.topic, text, self.qos).mid
        assert mid not in self.by_mid, "the run is too long for packet ids"
        self.by_mid[mid] = text
        self.sent += 1

    @property
    def acknowledged(self):
        return {self.by_mid[mid] for mid in list(self.told)}

    def missing(self):
        return self.acknowledged - set(self.subscriber.received)

    def is_complete(self):
        return len(self.acknowledged) == self.sent and not self.missing()


class Troop:
    def __init__(self, world, pairs=4, own=4, interval=0.25):
        self.world, self.interval = world, interval
        self.flows, self.members = [], []
        self.ends = threading.Event()
        self.stranded = 0
        for number in range(pairs):
            for letter in "ab":
                topic, qos = f"counted/{letter}/{number}", 2 if number % 4 == 3 else 1
                name = f"counted-{letter}-{number}"
                subscriber = self._add(name, topic, qos)
                self.flows.append(Flow(self._add(name + "-from"), subscriber, qos))
        for number in range(own):
            self._subscribe_everywhere(f"counted-own-{number}", f"counted/own/{number}")
            member = self._add(f"counted-own-{number}", f"counted/own/{number}", 1)
            self.flows.append(Flow(member, member, 1))
        self.thread = threading.Thread(target=self._publish)

    def _add(self, name, topic=None, qos=1):
        self.members.append(Member(self, name, len(self.members), topic, qos))
        return self.members[-1]

    def _subscribe_everywhere(self, name, topic):
        """A client that comes to a broker for the first time may publish before it has subscribed there, and
        then nobody keeps the message for it."""
        for letter in "ab":
            client = make(name, paho.MQTTv311, True)
            done = threading.Event()
            client.on_connect = lambda client, *_: client.subscribe(topic, 1)
            client.on_subscribe = lambda *_, done=done: done.set()
            connect(client, paho.MQTTv311, True, self.world.brokers[letter].port)
            client.loop_start()
            assert done.wait(PATIENCE), f"{name} cannot subscribe at broker {letter}"
            client.disconnect()
            client.loop_stop()

    def context(self, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # what is checked of the server is the other tests' affair
        context.verify_mode = ssl.CERT_NONE
        exact = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.minimum_version = context.maximum_version = exact
        return context

    def start(self):
        for member in self.members:
            assert member.ready.wait(PATIENCE), f"{member.name} is not served"
        self.thread.start()

    def _publish(self):
        while not self.ends.is_set():
            for flow in self.flows:
                flow.publish()
                if self.ends.wait(self.interval / len(self.flows)):
                    return

    def finish(self, problems):
        """Everything is calm again: what is under way has to come."""
        self.ends.set()
        self.thread.join()
        ends = time.monotonic() + PATIENCE
        complete = lambda flow: flow.is_complete() or (
            flow.publisher is flow.subscriber and len(flow.acknowledged) == flow.sent)
        while not all(complete(flow) for flow in self.flows) and time.monotonic() < ends:
            time.sleep(0.1)
        for member in self.members:
            if not member.client._thread.is_alive():  # pylint: disable=protected-access
                problems.append(f"{member.name}: the thread of its client has died, which says nothing of Postern")
            member.stop()
        for flow in self.flows:
            if flow.publisher is flow.subscriber and flow.missing():
                self._fetch(flow)
            if len(flow.acknowledged) < flow.sent:
                problems.append(f"{flow.publisher.name}: {flow.sent - len(flow.acknowledged)} messages were never "
                                "acknowledged")
            lost = flow.missing()
            if lost:
                problems.append(f"{flow.publisher.name}: {len(lost)} acknowledged messages were lost: "
                                f"{sorted(text[:40].rstrip('x') for text in lost)[:5]}")

    def _fetch(self, flow):
        """From the sessions that the brokers hold for a client."""
        member = flow.subscriber
        for name in "ab":
            client = make(member.name, member.version, True)
            client.on_message = member._on_message
            before = len(flow.missing())
            connect(client, member.version, True, self.world.brokers[name].port)
            client.loop_start()
            ends = time.monotonic() + 3
            while flow.missing() and time.monotonic() < ends:
                time.sleep(0.05)
            self.stranded += before - len(flow.missing())
            client.disconnect()
            client.loop_stop()

    def numbers(self):
        return {"sent": sum(flow.sent for flow in self.flows),
                "acknowledged": sum(len(flow.acknowledged) for flow in self.flows),
                "received": sum(len(member.received) for member in self.members),
                "received more than once": sum(count - 1 for member in self.members
                                               for count in member.received.values()),
                "fetched from a broker that the client had moved from": self.stranded,
                "connects": sum(member.connects for member in self.members),
                "refused": sum(member.refused for member in self.members)}
