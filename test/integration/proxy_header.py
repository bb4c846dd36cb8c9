# SPDX-License-Identifier: GPL-3.0-or-later
"""PROXY protocol headers by hand, and a client of TLS behind one."""

import socket
import ssl
import struct

import mqtt_packets as mqtt
from postern import DEADLINE

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 203.0.113.1 40112 8883\r\n"


def v2(command=1, family=0x11, addresses=None, tlvs=b"", version=2):
    if addresses is None:
        addresses = (socket.inet_aton("192.0.2.7") + socket.inet_aton("203.0.113.1") +
                     struct.pack(">HH", 40112, 8883))
    body = addresses + tlvs
    return SIGNATURE + bytes([version << 4 | command, family]) + struct.pack(">H", len(body)) + body


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


class Visitor(mqtt.RawClient):
    """A TLS client whose bytes leave as a test wants them: `send_first` sends header and ClientHello."""

    def __init__(self, postern, header, send_first=None, version=4, unix=None):
        self.version, self.buffer = version, b""
        if unix:
            self.raw = socket.socket(socket.AF_UNIX)
            self.raw.connect(unix)
        else:
            self.raw = postern.raw()
        self.raw.settimeout(DEADLINE)
        self.socket = self
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = postern.context().wrap_bio(self.incoming, self.outgoing,
                                              server_hostname="localhost")
        self._try(self.tls.do_handshake)
        (send_first or (lambda raw, data: raw.sendall(data)))(self.raw, header + self.outgoing.read())
        while self._try(self.tls.do_handshake) is False:
            self._pump()
        self._flush()

    @staticmethod
    def _try(step, *args):
        try:
            return step(*args) or True
        except ssl.SSLWantReadError:
            return False

    def _flush(self):
        if self.outgoing.pending:
            self.raw.sendall(self.outgoing.read())

    def _pump(self):
        self._flush()
        data = self.raw.recv(65536)
        if not data:
            raise ConnectionResetError("closed in the handshake")
        self.incoming.write(data)

    # what RawClient asks of a socket
    def sendall(self, data):
        self.tls.write(data)
        self._flush()

    def recv(self, length):
        while True:
            try:
                return self.tls.read(length)
            except ssl.SSLWantReadError:
                self._pump()
            except ssl.SSLZeroReturnError:
                return b""

    def close(self):
        self.raw.close()


def closed_without_a_byte(raw):
    raw.settimeout(DEADLINE)
    try:
        return raw.recv(100) == b""
    except ConnectionResetError:
        return True
