# SPDX-License-Identifier: GPL-3.0-or-later
"""The notation of the conformance cases, and the peers that play them; README.md has its words."""

import pathlib
import re
import shlex
import struct

import yaml

import mqtt_packets as mqtt

FOLDER = pathlib.Path(__file__).resolve().parent
VERSIONS = {"MQTT5": 5, "MQTT": 4}  # by the prefix of a statement
KINDS = ["", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
         "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"]
ACKS = ("PUBACK", "PUBREC", "PUBREL", "PUBCOMP")
PROPERTIES = {
    "format": (0x01, "B"), "message-expiry": (0x02, ">I"), "content-type": (0x03, "text"),
    "response-topic": (0x08, "text"), "correlation": (0x09, "text"),
    "subscription-id": (0x0B, "varint"), "expiry": (0x11, ">I"), "assigned-id": (0x12, "text"),
    "server-keep-alive": (0x13, ">H"), "method": (0x15, "text"), "data": (0x16, "text"),
    "problem-info": (0x17, "B"), "will-delay": (0x18, ">I"), "response-info": (0x19, "B"),
    "information": (0x1A, "text"), "reference": (0x1C, "text"), "reason-string": (0x1F, "text"),
    "receive-max": (0x21, ">H"), "alias-max": (0x22, ">H"), "alias": (0x23, ">H"),
    "max-qos": (0x24, "B"), "retain-available": (0x25, "B"), "user-property": (0x26, "pair"),
    "max-packet": (0x27, ">I"), "shared-available": (0x2A, "B"),
}


class Case:
    """One entry of a file. `versions` are those whose statements it names."""

    def __init__(self, file, entry):
        self.name = f"{file.stem}/{entry.pop('case')}"
        self.keeps = entry.pop("keeps", "").split()
        self.breaks = entry.pop("breaks", "").split()
        self.limits = entry.pop("limits", {})
        text = entry.pop("steps")
        assert not entry, f"{self.name}: unknown {', '.join(entry)}"
        self.versions = sorted({VERSIONS[name.split("-")[0]] for name in self.keeps + self.breaks})
        self.steps = [line.strip() for line in text.splitlines()
                      if line.strip() and not line.strip().startswith("#")]


def load():
    """Every case of every file, in order."""
    return [Case(file, entry) for file in sorted(FOLDER.glob("*.yaml"))
            for entry in yaml.safe_load(file.read_text())]


def encode_property(name, value):
    identifier, kind = PROPERTIES[name]
    head = bytes([identifier])
    if kind == "text":
        return head + mqtt.text(value)
    if kind == "varint":
        return head + mqtt.varint(int(value, 0))
    if kind == "pair":
        return head + b"".join(mqtt.text(part) for part in value.split(":", 1))
    return head + struct.pack(kind, int(value, 0))


def raw_bytes(version, words):
    """Hexadecimal; 'text' stands for its bytes, s'text' has its length before it, N*XX repeats, V is
    the level, and P the properties that are none."""
    out = b""
    for word in words:
        times, star, byte = word.partition("*")
        if word in ("V", "P"):
            out += bytes([version]) if word == "V" else mqtt.properties(version, b"")
        elif word.startswith("s'"):
            out += mqtt.text(word[2:-1])
        elif word.startswith("'"):
            out += word[1:-1].encode()
        elif star:
            out += bytes.fromhex(byte) * int(times)
        else:
            out += bytes.fromhex(word)
    return out


class Words:
    """What follows the name of a packet: bare words, and NAME=VALUE, some more than once."""

    def __init__(self, words):
        self.bare = [word for word in words if not re.match(r"[a-z][a-z-]*=", word)]
        self.pairs = [word.split("=", 1) for word in words if re.match(r"[a-z][a-z-]*=", word)]

    def take(self, name, default=None):
        for index, (key, value) in enumerate(self.pairs):
            if key == name:
                del self.pairs[index]
                return value
        return default

    def number(self, name, default=0):
        return int(self.take(name, str(default)), 0)

    def properties(self, only=None):
        """Encodes and removes the properties that are left, or those named."""
        chosen = [pair for pair in self.pairs if only is None or pair[0] in only]
        self.pairs = [pair for pair in self.pairs if pair not in chosen]
        return b"".join(encode_property(*pair) for pair in chosen)


