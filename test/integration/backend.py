# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend under a test's control: it answers CONNECT, and hands the connection over."""

import queue
import socket
import threading

from postern import DEADLINE

CONNACK = b"\x20\x02\x00\x00"


class Backend:
    def __init__(self, connack=CONNACK, unix=None, host="127.0.0.1", port=0):
        if unix:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(unix)
            self.socket.listen(64)
            self.address = f"unix:{unix}"
        else:
            self.socket = socket.create_server((host, port))
            self.address = f"{host}:{self.socket.getsockname()[1]}"
        self.connack = connack
        self.accepted = queue.Queue()
        self.connects = []  # those that it has answered
        self.all = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.all.append(peer)
            peer.settimeout(DEADLINE)
            if self.connack:
                connect = self.read_connect(peer)
                if not connect:
                    continue  # a health check
                self.connects.append(connect)
                peer.sendall(self.connack)
            self.accepted.put(peer)

    @staticmethod
    def read_connect(peer):
        head = peer.recv(2, socket.MSG_WAITALL)
        return head + peer.recv(head[1], socket.MSG_WAITALL) if head else b""

    def next(self):
        return self.accepted.get(timeout=DEADLINE)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.all:
            peer.close()
