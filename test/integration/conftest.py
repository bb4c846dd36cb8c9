# SPDX-License-Identifier: GPL-3.0-or-later
import itertools

import pytest

import pki as pki_module
from postern import Broker, Mosquitto, Postern
from upgrades import PATIENT, Upgrades


def pytest_configure(config):
    config.addinivalue_line("markers", "release_only: too large or too slow for sanitizers")
    config.addinivalue_line("markers", "threads: worth running under the thread sanitizer")


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return pki_module.make(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def own(tmp_path):
    """A PKI whose files this test may change."""
    one = pki_module.Pki(tmp_path / "own")
    one.server("server", "localhost")
    one.issue("good")
    one.issue("bad")
    return one


@pytest.fixture
def start(tmp_path, pki):
    """Starts Posterns; each is stopped, and its end checked, after the test."""
    running = []

    def start_one(**options):
        directory = tmp_path / f"postern-{len(running)}"
        directory.mkdir()
        options.setdefault("pki", pki)
        running.append(Postern(directory, **options))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


@pytest.fixture
def upgrading(start):
    """Starts Posterns, and gives each with its `Upgrades`; all processes are ended."""
    made = []

    def start_one(**options):
        options.setdefault("drain", PATIENT)
        made.append(Upgrades(start(**options)))
        return made[-1].postern, made[-1]

    yield start_one
    for one in made:
        one.end_all()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """`postern broker`, which the tests of a file share: their topics and clients have a `name`."""
    running = Broker(tmp_path_factory.mktemp("broker"))
    yield running
    running.stop()


@pytest.fixture
def limited(tmp_path):
    """Starts `postern broker` with other limits; each is stopped, and has to stop cleanly."""
    running = []

    def start_one(limits):
        running.append(Broker(tmp_path, limits))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


_numbers = itertools.count()


@pytest.fixture
def name():
    """No other test has it."""
    return f"t{next(_numbers)}"


@pytest.fixture
def mosquitto(tmp_path):
    running = []

    def start_one(**options):
        directory = tmp_path / f"mosquitto-{len(running)}"
        directory.mkdir()
        running.append(Mosquitto(directory, **options))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()
