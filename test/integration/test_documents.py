# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents show is true."""

import pathlib
import re
import shutil
import subprocess

import pytest

from postern import BINARY, ROOT

BLOCKS = [pytest.param(block, id=f"{path.name}-{number}")
          for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
          for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text(),
                                                    re.M | re.S), 1)
          if block.startswith("listeners:")]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    directory = tmp_path_factory.mktemp("documents")
    subprocess.run([BINARY, "certs", "init", directory / "certs"], check=True, capture_output=True)
    for file in (directory / "certs").glob("*.*"):
        shutil.copy(file, directory)
    return directory


def check(file):
    return subprocess.run([BINARY, "check", "-c", file], capture_output=True, text=True)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_whole_configuration_in_a_document_passes_check(home, block):
    file = home / "shown.yaml"
    file.write_text(block)
    done = check(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_whole_configurations_in_the_documents():
    assert len(BLOCKS) >= 3


def test_the_configuration_of_the_compose_file_passes_check(home):
    file = shutil.copy(ROOT / "deploy/compose/postern.yaml", home)
    done = check(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_man_page_names_every_command():
    page = (ROOT / "deploy/man/postern.1").read_text().replace("\\-", "-")
    told = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  (\w+) ", told, re.M)
    assert len(commands) >= 6
    for command in commands:
        assert re.search(rf"^\.(TP\n\.)?(B|BI|B) \"?{command}\b", page, re.M), command


def test_an_installation_has_binary_man_page_unit_and_examples(tmp_path):
    build = pathlib.Path(BINARY).parent
    done = subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert {"bin/postern", "share/man/man1/postern.1", "lib/systemd/system/postern.service", "lib/systemd/system/postern.socket",
            "share/doc/postern/examples/minimal.yaml"} <= installed
    assert subprocess.run([tmp_path / "bin/postern", "version"]).returncode == 0