def encode_connect(version, words, default_id):
    will = None
    topic = words.take("will")
    if topic is not None:
        will_properties = Words([])
        will_properties.pairs = [[key[5:] if key != "will-delay" else key, value]
                                 for key, value in words.pairs if key.startswith("will-")
                                 and key not in ("will-payload", "will-qos", "will-retain")]
        payload = words.take("will-payload", "gone")
        qos, retain = words.number("will-qos"), words.number("will-retain")
        words.pairs = [pair for pair in words.pairs if not pair[0].startswith("will-")]
        will = (topic, payload, qos, retain, will_properties.properties())
    client_id, clean = words.take("id", default_id), words.number("clean", 1)
    keep, user, password = words.number("keep", 60), words.take("user"), words.take("pass")
    return mqtt.connect(version, client_id, clean=clean, keep_alive=keep, username=user,
                        password=password, will=will, props=words.properties())


def encode(version, kind, rest, default_id):
    words = Words(rest)
    if kind == "hex":
        return raw_bytes(version, rest)
    if kind == "frame":
        body = raw_bytes(version, rest[1:])
        return bytes.fromhex(rest[0]) + mqtt.varint(len(body)) + body
    if kind == "CONNECT":
        return encode_connect(version, words, default_id)
    if kind == "PUBLISH":
        topic, payload = words.take("topic", ""), words.take("payload", "")
        size = words.number("size")
        return mqtt.publish(version, topic, payload + "x" * size, qos=words.number("qos"),
                            packet_id=words.number("id", 1), retain=words.number("retain"),
                            dup=words.number("dup"), props=words.properties())
    if kind in ("SUBSCRIBE", "UNSUBSCRIBE"):
        packet_id = words.number("id", 1)
        if kind == "UNSUBSCRIBE":
            return mqtt.unsubscribe(version, packet_id, *words.bare)
        filters = [(name, int(options, 0))
                   for name, options in (word.rsplit(":", 1) for word in words.bare)]
        return mqtt.subscribe(version, packet_id, *filters, props=words.properties())
    if kind in ACKS:
        reason = words.take("reason")
        return mqtt.ack(KINDS.index(kind), words.number("id", 1),
                        None if reason is None else int(reason, 0))
    if kind in ("DISCONNECT", "AUTH"):
        props = words.properties()
        body = bytes([int(words.bare[0], 0)]) if words.bare else b""
        if props:
            body += mqtt.varint(len(props)) + props
        return mqtt.packet(KINDS.index(kind), 0, body)
    return mqtt.packet(KINDS.index(kind), 0, b"")


def found_properties(packet):
    """{name: value or [values]} of a packet that came, with text as text."""
    body = packet.body
    if packet.kind in (mqtt.CONNACK, mqtt.PUBLISH):
        raw = packet.properties
    elif KINDS[packet.kind] in ACKS and len(body) > 3:
        raw = mqtt.read_properties(body[3:])[0]
    elif packet.kind in (mqtt.SUBACK, mqtt.UNSUBACK) and packet.version == 5:
        raw = mqtt.read_properties(body[2:])[0]
    elif packet.kind == mqtt.DISCONNECT and len(body) > 1:
        raw = mqtt.read_properties(body[1:])[0]
    else:
        raw = {}
    names = {identifier: name for name, (identifier, _) in PROPERTIES.items()}
    found = {}
    for identifier, values in raw.items():
        shown = []
        for value in values:
            if isinstance(value, tuple):
                value = b":".join(value)
            shown.append(value.decode() if isinstance(value, bytes) else str(value))
        found[names[identifier]] = shown
    return found


def found_fields(packet):
    """What an expectation can name, except for properties."""
    kind = KINDS[packet.kind]
    if kind == "CONNACK":
        return {"": [packet.code], "flags": packet.session_present}
    if kind == "PUBLISH":
        return {"topic": packet.topic, "payload": packet.payload.decode(), "qos": packet.qos,
                "retain": int(packet.retain), "dup": int(packet.dup), "id": packet.packet_id,
                "size": len(packet.payload)}
    if kind in ACKS:
        return {"id": packet.packet_id, "reason": packet.reason, "flags": packet.flags}
    if kind in ("SUBACK", "UNSUBACK"):
        return {"id": packet.packet_id, "": packet.codes, "length": len(packet.body)}
    if kind == "DISCONNECT":
        return {"": [packet.reason]}
    return {"length": len(packet.body)}


class Peer:
    """One client of a case. What came is kept until it is expected."""

    def __init__(self, raw, default_id):
        self.raw = raw
        self.default_id = default_id
        self.waiting = []
        self.greeted = False

    def next(self):
        if self.waiting:
            return self.waiting.pop(0)
        try:
            return self.raw.receive()
        except ConnectionResetError:
            return None

    def ping(self):
        """Reads up to PINGRESP: what the broker had to send before is in `waiting` then."""
        self.raw.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
        while True:
            packet = self.raw.receive()
            assert packet is not None, "closed instead of a PINGRESP"
            if packet.kind == mqtt.PINGRESP:
                return
            self.waiting.append(packet)


