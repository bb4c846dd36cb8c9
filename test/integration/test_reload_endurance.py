# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand reloads, good and bad, while clients come, go and stay."""

import os
import signal
import threading
import time

import pytest
import yaml

from postern import DEADLINE, free_port
from reloads import join, put

RELOADS = 1000


class Visitors:
    """They come and go for as long as the test runs; whoever is not served is remembered."""

    def __init__(self, postern, count):
        self.postern = postern
        self.ends = threading.Event()
        self.failures = []
        self.served = 0
        self.threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(count)]
        for one in self.threads:
            one.start()

    def _visit(self, number):
        while not self.ends.is_set():
            try:
                with join(self.postern, None, f"visitor-{number}") as client:
                    client.ping()
                self.served += 1
            except Exception as error:  # whatever it was, nobody may be turned away
                self.failures.append(repr(error))

    def stop(self):
        self.ends.set()
        for one in self.threads:
            one.join()


def reload(postern, done):
    """One more, whose result is there when this returns."""
    ends = time.monotonic() + DEADLINE
    postern.process.send_signal(signal.SIGHUP)
    while results(postern) <= done:
        assert time.monotonic() < ends, f"reload {done + 1} has no result"
        time.sleep(0.001)


def results(postern):
    return sum("because=SIGHUP" in line for line in postern.log)


def variants(postern, own):  # noqa: F811
    """Files that follow one another for ever, each with whether it is good."""
    base = yaml.safe_load(postern.file.read_text())
    extra = [free_port() for _ in range(2)]

    def with_listener(port, **tls):
        config = yaml.safe_load(yaml.safe_dump(base))
        listener = yaml.safe_load(yaml.safe_dump(config["listeners"][0]))
        listener.update(name="extra", address=f"127.0.0.1:{port}")
        listener["tls"].update(tls)
        config["listeners"].append(listener)
        return config

    other = yaml.safe_load(yaml.safe_dump(base))
    other["listeners"][0]["tls"].update(certificate=own.path("second.pem"), private_key=own.path("second.key"))
    strict = yaml.safe_load(yaml.safe_dump(base))
    strict["policies"][0]["rules"][0]["require"] = {"tls_version": "1.2"}
    return [(base, True), (with_listener(extra[0]), True), ({**base, "nonsense": 1}, False),
            (with_listener(extra[1], min_version="1.3"), True), (with_listener(postern.taken), False),
            (other, True), (strict, True)]


def descriptors(postern):
    return len(os.listdir(f"/proc/{postern.process.pid}/fd"))


@pytest.mark.release_only
def test_a_thousand_reloads_under_load_leak_nothing_and_drop_nobody(start, own, capsys):  # noqa: F811
    own.server("second", "localhost")
    taken = start()
    postern = start(pki=own, watch=False, workers=2, log={"access": False},
                    policies=[{"name": "p", "rules": [{"name": "all"}]}])
    postern.taken = taken.port
    stays = [join(postern, None, f"stays-{number}") for number in range(20)]
    files = variants(postern, own)
    before = {}
    began = time.monotonic()
    visitors = Visitors(postern, 2)
    for number in range(RELOADS):
        config, good = files[number % len(files)]
        put(postern.file, yaml.safe_dump(config))
        reload(postern, number)
        last = next(line for line in reversed(postern.log) if "because=SIGHUP" in line)
        assert ("configuration loaded" in last) == good, last
        stays[number % len(stays)].ping()
        if number == RELOADS // 4:
            before = {"memory": postern.memory_kb(), "descriptors": descriptors(postern)}
    visitors.stop()
    took = time.monotonic() - began
    assert not visitors.failures, visitors.failures[:3]
    put(postern.file, yaml.safe_dump(files[0][0]))
    reload(postern, RELOADS)
    for client in stays:
        client.ping()
    after = {"memory": postern.memory_kb(), "descriptors": descriptors(postern)}
    with capsys.disabled():
        print(f"\n{RELOADS} reloads in {took:.1f} s, {visitors.served} visits; after a quarter {before}, "
              f"in the end {after}")
    assert after["descriptors"] <= before["descriptors"] + 4, "those of visitors may come and go"
    assert after["memory"] < before["memory"] + 1024, "1 KiB a reload would be 750"
    assert not [line for line in postern.log if "listener not started" in line]
