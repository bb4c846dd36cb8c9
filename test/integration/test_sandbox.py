# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running Postern has taken from itself. The other tests show that it lacks nothing."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from postern import BINARY, DEADLINE, free_port, wait_until
from reloads import change, join, loads

pytestmark = pytest.mark.release_only  # no sandbox is built with a sanitizer, which the log says

# Executes the rest of its command line without landlock_create_ruleset (444 on every machine): a
# seccomp filter that lets it fail with ENOSYS, as an older kernel does.
OLD_KERNEL = """
import ctypes, os, struct, sys
code = b"".join(struct.pack("HBBI", *one) for one in [
    (0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7fff0000)])
held = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HxxxxxxP", 4, ctypes.addressof(held))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def told(postern):
    return postern.wait_log(r"info  sandbox ")


def statuses(postern):
    return [file.read_text() for file in pathlib.Path(f"/proc/{postern.process.pid}/task").glob("*/status")]


def field(status, name):
    return re.search(rf"^{name}:\s*(\S+)", status, re.M).group(1)


def test_it_is_on_by_default_in_every_thread(start):
    postern = start(workers=2)
    join(postern, None, "x").close()
    assert "system_calls=seccomp" in told(postern)
    assert "landlock" in told(postern) or "not in this kernel" in told(postern)
    assert 'keys="locked in memory"' in told(postern) or "LimitMEMLOCK" in told(postern)
    assert len(statuses(postern)) >= 4, "the main one, two workers, the included broker"
    for status in statuses(postern):
        assert field(status, "Seccomp") == "2" and field(status, "NoNewPrivs") == "1"
        allowed = 1 << 1 | 1 << 2 | 1 << 10  # files of others and low ports, if it had that right
        assert int(field(status, "CapEff"), 16) & ~allowed == 0
        assert int(field(status, "CapPrm"), 16) & ~allowed == 0
    limits = pathlib.Path(f"/proc/{postern.process.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_nobody_looks_into_the_memory_of_a_process_that_has_dropped_root(start):
    postern = start(user="nobody")
    process = pathlib.Path(f"/proc/{postern.process.pid}")
    assert field((process / "status").read_text(), "Uid") == str(pwd.getpwnam("nobody").pw_uid)
    assert (process / "mem").stat().st_uid == 0  # not its own: it is not dumpable
    join(postern, None, "x").close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_only_root_can_read_is_said_at_the_start_and_not_when_it_is_renewed(start, own):  # noqa: F811
    key = own.path("server.key")
    os.chmod(key, 0o600)
    postern = start(pki=own, user="nobody")
    line = postern.wait_log(r"will not be able to read.*server\.key")
    assert str(key) in line and "user=nobody" in line
    join(postern, None, "x").close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_log_file_is_opened_again_by_the_user_that_it_became(start):
    user = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are root's alone
        os.chmod(folder, 0o755)
        log = pathlib.Path(folder, "postern.log")
        postern = start(user="nobody", log={"file": str(log)})
        assert log.stat().st_uid == user.pw_uid
        log.rename(log.with_suffix(".1"))
        log.touch(0o640)
        os.chown(log, user.pw_uid, user.pw_gid)  # as `create` of logrotate does
        postern.process.send_signal(signal.SIGUSR1)

        def reopened():
            join(postern, None, "x").close()
            return "session closed" in log.read_text()
        wait_until(reopened, "a line in the new file")
        postern.stop()


@pytest.fixture
def theirs():
    """A directory in which `nobody` may do what it likes, and one beside it that is root's."""
    user = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are root's alone
        os.chmod(folder, 0o755)
        own, roots = pathlib.Path(folder, "own"), pathlib.Path(folder, "roots")
        own.mkdir()
        roots.mkdir()
        os.chown(own, user.pw_uid, user.pw_gid)
        yield own, roots


