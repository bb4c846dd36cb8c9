# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server on loopback whose answers a test may change at any time."""

import socket
import struct
import threading

A, AAAA = 1, 28
SERVFAIL, NXDOMAIN = 2, 3


class NameServer:
    def __init__(self, **names):
        """Each name is ([addresses], ttl); what is not there does not exist."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.names = dict(names)
        self.failing = False
        self.silent = False
        self.asked = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
                if not self.silent:
                    self.socket.sendto(self._answer(query), client)
            except OSError:
                return

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels).removesuffix(".test").replace(".", "_").replace("-", "_")
        addresses, ttl = self.names.get(name, ([], 0))
        self.asked.append((name, kind))
        code = SERVFAIL if self.failing else 0 if name in self.names else NXDOMAIN
        wanted = [a for a in addresses if kind == A] if code == 0 else []
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", A, 1, ttl, 4) + socket.inet_aton(a)
                           for a in wanted)
        return query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(wanted), 0, 0) + question + records

    def count(self, name):
        return sum(1 for asked, kind in self.asked if asked == name and kind == A)

    def close(self):
        self.socket.close()
