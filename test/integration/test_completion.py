# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shells offer after `postern` is what --help tells."""

import os
import pathlib
import re
import subprocess

import pytest

from postern import BINARY, DEADLINE, ROOT
from test_documents import COMMANDS, spoken

pytestmark = pytest.mark.release_only
FOLDER = ROOT / "deploy/completion"


def bash(*words):
    script = f"""
source {FOLDER}/postern.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postern; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return ["bash", "-c", script, "bash", "postern", *words]


def fish(*words):
    line = " ".join(["postern", *words])
    return ["fish", "--no-config", "-c", f"source {FOLDER}/postern.fish; complete -C '{line}'"]


def zsh(*words):
    """The function alone, with the builtins that only work in the line editor replaced."""
    script = """
compadd() { print -l -- $@ }
_files() { print -l -- * }
_describe() { print -l -- ${${(P)2}%%:*} }
words=("$@"); CURRENT=$#; PREFIX=$words[CURRENT]
complete() { source """ + f"{FOLDER}/_postern; }}\ncomplete"
    return ["zsh", "-f", "-c", script, "zsh", "postern", *words]


def offered(shell, *words):
    path = f"{pathlib.Path(BINARY).parent}:{os.environ['PATH']}"
    done = subprocess.run(shell(*words), capture_output=True, text=True, timeout=DEADLINE, check=True,
                          env={**os.environ, "PATH": path, "HOME": "/nonexistent"})
    assert done.stderr == "", done.stderr
    found = {line.split("\t")[0] for line in done.stdout.splitlines() if line}
    last = words[-1]
    return {word for word in found if word.startswith(last)}


@pytest.fixture(params=[bash, zsh, fish])
def shell(request):
    return request.param


def listed(*command):
    told = subprocess.run([BINARY, *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  ([a-z]+) ", told, re.M))


def test_the_commands(shell):
    assert offered(shell, "") >= listed() and len(listed()) == 12
    assert offered(shell, "ch") == {"check"}


def test_the_actions_of_certs(shell):
    assert offered(shell, "certs", "") >= listed("certs") and len(listed("certs")) == 6


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_of_a_command(shell, command):
    assert offered(shell, *command.split(), "--") == spoken(command.split())


def test_values_that_are_known(shell):
    assert offered(shell, "explain", "--tls", "1") == {"1.2", "1.3"}
    assert offered(shell, "explain", "--mqtt", "3") == {"3.1", "3.1.1"}


def test_files_where_a_file_is_expected(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yaml").write_text("")
    assert offered(shell, "check", "-c", "fl") == {"fleet.yaml"}
