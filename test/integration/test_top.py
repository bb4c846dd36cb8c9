# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern top`: the same as the page, in a terminal."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import termios

import pytest

from admin import with_admin
from postern import BINARY, DEADLINE, free_port, wait_until


@pytest.fixture
def shown(start, pki):
    return with_admin(start, policies=[{"name": "fleet", "rules": [
        {"name": "new", "require": {"tls_version": "1.3"}}]}],
        backends=[{"name": "local", "builtin_broker": True},
                  {"name": "dead", "servers": [f"127.0.0.1:{free_port()}"], "health_check": {"interval": "100ms"}}],
        listener={"backend": "local"})


def once(postern):
    done = subprocess.run([BINARY, "top", "-c", postern.file, "--once"], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_one_picture_has_numbers_reasons_backends_and_certificates(shown):
    with shown.client(5, version="1.3") as one, shown.client(5, version="1.2") as two:
        one.connect("admitted")
        assert two.connect("<refused>\x1b[31m\u0085").code == 0x87
        wait_until(lambda: re.search(r"^dead +127\.0\.0\.1:\d+ +down +.* 0 .*connection refused$", once(shown),
                                     re.M), "the check")
        picture = once(shown)
    assert re.search(r"^connections now +\d", picture, re.M) and "\nready\n" in picture
    assert re.search(r"^handshakes finished +2 +(-|\d\.\d) +[02]$", picture, re.M)
    assert re.search(r"^clients refused +1 +(-|\d\.\d) +[01]$", picture, re.M)
    assert re.search(r"^TLS +1\.[23] 1, 1\.[23] 1$", picture, re.M)
    assert re.search(r"^refused for +tls_version 1( \(\+1\))?$", picture, re.M)
    assert re.search(r"^local +builtin +up +- +1 ", picture, re.M)
    assert re.search(r"^test +(29|30)  CN=localhost", picture, re.M)
    line = re.search(r"^\d\d:\d\d:\d\d 127\.0\.0\.1:\d+ <refused>.*tls_version: .*requires TLS 1\.3.*$", picture, re.M)
    assert line and "\x1b" not in picture and "\\x1b[31m" in line[0]


def test_alike_refusals_are_one_line_and_the_last_minutes_have_a_column(shown):
    for number in range(5):
        with shown.client(5, version="1.2") as client:
            assert client.connect(f"old-{number}").code == 0x87
    wait_until(lambda: re.search(r"^clients refused +5 +\d\.\d +5$", once(shown), re.M), "a sample")
    picture = once(shown)
    assert re.search(r"^refused for +tls_version 5 \(\+5\)$", picture, re.M)
    assert re.search(r" old-4 and 4 like it, tls_version: ", picture) and "old-3" not in picture
    assert re.search(r"^test +127\.0\.0\.1:\d+ +\d+ +100000$", picture, re.M)


def test_refreshes_in_a_terminal_with_rates_and_fits_it(shown):
    master, slave = pty.openpty()
    size = (24).to_bytes(2, "little") + (60).to_bytes(2, "little") + bytes(4)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    process = subprocess.Popen([BINARY, "top", "-c", shown.file], stdout=slave, stderr=slave,
                               env={**os.environ, "NO_COLOR": "1"})
    os.close(slave)
    seen = ""
    while seen.count("\x1b[H\x1b[2J") < 3:
        seen += os.read(master, 4096).decode()
    second = seen.split("\x1b[H\x1b[2J")[2].replace("\r", "")
    assert re.search(r"^handshakes finished +0 +0\.0 +0$", second, re.M)
    assert all(len(line) <= 60 for line in second.split("\n")) and second.count("\n") <= 23
    shown.stop()
    while "trying again" not in seen:
        seen += os.read(master, 4096).decode()
    assert "no Postern answers on 127.0.0.1" in seen and process.poll() is None
    process.terminate()  # SIGINT may be ignored where these tests run in the background
    assert process.wait(DEADLINE) == -signal.SIGTERM
    os.close(master)


def test_a_postern_that_does_not_run_is_said(shown):
    shown.stop()
    done = subprocess.run([BINARY, "top", "-c", shown.file, "--once"], capture_output=True, text=True)
    assert done.returncode == 1 and "no Postern answers on 127.0.0.1" in done.stderr
