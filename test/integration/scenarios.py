# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios of test/conformance: who sends which bytes, and what has to come back. The notation is
described in test/conformance/README.md."""

import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

import yaml

import mqtt_packets as mqtt
from postern import ROOT

FOLDER = ROOT / "test/conformance"
STATEMENT = re.compile(r"MQTT5?-\d+(?:\.\d+)*-\d+")
VERSIONS = {"3.1": 3, "3.1.1": 4, "5": 5}
NAMES = {number: name for name, number in VERSIONS.items()}
TYPES = {name: getattr(mqtt, name) for name in (
    "CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK "
    "PINGREQ PINGRESP DISCONNECT AUTH").split()}
USUAL_FLAGS = {"PUBREL": 2, "SUBSCRIBE": 2, "UNSUBSCRIBE": 2}
FLAGS = {"q1": 2, "q2": 4, "r": 1, "dup": 8}
TOKEN = re.compile(r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*")(?:\*(?P<texts>\d+))? | (?P<raw>'(?:[^'\\]|\\.)*')(?:\*(?P<raws>\d+))? |
    (?P<open>[\[(]) | (?P<close>[\])]) | \{(?P<name>\w+)(?::(?P<size>\w+))?\} |
    (?P<only>[35]):(?P<some>[0-9a-f]+) | (?P<low>[0-9a-f]{2})-(?P<high>[0-9a-f]{2}) |
    (?P<hex>(?:[0-9a-f]{2})+)(?![0-9a-zA-Z.]) | (?P<rest>\.\.) | (?P<any>\?) | (?P<word>[A-Za-z][\w./=]*)
    )""", re.X)


class Failed(AssertionError):
    pass


@dataclass
class Step:
    number: int
    line: str
    only: int  # 0: every version; 3: those before 5; 5
    who: str
    verb: str
    words: str


@dataclass
class Scenario:
    file: str
    number: int
    title: str
    statements: list
    versions: list
    limits: dict = field(default_factory=dict)
    alone: bool = False
    places: list = field(default_factory=lambda: ["plain", "tls"])
    steps: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.file}:{self.number}"


def _versions_of(statements):
    old = any(not one.startswith("MQTT5") for one in statements)
    new = any(one.startswith("MQTT5") for one in statements)
    return [3, 4] * old + [5] * new


def _read_step(number, line):
    found = re.fullmatch(r"(?:([35]):\s*)?(\w+)(?:\s+([a-z]+)|\s*([<>]))?(?:\s+(.*))?", line)
    if not found:
        raise SyntaxError(f"line {number}: {line}")
    only, who, verb, arrow, words = found.groups()
    return Step(number, line, int(only or 0), who, verb or arrow or "", words or "")


def load(path):
    """The scenarios of a file."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = re.sub(r"\s{2,}# .*$", "", line).strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            cited, _, title = line[3:].partition(" : ")
            statements = STATEMENT.findall(cited)
            assert title and statements, f"{path.name}:{number}: no statement or no title"
            found.append(Scenario(path.stem, number, title, statements, _versions_of(statements)))
        elif line.startswith("versions "):
            found[-1].versions = [VERSIONS[one] for one in line.split()[1:]]
        elif line.startswith("limits "):
            found[-1].limits = yaml.safe_load(line[7:])
        elif line.startswith("places "):
            found[-1].places = line.split()[1:]
        elif line == "alone":
            found[-1].alone = True
        else:
            found[-1].steps.append(_read_step(number, line))
    return found


def load_all():
    return [one for path in sorted(FOLDER.glob("*.txt")) for one in load(path)]


def _unquote(quoted, unique):
    """What stands between quotes, as bytes; % is what makes this run's names unique."""
    out = b""
    for piece in re.findall(r"\\x..|\\u....|\\U........|\\.|[^\\]", quoted[1:-1]):
        if piece == "%":
            out += unique.encode()
        elif piece.startswith("\\x"):
            out += bytes([int(piece[2:], 16)])
        elif piece[:2] in ("\\u", "\\U"):
            out += chr(int(piece[2:], 16)).encode("utf-8", "surrogatepass")
        else:
            out += piece[-1].encode()
    return out


def tokens(text):
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if not found:
            raise SyntaxError(f"what is {text[at:]!r}?")
        at = found.end()
        yield found


