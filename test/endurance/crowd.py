# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of every kind that come and go, each from an address of its own, by which the log is asked about it.

A visit ends as `done` (it was served and left by itself), `refused CODE`, `closed` (also by an alert or a reset),
`abandoned` (it left before it was answered) or `stuck` (it waited in vain)."""

import collections
import dataclasses
import random
import socket
import ssl
import struct
import threading
import time

import mqtt_packets as mqtt
from world import CONNECT_TIMEOUT, DEVICES, HANDSHAKE_TIMEOUT, connect_from

WAIT = 30  # seconds for an answer
LATE = 2 * (HANDSHAKE_TIMEOUT + CONNECT_TIMEOUT)  # for who is to be closed by a deadline


@dataclasses.dataclass
class Visit:
    kind: str
    source: str
    version: int = 4
    begin: float = 0
    end: float = 0
    stage: str = "tcp"
    outcome: str = ""
    silent: bool = False  # it never said anything, so nothing has to be logged
    must: tuple = ()  # what its outcome has to be; empty: any that is explained
    detail: str = ""


class Gone(Exception):
    """The server has closed."""


class Packets(mqtt.RawClient):
    """The packets of RawClient over a socket that is there already."""

    def __init__(self, raw, version):  # pylint: disable=super-init-not-called
        self.version, self.buffer, self.socket = version, b"", raw

    def expect(self, kind):
        got = self.receive()
        if got is None or got.kind == mqtt.DISCONNECT and kind != mqtt.DISCONNECT:
            raise Gone
        assert got.kind == kind, f"wanted packet {kind}, got {got}"
        return got


def reset(raw):
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


class Crowd:
    def __init__(self, world, seed, count, say):
        self.world, self.say = world, say
        self.visits, self.tickets = [], collections.deque(maxlen=50)
        self.lock = threading.Lock()
        self.ends = threading.Event()
        self.numbers = iter(range(1, 1 << 20))
        self.seed = seed
        self.threads = [threading.Thread(target=self._live, args=(number,)) for number in range(count)]
        self.kinds = [(getattr(self, "visit_" + name), weight) for name, weight in (
            ("any", 12), ("modern", 3), ("device", 8), ("guest", 4), ("nobody", 3), ("old_tls_for_modern", 2),
            ("wrong_name", 2), ("bad_level", 1), ("no_client_id", 1), ("large_connect", 1), ("garbage", 3),
            ("garbage_in_tls", 2), ("slow_hello", 1), ("no_connect", 1), ("vanishes", 4), ("slow_reader", 1),
            ("balanced", 3), ("proxy_liar", 3), ("forbidden_topic", 2), ("stays", 3))]

    def start(self):
        for one in self.threads:
            one.start()

    def finish(self):
        self.ends.set()
        for one in self.threads:
            one.join()

    def _live(self, number):
        source = random.Random(f"{self.seed} crowd {number}")
        visitors, weights = zip(*self.kinds)
        while not self.ends.wait(source.uniform(0, 0.3)):
            self._visit(source.choices(visitors, weights)[0], source)

    def _visit(self, visitor, source):
        with self.lock:
            number = next(self.numbers)
        visit = Visit(visitor.__name__[6:], f"127.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}")
        visit.version = source.choice((3, 4, 5))
        visit.begin = time.monotonic()
        try:
            visitor(visit, source)
            visit.outcome = visit.outcome or "done"
        except Gone:
            visit.outcome = visit.outcome or "closed"
        except socket.timeout:
            visit.outcome = "stuck"
        except ConnectionRefusedError:
            visit.outcome = "no listener"
        except (ssl.SSLError, ConnectionError, BrokenPipeError) as error:
            visit.outcome = "closed"
            visit.detail = repr(error)
        except Exception as error:  # pylint: disable=broad-except
            visit.outcome = "error"
            visit.detail = repr(error)
        visit.end = time.monotonic()
        with self.lock:
            self.visits.append(visit)

    # --------------------------------------------------------------------------------- what they do

    def _context(self, version=None, device=None, other_ca=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        pki = self.world.certificates.pki
        context.load_verify_locations(pki.path("root.crt"))
        if device is not None:
            owner = self.world.certificates.other if other_ca else pki
            context.load_cert_chain(owner.path(f"device-{device}.pem"), owner.path(f"device-{device}.key"))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def _tcp(self, visit, port=None, wait=WAIT):
        return connect_from(visit.source, port or self.world.port, wait)

    def _tls(self, visit, context, raw=None, session=None):
        raw = raw or self._tcp(visit)
        visit.stage = "tls"
        try:
            wrapped = context.wrap_socket(raw, server_hostname="localhost", session=session)
        except Exception:
            raw.close()
            raise
        visit.stage = "connect"
        return wrapped

    def _join(self, visit, wrapped, client_id, **options):
        """Gone: the client was refused, or just closed."""
        client = Packets(wrapped, visit.version)
        client.send(mqtt.connect(visit.version, client_id, **options))
        got = client.receive()
        if got is None:
            raise Gone
        assert got.kind == mqtt.CONNACK, got
        if got.code != 0:
            visit.outcome = f"refused {got.code}"
            client.expect_close()
            raise Gone
        visit.stage = "served"
        return client

    def _talk(self, visit, source, client, topic):
        """Every quality of service, to itself."""
        client.subscribe(topic, 2 if visit.version > 3 else 1)
        for qos in (0, 1, 2):
            payload = bytes(source.randrange(256) for _ in range(source.randrange(100)))
            client.send(mqtt.publish(visit.version, topic, payload, qos, packet_id=10 + qos))
            self._settle(client, qos)

    def _settle(self, client, qos):
        """Until the message is back and acknowledged: each side's packets in whatever order."""
        back, acknowledged = False, qos == 0
        while not (back and acknowledged):
            got = client.receive()
            if got is None or got.kind == mqtt.DISCONNECT:
                raise Gone
            if got.kind == mqtt.PUBLISH:
                back = True
                if got.qos == 1:
                    client.send(mqtt.ack(mqtt.PUBACK, got.packet_id))
                elif got.qos == 2:
                    client.send(mqtt.ack(mqtt.PUBREC, got.packet_id))
            elif got.kind == mqtt.PUBREC:
                client.send(mqtt.ack(mqtt.PUBREL, 10 + qos))
            elif got.kind == mqtt.PUBREL:
                client.send(mqtt.ack(mqtt.PUBCOMP, got.packet_id))
            elif got.kind in (mqtt.PUBACK, mqtt.PUBCOMP):
                acknowledged = True

    def _leave(self, visit, source, client):
        how = source.randrange(3)
        if how == 0:
            client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        if how == 2:
            reset(client.socket)
        else:
            client.close()
        visit.stage = "left"

    def _serve(self, visit, source, client_id, context, topic=None):
        session = None
        if source.random() < 0.3 and self.tickets:
            context, session = source.choice(self.tickets)
        wrapped = self._tls(visit, context, session=session)
        with wrapped:
            client = self._join(visit, wrapped, client_id, clean=source.random() < 0.7)
            if source.random() < 0.8:
                self._talk(visit, source, client, topic or f"x/{client_id}/{source.randrange(1 << 30)}")
            if wrapped.session and not wrapped.session_reused:
                self.tickets.append((context, wrapped.session))
            self._leave(visit, source, client)

    def _version(self, source):
        return source.choice((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))

    # ------------------------------------------------------------------------------ who is served

    def visit_any(self, visit, source):
        name = f"any-{source.randrange(1 << 30)}"
        self._serve(visit, source, name, self._context(self._version(source)), f"any/{name}/t")

    def visit_modern(self, visit, source):
        name = f"modern-{source.randrange(1 << 30)}"
        wrapped = self._tls(visit, self._context(ssl.TLSVersion.TLSv1_3))
        with wrapped:
            client = self._join(visit, wrapped, name)
            self._talk(visit, source, client, name)
            self._leave(visit, source, client)

    def visit_guest(self, visit, source):
        name = f"guest-{source.randrange(1 << 30)}"
        self._serve(visit, source, name, self._context(self._version(source)))

    def visit_device(self, visit, source):
        """With a certificate that may be revoked, or whose CA may not be trusted, just now."""
        device, other = source.randrange(DEVICES), source.random() < 0.5
        revoked = self.world.revoked_since.get(device)
        wrapped = self._tls(visit, self._context(self._version(source), device, other))
        with wrapped:
            client = self._join(visit, wrapped, f"device-{device}")
            if not other and revoked and revoked == self.world.revoked_since.get(device):
                visit.outcome = "admitted although revoked"
            client.ping()
            self._leave(visit, source, client)

    def visit_balanced(self, visit, source):
        """Through a balancer that says who the client is."""
        raw = connect_from(f"127.3.0.{source.randrange(1, 250)}", self.world.proxy_port, WAIT)
        raw.sendall(f"PROXY TCP4 {visit.source} 127.0.0.1 1000 8883\r\n".encode())
        name = f"any-{source.randrange(1 << 30)}"
        with self._tls(visit, self._context(self._version(source)), raw) as wrapped:
            client = self._join(visit, wrapped, name)
            self._talk(visit, source, client, f"any/{name}/t")
            self._leave(visit, source, client)

    def visit_stays(self, visit, source):
        """For a while, with pings."""
        name = f"any-{source.randrange(1 << 30)}"
        context = self._context(self._version(source))
        with self._tls(visit, context) as wrapped:
            client = self._join(visit, wrapped, name, keep_alive=10)
            ends = time.monotonic() + source.uniform(2, 20)
            while time.monotonic() < ends and not self.ends.is_set():
                client.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
                got = client.receive()
                if got is None or got.kind == mqtt.DISCONNECT:
                    raise Gone
                self.ends.wait(1)
            self._leave(visit, source, client)

    def visit_slow_reader(self, visit, source):
        """Subscribes, is sent more than fits anywhere, and reads late or never."""
        name = f"flood-{source.randrange(1 << 30)}"
        raw = self._tcp(visit)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with self._tls(visit, self._context(self._version(source)), raw) as wrapped:
            client = self._join(visit, wrapped, name)
            client.subscribe(f"x/{name}")
            wrapped.settimeout(3)
            try:
                for _ in range(100):
                    client.send(mqtt.publish(visit.version, f"x/{name}", bytes(20000)))
            except socket.timeout:
                visit.detail = "backpressure"  # which is what it is to feel
            wrapped.settimeout(WAIT)
            self.ends.wait(source.uniform(0, 4))
            if source.random() < 0.5:
                for _ in range(20):
                    client.receive()
            reset(wrapped)
            visit.stage = "left"

    # ----------------------------------------------------------------------------- who is refused

    def _refused(self, visit, client_id, context, *codes, **options):
        visit.must = (*(f"refused {code}" for code in codes), "refused 3", "refused 136", "refused 139", "closed")
        with self._tls(visit, context) as wrapped:
            self._join(visit, wrapped, client_id, **options)

    def visit_nobody(self, visit, source):
        self._refused(visit, f"nobody-{source.randrange(1000)}", self._context(self._version(source)),
                      0x87 if visit.version == 5 else 5)

    def visit_old_tls_for_modern(self, visit, source):
        self._refused(visit, f"modern-{source.randrange(1000)}", self._context(ssl.TLSVersion.TLSv1_2),
                      0x87 if visit.version == 5 else 5)

    def visit_wrong_name(self, visit, source):
        device = source.randrange(DEVICES)
        self._refused(visit, f"device-{device + 1}", self._context(self._version(source), device, True),
                      *((0x85, 0x87) if visit.version == 5 else (2, 5)))

    def visit_bad_level(self, visit, source):
        visit.must = ("refused 1", "refused 132", "closed")
        with self._tls(visit, self._context(self._version(source))) as wrapped:
            wrapped.sendall(b"\x10\x0e\x00\x04MQTT\x09\x02\x00\x3c\x00\x02ab" if source.random() < 0.5 else
                            b"\x10\x0e\x00\x04MQTT\x02\x02\x00\x3c\x00\x02ab")
            client = Packets(wrapped, 4)
            got = client.receive()
            if got is None:
                raise Gone
            visit.outcome = f"refused {got.code}"

    def visit_no_client_id(self, visit, source):
        visit.version = 4
        self._refused(visit, "", self._context(self._version(source)), 2, 5, clean=False)

    def visit_large_connect(self, visit, source):
        visit.version = 4
        visit.must = ("closed",)
        with self._tls(visit, self._context(self._version(source))) as wrapped:
            self._join(visit, wrapped, "any-large", username="u" * 6000)

    def visit_forbidden_topic(self, visit, source):
        """Publishes where it may not, and is closed; a subscription is refused in its SUBACK."""
        name = f"any-{source.randrange(1 << 30)}"
        with self._tls(visit, self._context(self._version(source))) as wrapped:
            client = self._join(visit, wrapped, name)
            if source.random() < 0.5:
                client.send(mqtt.subscribe(visit.version, 7, ("any/somebody/else", 1)))
                got = client.receive()
                if got is None or got.kind == mqtt.DISCONNECT:
                    raise Gone
                assert got.kind == mqtt.SUBACK, got
                self._leave(visit, source, client)
                return
            visit.must = ("closed", "refused 3", "refused 136", "refused 139")
            client.send(mqtt.publish(visit.version, "any/somebody/else", b"x", 1))
            while True:
                got = client.receive()
                if got is None or got.kind == mqtt.DISCONNECT:
                    raise Gone
                assert got.kind != mqtt.PUBACK or visit.version == 5 and got.reason, got

    # ------------------------------------------------------------------------- who speaks no MQTT

    def _until_closed(self, raw):
        while True:
            if not raw.recv(4096):
                raise Gone

    def visit_garbage(self, visit, source):
        visit.must = ("closed",)
        with self._tcp(visit) as raw:
            visit.stage = "hello"
            raw.sendall(source.choice((b"GET / HTTP/1.0\r\n\r\n", b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
                                       b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x16\x03\x01\xff\xff" + bytes(300),
                                       bytes(source.randrange(256) for _ in range(source.randrange(6, 600))))))
            if source.random() < 0.3:
                raw.shutdown(socket.SHUT_WR)
            self._until_closed(raw)

    def visit_garbage_in_tls(self, visit, source):
        visit.must = ("closed",)
        with self._tls(visit, self._context(self._version(source))) as wrapped:
            wrapped.sendall(source.choice((b"GET / HTTP/1.0\r\n\r\n", b"\x30\x03\x00\x01x", b"\x10\xff\xff\xff\xff\x7f",
                                           b"\x10\x03\x00\x04M",
                                           b"\x10\x0c\x00\x04MQTT\x04\xff\x00\x3c\x00\x00")))
            self._until_closed(wrapped)

    def visit_slow_hello(self, visit, source):
        """A ClientHello, byte by byte, that never ends."""
        visit.must = ("closed",)
        with self._tcp(visit, wait=LATE) as raw:
            visit.stage = "hello"
            hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
            ends = time.monotonic() + LATE
            for byte in hello:
                raw.sendall(bytes([byte]))
                raw.settimeout(source.uniform(0.2, 1))
                try:
                    if not raw.recv(100):
                        raise Gone
                except socket.timeout:
                    if time.monotonic() > ends:
                        raise

    def visit_no_connect(self, visit, source):
        visit.must = ("closed",)
        with self._tls(visit, self._context(self._version(source))) as wrapped:
            wrapped.settimeout(LATE)
            wrapped.sendall(b"\x10\x20\x00\x04MQ"[:source.randrange(1, 7)])
            self._until_closed(wrapped)

    def visit_vanishes(self, visit, source):
        """With a reset: silent, in its ClientHello, after its handshake, in its CONNECT, or in a PUBLISH."""
        where = source.randrange(5)
        raw = self._tcp(visit)
        visit.outcome = "abandoned"
        if where < 2:
            visit.silent = where == 0
            if where == 1:
                raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[:source.randrange(1, 9)])
            time.sleep(source.uniform(0, 0.2))
            reset(raw)
            return
        wrapped = self._tls(visit, self._context(self._version(source)), raw)
        if where == 3:
            wrapped.sendall(mqtt.connect(visit.version, "any-vanishes")[:source.randrange(1, 10)])
        elif where == 4:
            client = self._join(visit, wrapped, f"any-{source.randrange(1 << 30)}")
            client.send(mqtt.publish(visit.version, "any/a/b", bytes(1000))[:source.randrange(1, 500)])
        visit.outcome = "abandoned"
        reset(wrapped)

    def visit_proxy_liar(self, visit, source):
        visit.must = ("closed",)
        where, text = source.choice((
            ("trusted", b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 1\r\n"), ("trusted", b"PROXY TCP4 me you 1 1\r\n" + bytes(50)),
            ("trusted", b"\r\n\r\n\x00\r\nQUIT\n\x2f\x11\x00\x0c" + bytes(12)), ("trusted", b"\x16\x03\x01\x00\x05hello"),
            ("other", f"PROXY TCP4 {visit.source} 127.0.0.1 1 1\r\n".encode())))
        if where == "trusted":
            visit.source = f"127.3.{1 + (int(visit.source.split('.')[2]) % 250)}.{visit.source.split('.')[3]}"
        with connect_from(visit.source, self.world.proxy_port, WAIT) as raw:
            visit.stage = "hello"
            raw.sendall(text)
            self._until_closed(raw)
