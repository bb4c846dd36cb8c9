# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

import pki as pki_module
from postern import Mosquitto, Postern


def pytest_configure(config):
    config.addinivalue_line("markers", "release_only: too large or too slow for sanitizers")
    config.addinivalue_line("markers", "threads: worth running under the thread sanitizer")


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return pki_module.make(tmp_path_factory.mktemp("pki"))


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
