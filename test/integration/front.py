# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs that stand in front of something: HAProxy, nginx."""

import pathlib
import socket
import subprocess

from postern import DEADLINE, wait_until


class Front:
    """A program that reads the header in front of Mosquitto, and logs what it read."""

    def __init__(self, command, port, log):
        self.log = pathlib.Path(log)
        self.process = subprocess.Popen(command, stdout=open(log, "a"), stderr=subprocess.STDOUT)
        self.port = port

        def accepts():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                return False

        wait_until(accepts, "the program in front")

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE)
