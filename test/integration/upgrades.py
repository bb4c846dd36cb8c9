# SPDX-License-Identifier: GPL-3.0-or-later
"""A Postern whose successors take over from it."""

import os
import pathlib
import re
import signal
import time

from postern import DEADLINE, wait_until

PATIENT = {"timeout": "600s", "spread": "600s"}  # established sessions stay while a test runs


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Upgrades:
    """One Postern and its successors, all of which write to the same standard error."""

    def __init__(self, postern):
        self.postern = postern
        self.pids = [postern.process.pid]

    def ask(self):
        os.kill(self.pids[-1], signal.SIGUSR2)

    def __call__(self):
        self.ask()
        wait_until(lambda: len(self.handed_over()) == len(self.pids), "an upgrade:\n" + self.postern.text)
        self.pids.append(int(self.handed_over()[-1]))

    def handed_over(self):
        return re.findall(r"handed over to a new process pid=(\d+)", self.postern.text)

    def end(self, number):
        """The `number`th process leaves, the hard way if it must."""
        def gone():
            if is_running(self.pids[number]):
                os.kill(self.pids[number], signal.SIGTERM)
                time.sleep(0.05)  # two signals in one moment are one
            return not is_running(self.pids[number])

        wait_until(gone, "a process to end")
        if number == 0:
            assert self.postern.process.wait(DEADLINE) == 0, self.postern.text

    def end_all(self):
        for number in range(len(self.pids)):
            self.end(number)
        wait_until(lambda: self.postern.text.count(" stopped") == len(self.pids), "each to say so")