class Notation:
    """Packets as they are written, turned into bytes or into a pattern for bytes."""

    def __init__(self, version, unique):
        self.version, self.unique, self.known = version, unique, {}

    def protocol(self):
        return mqtt.text("MQIsdp" if self.version == 3 else "MQTT") + bytes([self.version])

    def _first(self, word):
        """The first byte of the packet that is named."""
        name, *flags = re.split(r"[./]", word)
        bits = USUAL_FLAGS.get(name, 0)
        if "/" in word:
            bits = int(flags.pop(), 16)
        for flag in flags:
            bits |= FLAGS[flag]
        return TYPES[name] << 4 | bits

    def _value(self, token, pattern):
        """One token's bytes, or the pattern for them."""
        quote = re.escape if pattern else lambda data: data
        if token["text"]:
            return quote(mqtt.text(_unquote(token["text"], self.unique) * int(token["texts"] or 1)))
        if token["raw"]:
            return quote(_unquote(token["raw"], self.unique) * int(token["raws"] or 1))
        if token["hex"]:
            return quote(bytes.fromhex(token["hex"]))
        if token["only"]:
            wanted = (token["only"] == "5") == (self.version == 5)
            return quote(bytes.fromhex(token["some"])) if wanted else b""
        if token["word"] == "PROTOCOL":
            return quote(self.protocol())
        if token["name"] and token["name"] in self.known:
            value = self.known[token["name"]]
            return quote(mqtt.text(value) if token["size"] == "s" else value)
        if not pattern:
            raise SyntaxError(f"{token.group()} cannot be sent")
        if token["rest"]:
            return b".*"
        if token["any"]:
            return b"."
        if token["low"]:
            return b"[" + quote(bytes.fromhex(token["low"])) + b"-" + quote(bytes.fromhex(token["high"])) + b"]"
        if token["name"]:
            if token["size"] == "s":
                return b"(?P<%s>..(?:.*))" % token["name"].encode()
            return b"(?P<%s>.{%d})" % (token["name"].encode(), int(token["size"] or 2))
        raise SyntaxError(f"what is {token.group()!r}?")

    def _body(self, stream, pattern, until=None):
        out = b""
        for token in stream:
            if token["close"]:
                assert token["close"] == until, "brackets do not match"
                return out
            if not token["open"]:
                out += self._value(token, pattern)
                continue
            inner = self._body(stream, pattern, "]" if token["open"] == "[" else ")")
            if token["open"] == "[" and self.version != 5:
                continue
            out += self._length(inner, token["open"] == "[", pattern) + inner
        assert until is None, "a bracket is open"
        return out

    @staticmethod
    def _length(inner, is_block, pattern):
        if pattern:
            return b"[\x80-\xff]{0,3}[\x00-\x7f]" if is_block else b".."
        return mqtt.varint(len(inner)) if is_block else struct.pack(">H", len(inner))

    def encode(self, text):
        """The bytes of one packet."""
        word, _, rest = text.strip().partition(" ")
        if word == "raw":
            return self._body(tokens(rest), False)
        body = self._body(tokens(rest), False)
        return bytes([self._first(word)]) + mqtt.varint(len(body)) + body

    def encode_all(self, text):
        return b"".join(self.encode(one) for one in text.split(" ; "))

    def matches(self, text, got):
        """Whether the packet is the one that is written; keeps what it names."""
        word, _, rest = text.strip().partition(" ")
        if self._first(word) != (got.kind << 4 | got.flags):
            return False
        found = re.fullmatch(self._body(tokens(rest), True), got.body, re.S)
        if not found:
            return False
        for name, value in found.groupdict().items():
            self.known[name] = value
        for token in tokens(rest):
            if token["name"] and token["size"] == "s" and token["name"] in found.groupdict():
                self.known[token["name"]] = found[token["name"]][2:]
        return True


@dataclass
class Packet:
    kind: int
    flags: int
    body: bytes

    def __str__(self):
        names = {number: name for name, number in TYPES.items()}
        return f"{names.get(self.kind, self.kind)}/{self.flags:x} {self.body[:80].hex(' ')}"


class Peer:
    """One connection of a scenario."""

    def __init__(self, sock, version):
        self.socket, self.version = sock, version
        self.buffer, self.inbox = b"", []
        self.pings, self.pinged, self.ended = 0, 0, False

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what has been answered with a close is seen when it is read

    def _packet_in_buffer(self):
        try:
            if len(self.buffer) < 2:
                return None
            length, rest = mqtt.read_varint(self.buffer[1:])
        except ValueError:
            return None
        if len(rest) < length:
            return None
        first, body, self.buffer = self.buffer[0], rest[:length], rest[length:]
        return Packet(first >> 4, first & 15, body)

    def _fetch(self):
        """The next packet from the socket; None: the end."""
        while True:
            got = self._packet_in_buffer()
            if got:
                return got
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, OSError) as error:
                if isinstance(error, TimeoutError):
                    raise Failed("nothing came") from None
                data = b""
            if not data:
                return None
            self.buffer += data

    def receive(self):
        return self.inbox.pop(0) if self.inbox else self._fetch()

    def settle(self):
        """Whatever was sent has been handled when this returns."""
        if self.ended:
            return
        self.send(b"\xc0\x00")
        while True:
            got = self._fetch()
            if got is None:
                self.ended = True
                return
            if got.kind == mqtt.PINGRESP:
                return
            self.inbox.append(got)


