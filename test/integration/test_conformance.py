# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of test/conformance, with the included broker: in plaintext, and over TLS."""

import json
import pathlib
import sys
import time

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

import notation  # noqa: E402
from postern import DEADLINE, Postern  # noqa: E402
from test_broker import Broker  # noqa: E402

CASES = notation.load()


class Plain:
    def __init__(self, directory, limits):
        self.broker = Broker(directory, yaml.safe_dump(limits) if limits else "")
        self.stop = self.broker.stop

    def open(self, version):
        return notation.mqtt.RawClient(self.broker.port, version, DEADLINE)


class Tls:
    def __init__(self, directory, limits, pki):
        self.postern = Postern(directory, pki=pki, backends=[{"builtin_broker": limits or True}])
        self.context = self.postern.context()
        self.stop = self.postern.stop

    def open(self, version):
        return self.postern.client(mqtt=version, context=self.context)


@pytest.fixture(scope="module")
def server(tmp_path_factory, pki):
    """One for each way and each set of limits, started when first asked for."""
    running = {}

    def find(way, limits):
        key = way + json.dumps(limits, sort_keys=True)
        if key not in running:
            directory = tmp_path_factory.mktemp(way)
            running[key] = Plain(directory, limits) if way == "plain" else Tls(directory, limits, pki)
        return running[key]

    yield find
    for one in running.values():
        one.stop()


PLAYS = [pytest.param(case, version, id=f"{case.name}-{version}")
         for case in CASES for version in case.versions]


@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("case, version", PLAYS)
def test_plays_as_written(server, case, version, way):
    """A `wait` of a case stands for time that has to pass by what the specification says."""
    unique = f"u{way[0]}{version}x{CASES.index(case)}"
    notation.Player(case, version, server(way, case.limits).open, time.sleep, unique).play()
