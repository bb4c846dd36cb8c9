# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT packets by hand, for peers that have to do what no client library would."""

import socket
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)


def varint(value):
    out = b""
    while True:
        value, digit = divmod(value, 128)
        out += bytes([digit | (0x80 if value else 0)])
        if not value:
            return out


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def properties(version, raw):
    return varint(len(raw)) + raw if version == 5 else b""


def connect(version, client_id, clean=True, keep_alive=60, props=b"", will=None, username=None,
            password=None):
    """`will` is (topic, payload, qos, retain, properties)."""
    flags = 2 if clean else 0
    payload = text(client_id)
    if will:
        topic, message, qos, retain, will_props = will
        flags |= 4 | qos << 3 | (0x20 if retain else 0)
        payload += properties(version, will_props) + text(topic) + text(message)
    if username is not None:
        flags |= 0x80
        payload += text(username)
    if password is not None:
        flags |= 0x40
        payload += text(password)
    name = "MQIsdp" if version == 3 else "MQTT"
    head = text(name) + bytes([version, flags]) + struct.pack(">H", keep_alive)
    return packet(CONNECT, 0, head + properties(version, props) + payload)


def publish(version, topic, payload, qos=0, packet_id=1, retain=False, dup=False, props=b""):
    payload = payload.encode() if isinstance(payload, str) else payload
    flags = (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    return packet(PUBLISH, flags, body + properties(version, props) + payload)


def subscribe(version, packet_id, *filters, props=b""):
    """Each filter is (text, options)."""
    body = struct.pack(">H", packet_id) + properties(version, props)
    for name, options in filters:
        body += text(name) + bytes([options])
    return packet(SUBSCRIBE, 2, body)


def unsubscribe(version, packet_id, *filters):
    body = struct.pack(">H", packet_id) + properties(version, b"")
    return packet(UNSUBSCRIBE, 2, body + b"".join(text(name) for name in filters))


def ack(kind, packet_id, reason=None):
    body = struct.pack(">H", packet_id) + (b"" if reason is None else bytes([reason]))
    return packet(kind, 2 if kind == PUBREL else 0, body)


class Received:
    """A packet that came: its kind, flags and body, and a PUBLISH taken apart."""

    def __init__(self, version, kind, flags, body):
        self.version, self.kind, self.flags, self.body = version, kind, flags, body
        if kind == PUBLISH:
            self._take_publish()
        elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            self.packet_id = struct.unpack(">H", body[:2])[0]
            self.reason = body[2] if len(body) > 2 else 0
        elif kind == CONNACK:
            self.session_present, self.code = body[0], body[1]
            self.properties = read_properties(body[2:])[0] if version == 5 else {}
        elif kind in (SUBACK, UNSUBACK):
            self.packet_id = struct.unpack(">H", body[:2])[0]
            self.codes = list(body[3 if version == 5 else 2:])
        elif kind == DISCONNECT:
            self.reason = body[0] if body else 0
            self.properties = read_properties(body[1:])[0] if len(body) > 1 else {}

    def _take_publish(self):
        length = struct.unpack(">H", self.body[:2])[0]
        self.topic = self.body[2:2 + length].decode()
        self.qos = self.flags >> 1 & 3
        self.retain = bool(self.flags & 1)
        self.dup = bool(self.flags & 8)
        rest = self.body[2 + length:]
        self.packet_id = 0
        if self.qos:
            self.packet_id, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        self.properties = {}
        if self.version == 5:
            self.properties, rest = read_properties(rest)
        self.payload = rest

    def __repr__(self):
        return f"<packet {self.kind} flags {self.flags} {self.body[:60]!r}>"


_BYTE = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}
_SHORT = {0x13, 0x21, 0x22, 0x23}
_LONG = {0x02, 0x11, 0x18, 0x27}


def read_varint(data):
    value, shift = 0, 0
    for index, byte in enumerate(data):
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, data[index + 1:]
    raise ValueError("a variable byte integer without an end")


def read_properties(data):
    """({identifier: [values]}, what follows)."""
    length, data = read_varint(data)
    raw, rest = data[:length], data[length:]
    found = {}
    while raw:
        kind, raw = raw[0], raw[1:]
        if kind in _BYTE:
            value, raw = raw[0], raw[1:]
        elif kind in _SHORT:
            value, raw = struct.unpack(">H", raw[:2])[0], raw[2:]
        elif kind in _LONG:
            value, raw = struct.unpack(">I", raw[:4])[0], raw[4:]
        elif kind == 0x0B:
            value, raw = read_varint(raw)
        else:
            size = struct.unpack(">H", raw[:2])[0]
            value, raw = raw[2:2 + size], raw[2 + size:]
            if kind == 0x26:
                size = struct.unpack(">H", raw[:2])[0]
                value, raw = (value, raw[2:2 + size]), raw[2 + size:]
        found.setdefault(kind, []).append(value)
    return found, rest


class RawClient:
    """A connected socket that speaks packets. Every wait has an end."""

    def __init__(self, port, version=4, timeout=5):
        self.version = version
        self.buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *packets):
        self.socket.sendall(b"".join(packets))

    def _fill(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def receive(self):
        """The next packet; None: the other side has closed."""
        while True:
            try:
                if len(self.buffer) >= 2:
                    length, rest = read_varint(self.buffer[1:])
                    if len(rest) >= length:
                        break
            except ValueError:
                pass
            if not self._fill():
                return None
        first, body, self.buffer = self.buffer[0], rest[:length], rest[length:]
        return Received(self.version, first >> 4, first & 15, body)

    def expect(self, kind):
        got = self.receive()
        assert got is not None and got.kind == kind, f"wanted packet {kind}, got {got}"
        return got

    def expect_close(self):
        """The other side closes, and so does this one."""
        try:
            got = self.receive()
        except ConnectionResetError:
            got = None
        assert got is None, f"wanted a close, got {got}"
        self.close()

    def connect(self, client_id, **options):
        self.send(connect(self.version, client_id, **options))
        return self.expect(CONNACK)

    def subscribe(self, name, options=0, packet_id=1, props=b""):
        self.send(subscribe(self.version, packet_id, (name, options), props=props))
        return self.expect(SUBACK)

    def ping(self):
        """Everything sent before has been handled when this returns, if nothing else comes."""
        self.send(packet(PINGREQ, 0, b""))
        return self.expect(PINGRESP)