class Player:
    """Plays one case in one version. `open_raw(version)` gives a connected RawClient."""

    def __init__(self, case, version, open_raw, wait, unique):
        self.case, self.version, self.open_raw = case, version, open_raw
        self.wait, self.unique = wait, unique
        self.peers = {}
        self.names = {}

    def play(self):
        try:
            for line in self.case.steps:
                try:
                    self.step(line)
                except (AssertionError, OSError, ValueError) as error:
                    raise AssertionError(f"{self.case.name}: {line!r}: {error}") from error
        finally:
            for peer in self.peers.values():
                peer.raw.close()

    def peer(self, name):
        if name not in self.peers:
            self.peers[name] = Peer(self.open_raw(self.version), self.unique + name[0])
        return self.peers[name]

    def words(self, line):
        """Quotes keep their meaning in raw bytes only; what an expectation named is put in."""
        if " hex " in line or " frame " in line:
            line = line.replace("'", "\"'\"")
        words = []
        for word in shlex.split(line.replace("~", self.unique)):
            field, is_name, name = word.partition("=$")
            words.append(f"{field}={self.names[name]}" if is_name and name in self.names else word)
        return words

    def step(self, line):
        name, what, *rest = self.words(line)
        if name == "wait":
            self.wait(float(what))
        elif what == ">":
            peer = self.peer(name)
            peer.raw.send(encode(self.version, rest[0], rest[1:], peer.default_id))
        elif what == "<":
            self.expect(name, rest)
        elif what == "connects":
            self.connects(name, rest)
        elif what == "drops":
            self.peers.pop(name).raw.close()
        else:
            raise ValueError(f"no such step: {what}")

    def connects(self, name, rest):
        """CONNECT, and a CONNACK that admits; what follows `and` is expected of the CONNACK."""
        rest.append("and")
        before, after = rest[:rest.index("and")], rest[rest.index("and") + 1:-1]
        peer = self.peer(name)
        peer.raw.send(encode(self.version, "CONNECT", before, peer.default_id))
        self.expect(name, ["CONNACK", "0", *after])
        peer.greeted = True

    def expect(self, name, rest):
        peer = self.peer(name)
        kind = rest[0]
        if kind == "nothing":
            self.expect_nothing(peer)
            return
        if kind in ("refused", "turned-away"):
            if self.version == 5:
                self.expect(name, ["DISCONNECT" if kind == "refused" else "CONNACK", *rest[1:]])
            kind = "close"
        packet = peer.next()
        if kind == "close":
            assert packet is None, f"got {packet}"
            peer.greeted = False
            return
        assert packet is not None, "closed"
        if kind == "hex":
            wanted = raw_bytes(self.version, rest[1:])
            assert bytes([packet.kind << 4 | packet.flags, len(packet.body)]) + packet.body == wanted
            return
        self.compare(packet, kind, rest[1:])

    def expect_nothing(self, peer):
        """Whatever the others caused has been sent, and is not for this one."""
        for other in self.peers.values():
            if other.greeted and other is not peer:
                other.ping()
        peer.ping()
        assert not peer.waiting, f"got {peer.waiting}"

    def compare(self, packet, kind, rest):
        assert KINDS[packet.kind] == kind, f"got {packet}"
        words, fields, properties = Words(rest), found_fields(packet), found_properties(packet)
        if words.bare and (kind != "UNSUBACK" or self.version == 5):
            wanted = [int(word, 0) for word in words.bare]
            assert fields[""] == wanted, f"got {[hex(code) for code in fields['']]}"
        for key in {key for key, _ in words.pairs}:
            wanted = [value for name, value in words.pairs if name == key]
            if key in fields:
                found = [str(fields[key])]
            else:
                assert key in PROPERTIES, f"no such field: {key}"
                found = properties.get(key, ["none"])
            self.compare_values(key, wanted, found)

    def compare_values(self, key, wanted, found):
        if wanted[0].startswith("$"):
            self.names[wanted[0][1:]] = found[0]
            return
        if wanted == ["any"]:
            assert found != ["none"], f"no {key}"
            return
        if wanted[0].startswith("0x"):
            wanted = [str(int(value, 0)) for value in wanted]
        if key == "subscription-id":  # their order means nothing
            wanted, found = sorted(wanted), sorted(found)
        assert found == wanted, f"{key} is {found}, not {wanted}"
