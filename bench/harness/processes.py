# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, counting and stopping what is measured."""
import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def before_others():
    """Whoever else has work on this machine gets what is left, where the scheduler goes by sessions."""
    group = pathlib.Path("/proc/self/autogroup")
    try:
        group.write_text("-19")
    except OSError:  # it does not, or nobody may
        yield
        return
    try:
        yield
    finally:
        group.write_text("0")


def listens(port, process, seconds=10):
    """Waits until something listens there; nothing is connected to, which would be counted."""
    wanted = re.compile(rf":{port:04X} 00000000:0000 0A ")
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if wanted.search(pathlib.Path("/proc/net/tcp").read_text()):
            return True
        time.sleep(0.02)
    return False


def tree(pid):
    """The process and all of its descendants."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def memory_kb(pids):
    """Proportional set size: what the processes have to themselves, and their share of the rest."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