class Run:
    """A scenario in one version against one server."""

    _count = 0
    _lock = threading.Lock()

    def __init__(self, scenario, version, connect):
        with Run._lock:
            Run._count += 1
            unique = f"s{Run._count}"
        self.scenario, self.version, self.dial = scenario, version, connect
        self.notation = Notation(version, unique)
        self.unique = unique
        self.peers = {}
        self.versions = {}  # of peers that speak another one
        self.packet_id = 0x7000

    def run(self):
        try:
            for step in self.scenario.steps:
                self.notation.version = self.versions.get(step.who, self.version)
                if step.only and (step.only == 5) != (self.version == 5):
                    continue
                try:
                    self._step(step)
                except (Failed, SyntaxError, KeyError) as error:
                    raise Failed(f"{self.scenario.file}.txt:{step.number}: {step.line}\n"
                                 f"  {error} (MQTT {NAMES[self.version]})") from None
        finally:
            for peer in self.peers.values():
                peer.socket.close()

    def _peer(self, who, fresh=False):
        if fresh and who in self.peers:
            self.peers.pop(who).socket.close()
        if who not in self.peers:
            self.peers[who] = Peer(self.dial(), self.notation.version)
        return self.peers[who]

    def _step(self, step):
        if step.who == "wait":
            time.sleep(float(step.verb or step.words))
            return
        verb = {">": "send", "<": "expect"}.get(step.verb, step.verb)
        getattr(self, "do_" + verb)(step.who, step.words)

    def do_speaks(self, who, words):
        """This peer has a version of its own."""
        self.versions[who] = VERSIONS[words]

    def do_send(self, who, words):
        self._peer(who).send(self.notation.encode_all(words))

    def do_dribbles(self, who, words):
        for byte in self.notation.encode_all(words):
            self._peer(who).send(bytes([byte]))

    def do_expect(self, who, words):
        peer = self._peer(who)
        got = peer.receive()
        if words == "close":
            peer.ended = True
            if got is not None:
                raise Failed(f"instead of the close came {got}")
            return
        if got is None:
            raise Failed("instead came the close")
        if not self.notation.matches(words, got):
            raise Failed(f"instead came {got}")

    def do_either(self, who, words):
        """The packets that are written, in whatever order they come."""
        wanted = words.split(" ; ")
        while wanted:
            got = self._peer(who).receive()
            hit = got and next((one for one in wanted if self.notation.matches(one, got)), None)
            if not hit:
                raise Failed(f"instead came {got}")
            wanted.remove(hit)

    def do_ended(self, who, words):
        """DISCONNECT with this reason in MQTT 5, and the end in every version."""
        if self.notation.version == 5:
            self.do_expect(who, f"DISCONNECT {words} ..")
        self.do_expect(who, "close")

    def do_refused(self, who, words):
        """CONNACK with the first code before MQTT 5 (-: none), the second one in it; then the end."""
        code = words.split()[self.notation.version == 5]
        if code != "-":
            self.do_expect(who, f"CONNACK 00 {code} [..]")
        self.do_expect(who, "close")

    def do_connect(self, who, words):
        keep, alive, resumed, block, client_id, will, flags = False, 60, False, b"", who, b"", 0
        stream = tokens(words)
        for token in stream:
            word = token["word"] or ""
            if token["open"] == "[":
                block += self.notation._body(stream, False, "]")
            elif word == "keep":
                keep = True
            elif word == "resumed":
                resumed = keep = True
            elif word.startswith("alive="):
                alive = int(word[6:])
            elif word.startswith("id="):
                client_id = word[3:]
            elif word.startswith("will"):
                bits = sum(FLAGS[flag] for flag in word.split(".")[1:])
                flags |= 4 | (bits >> 1) << 3 | (bits & 1) << 5
                will = self.notation._body(stream, False)
            else:
                raise SyntaxError(f"connect does not know {token.group()}")
        if keep and self.notation.version == 5 and b"\x11" not in block[:1]:
            block = b"\x11\x00\x00\x00\x3c" + block
        body = self.notation.protocol() + bytes([flags | (0 if keep else 2)]) + struct.pack(">H", alive)
        body += mqtt.properties(self.notation.version, block) + mqtt.text(self.unique + client_id) + will
        peer = self._peer(who, fresh=True)
        peer.send(mqtt.packet(mqtt.CONNECT, 0, body))
        present = "01" if resumed and self.notation.version != 3 else "00"
        self.do_expect(who, f"CONNACK {present} 00 [..]")

    def do_subscribes(self, who, words):
        """SUBSCRIBE to one filter, with its options and properties, and the SUBACK that grants it."""
        self.packet_id += 1
        name, _, rest = words.rpartition('" ')
        options, _, block = rest.partition(" ")
        qos = f"{int(options, 16) & 3:02x}"
        options = options if self.notation.version == 5 else qos
        self.do_send(who, f'SUBSCRIBE {self.packet_id:04x} {block or "[]"} {name}" {options}')
        self.do_expect(who, f"SUBACK {self.packet_id:04x} [] {qos}")

    def do_leaves(self, who, words):
        self.do_send(who, f"DISCONNECT {words}")
        self.do_expect(who, "close")

    def do_drops(self, who, words):
        """The connection breaks; whoever else is there has to learn of it by what is expected next."""
        peer = self.peers.pop(who)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.socket.close()

    def do_quiet(self, who, words):
        """Nothing has come but what was expected: every other peer's packets are handled, and the
        answer to a ping is the next thing that comes."""
        for name, peer in self.peers.items():
            if name != who:
                peer.settle()
        self.do_send(who, "PINGREQ")
        self.do_expect(who, "PINGRESP")
