# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the included broker made with paho, for what a library does right by itself."""

import queue

import paho.mqtt.client as paho

from postern import DEADLINE


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
