# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern health`: what a container's health check asks."""

import signal
import subprocess

import pytest

from admin import with_admin
from postern import BINARY, DEADLINE, free_port, wait_until


def health(file, *options):
    done = subprocess.run([BINARY, "health", "-c", file, *options], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_postern_that_serves_is_ready_and_alive(start):
    postern = with_admin(start)
    assert health(postern.file) == (0, "ready\n", "")
    assert health(postern.file, "--alive") == (0, "ok\n", "")


def test_one_without_a_broker_is_alive_and_says_why_it_is_not_ready(start):
    dead = {"servers": [f"127.0.0.1:{free_port()}"], "health_check": {"interval": "100ms"}}
    postern = with_admin(start, backends=[dead])
    wait_until(lambda: health(postern.file) == (1, "no server of any backend answers\n", ""), "the check")
    assert health(postern.file, "--alive")[0] == 0


def test_one_that_drains_is_alive_to_the_end(start):
    postern = with_admin(start, drain={"delay": "1h", "timeout": "1s"})
    postern.process.send_signal(signal.SIGTERM)
    wait_until(lambda: health(postern.file) == (1, "draining\n", ""), "the drain")
    assert health(postern.file, "--alive")[0] == 0
    postern.process.send_signal(signal.SIGTERM)
    postern.process.wait(DEADLINE)
    code, out, err = health(postern.file, "--alive")
    assert (code, out) == (1, "") and "no Postern answers on 127.0.0.1" in err


def test_over_a_unix_socket_too(start, tmp_path):
    postern = start(admin={"address": f"unix:{tmp_path}/admin.sock"})
    assert health(postern.file) == (0, "ready\n", "")


@pytest.mark.parametrize("options", [(), ("--alive",)])
def test_without_an_admin_address_it_says_how_to_have_one(start, options):
    code, out, err = health(start().file, *options)
    assert (code, out) == (1, "") and "admin: { address:" in err