def not_started(tmp_path, log):
    """What `run` says, with that log file."""
    file = tmp_path / "refused.yaml"
    made = subprocess.run([BINARY, "certs", "init", tmp_path / "pki", "--name", "localhost"], check=False)
    assert made.returncode == 0
    file.write_text(f"user: nobody\nlog: {{ file: {log} }}\nlisteners:\n  - address: 127.0.0.1:{free_port()}\n"
                    f"    tls: {{ certificate: {tmp_path}/pki/broker.pem, private_key: {tmp_path}/pki/broker.key }}\n"
                    "backends: [ { builtin_broker: true } ]\n")
    done = subprocess.run([BINARY, "run", "-c", file], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1, done
    return done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("how", ["file", "hard link", "directory", "new file"])
def test_root_follows_no_link_of_the_user_that_it_will_become(theirs, tmp_path, how):
    own, roots = theirs
    secret = roots / "secret"
    if how != "new file":
        secret.write_text("root's\n")
        os.chmod(secret, 0o644)
    log = own / "postern.log"
    if how == "hard link":
        os.link(secret, log)
    elif how == "directory":
        (own / "inner").symlink_to(roots)
        log = own / "inner" / "secret"
    else:
        log.symlink_to(secret)
    said = not_started(tmp_path, log)
    assert "could have put a link in its place" in said and str(log) in said and "nobody" in said
    if how == "new file":
        assert not secret.exists()
    else:
        assert secret.read_text() == "root's\n" and secret.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_links_of_root_are_followed_to_the_log(start, theirs):
    own, roots = theirs
    (roots / "data").symlink_to(own)
    postern = start(user="nobody", log={"file": str(roots / "data" / "postern.log")})
    assert (own / "postern.log").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    postern.stop()
    (roots / "inner").mkdir()
    (roots / "link").symlink_to("inner")
    postern = start(user="nobody", log={"file": str(roots / "link" / ".." / "link" / "new.log")})
    assert "started" in (roots / "inner" / "new.log").read_text()
    assert (roots / "inner" / "new.log").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    postern.stop()
    (roots / "stderr.log").symlink_to("/dev/stderr")
    for log in ("/dev/stderr", str(roots / "stderr.log")):
        postern = start(user="nobody", log={"file": log})
        assert postern.wait_log("started")
        postern.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root serves as root")
def test_serving_as_root_is_warned_of(start):
    assert start().wait_log("serves as root")


@pytest.mark.parametrize("words,files,calls", [
    ("off", "off", "off"), ("files", "landlock", "off"), ("system_calls", "off", "seccomp")])
def test_each_part_can_be_switched_off(start, words, files, calls):
    postern = start(sandbox=words)
    line = told(postern)
    assert f"system_calls={calls}" in line
    assert files in line or "not in this kernel" in line
    assert {field(status, "Seccomp") for status in statuses(postern)} == {"2" if calls == "seccomp" else "0"}
    join(postern, None, "x").close()


def test_a_file_outside_of_what_was_named_at_the_start_needs_a_restart_or_an_upgrade(upgrading, own,  # noqa: F811
                                                                                     tmp_path):
    postern, upgrade = upgrading(pki=own, watch=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("server.pem", "server.key"):
        shutil.copy(own.path(name), elsewhere)
    change(postern, lambda config: config["listeners"][0]["tls"].update(
        certificate=str(elsewhere / "server.pem"), private_key=str(elsewhere / "server.key")))
    postern.process.send_signal(signal.SIGHUP)
    if "not in this kernel" in told(postern):
        postern.wait_log("configuration loaded")
    else:
        line = postern.wait_log("not loaded, the old one stays")
        assert "elsewhere/server.pem: Permission denied" in line
        assert "restart Postern, or send it SIGUSR2" in line
    join(postern, None, "x").close()
    upgrade()
    upgrade.end(0)
    join(postern, None, "y").close()


def test_a_unix_socket_outside_of_what_was_named_needs_that_too(start, own, tmp_path):  # noqa: F811
    postern = start(pki=own, watch=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    change(postern, lambda config: config["listeners"].append(
        config["listeners"][0] | {"name": "second", "address": f"unix:{elsewhere}/door.sock"}))
    postern.process.send_signal(signal.SIGHUP)
    if "not in this kernel" in told(postern):
        postern.wait_log("configuration loaded")
    else:
        line = postern.wait_log("not loaded, the old one stays")
        assert "door.sock: Permission denied" in line and "1024" not in line
        assert "restart Postern, or send it SIGUSR2" in line


def test_files_beside_those_that_were_named_may_come(start, own):  # noqa: F811
    """A new file of another name, and one in a new directory beneath, as mounted secrets have it."""
    postern = start(pki=own)
    own.server("second", "localhost")
    change(postern, lambda config: config["listeners"][0]["tls"].update(
        certificate=own.path("second.pem"), private_key=own.path("second.key")))
    wait_until(lambda: loads(postern) == 1, "the second certificate")
    new = own.base / "new"
    new.mkdir()
    for name in ("server.pem", "server.key"):
        shutil.copy(own.path(name), new)
    change(postern, lambda config: config["listeners"][0]["tls"].update(
        certificate=str(new / "server.pem"), private_key=str(new / "server.key")))
    wait_until(lambda: loads(postern) == 2, "the certificate in a new directory")
    join(postern, None, "x").close()


def test_a_kernel_without_landlock_is_told_and_serves(start):
    postern = start(wrapper=[sys.executable, "-c", OLD_KERNEL])
    assert 'files="not in this kernel"' in told(postern)
    assert "system_calls=seccomp" in told(postern)
    join(postern, None, "x").close()
