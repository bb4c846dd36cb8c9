# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands and files of docs/getting-started.md, typed as they stand there."""

import os
import pathlib
import re
import subprocess

import pytest

from postern import BINARY, DEADLINE, ROOT, free_port, launch

PAGE = (ROOT / "docs/getting-started.md").read_text()
PLAIN, OWN_NAME = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
CERTIFICATES = re.findall(r"^postern certs (?:init|client) .*$", PAGE, re.M)
NO_CERTIFICATE, WITH_CERTIFICATE = re.findall(r"^mosquitto_pub .*$", PAGE, re.M)
EXPLAIN, = re.findall(r"^postern explain .*$", PAGE, re.M)


class Reader:
    """Somebody in a folder of their own, with postern in the PATH; only the ports are other ones."""

    def __init__(self, folder, broker):
        self.folder, self.broker, self.port = folder, broker, str(free_port())
        self.environment = {"PATH": f"{pathlib.Path(BINARY).parent}:{os.environ['PATH']}"}

    def type(self, command):
        return subprocess.run(command.replace("8883", self.port), shell=True, cwd=self.folder,
                              capture_output=True, text=True, timeout=DEADLINE, check=False,
                              env={**os.environ, **self.environment})

    def save(self, text):
        text = text.replace("0.0.0.0:8883", f"127.0.0.1:{self.port}")
        (self.folder / "postern.yaml").write_text(text.replace("127.0.0.1:1883", self.broker))

    def run(self):
        process = launch([BINARY, "run", "-c", str(self.folder / "postern.yaml")])
        for line in process.stderr:
            if line.strip() == "postern: ready":
                return process
        raise AssertionError("postern did not start")


@pytest.fixture
def reader(tmp_path, mosquitto):
    one = Reader(tmp_path, mosquitto().address)
    for command in CERTIFICATES:
        done = one.type(command)
        assert done.returncode == 0, done.stderr
    return one


def publishes(reader, text, command):
    reader.save(text)
    checked = reader.type("postern check -c postern.yaml")
    assert checked.returncode == 0 and "no errors" in checked.stdout + checked.stderr
    process = reader.run()
    try:
        done = reader.type(command)
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE)
    return done.returncode == 0


def test_the_first_configuration_takes_a_client_that_knows_the_root(reader):
    assert publishes(reader, PLAIN, NO_CERTIFICATE)


def test_the_second_takes_who_shows_the_certificate_of_its_name(reader):
    assert publishes(reader, OWN_NAME, WITH_CERTIFICATE)
    assert not publishes(reader, OWN_NAME, NO_CERTIFICATE)
    explained = reader.type(EXPLAIN)
    assert explained.returncode == 3 and "does not allow the client id" in explained.stdout
