# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect to the included broker, and what nobody may subscribe to; alone and inside Postern."""

import os
import pty
import select
import signal
import subprocess
import time

import pytest

import mqtt_packets as mqtt
from postern import BINARY, DEADLINE, SANITIZED, Broker


def passwd(file, name, password, *options):
    return subprocess.run([BINARY, "passwd", str(file), name, *options], input=password, text=True,
                          capture_output=True)


@pytest.fixture
def users(tmp_path):
    file = tmp_path / "users"
    for name, password in (("ann", "correct horse"), ("bob", "swordfish")):
        done = passwd(file, name, password + "\n", "--stdin")
        assert done.returncode == 0, done.stderr
    return file


@pytest.fixture
def broker(tmp_path, users):
    running = []

    def start(more=""):
        running.append(Broker(tmp_path, f"password_file: {users.name}\n{more}"))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def log_in(broker, version, username, password, client_id="c"):
    client = broker.raw(version)
    client.socket.settimeout(DEADLINE)
    return client, client.connect(client_id, username=username, password=password).code


def test_passwd_keeps_salted_hashes_in_a_file_of_its_owner_alone(users):
    lines = users.read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["ann", "bob"]
    assert all(line.split(":")[1].startswith("$argon2id$v=19$m=19456,t=2,p=1$") for line in lines)
    assert "horse" not in users.read_text()
    assert users.stat().st_mode & 0o7777 == 0o600
    before = users.read_text()
    assert passwd(users, "ann", "correct horse\n", "--stdin").returncode == 0
    assert users.read_text() != before, "the salt has to be a new one"
    assert [file.name for file in users.parent.iterdir()] == ["users"]


def test_passwd_removes_users_and_says_what_it_will_not_do(users):
    assert passwd(users, "ann", "", "--delete").returncode == 0
    assert users.read_text().startswith("bob:")
    for name, password, options, said in [
            ("ann", "", ["--delete"], "there is no user ann"),
            ("a:b", "x\n", ["--stdin"], "without a colon"),
            ("ann", "\n", ["--stdin"], "empty"),
            ("ann", "", ["--stdin"], "no password was given")]:
        done = passwd(users, name, password, *options)
        assert done.returncode == 1 and said in done.stderr, done.stderr
    done = subprocess.run([BINARY, "passwd", users], capture_output=True, text=True)
    assert done.returncode == 2 and "FILE USERNAME" in done.stderr
    assert users.read_text().count("\n") == 1


def test_passwd_asks_on_the_terminal_without_echo(users):
    child, terminal = pty.fork()
    if child == 0:
        os.execv(BINARY, [BINARY, "passwd", str(users), "eve"])
    shown = b""
    answers = {b"Password: ": b"open sesame\n", b"Again: ": b"open sesame\n"}
    while select.select([terminal], [], [], DEADLINE)[0]:
        try:
            shown += os.read(terminal, 1000)
        except OSError:
            break  # the terminal has been closed
        for prompt in [prompt for prompt in answers if shown.endswith(prompt)]:
            os.write(terminal, answers.pop(prompt))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
    assert b"sesame" not in shown
    assert "eve:$argon2id$" in users.read_text()


@pytest.mark.parametrize("version", [3, 4, 5])
def test_only_the_right_password_of_a_user_is_let_in(broker, version):
    running = broker()
    wrong = 0x86 if version == 5 else 4
    assert log_in(running, version, "ann", "correct horse")[1] == 0
    for username, password in [("ann", "swordfish"), ("ann", ""), ("nobody", "swordfish"), ("", "x")]:
        client, code = log_in(running, version, username, password)
        assert code == wrong, (username, password)
        client.expect_close()
    running.wait_log("client refused", "username=nobody", "wrong user name or password")
    assert not any("swordfish" in line for line in running.log)


@pytest.mark.parametrize("version", [4, 5])
def test_who_names_no_user_is_not_authorized(broker, version):
    running = broker()
    client = running.raw(version)
    assert client.connect("anonymous").code == (0x87 if version == 5 else 5)
    client.expect_close()
    running.wait_log("client refused", "client_id=anonymous", "a user name and a password are required")


def test_what_follows_the_connect_waits_for_the_login(broker):
    running = broker()
    client = running.raw(4)
    client.send(mqtt.connect(4, "eager", username="ann", password="correct horse"),
                mqtt.subscribe(4, 7, ("t", 0)), mqtt.publish(4, "t", "hello"))
    assert client.expect(mqtt.CONNACK).code == 0
    assert client.expect(mqtt.SUBACK).packet_id == 7
    assert client.expect(mqtt.PUBLISH).payload == b"hello"


def test_logins_delay_nobody_who_is_connected_and_too_many_are_told_busy(broker):
    """560 clients at once: 2 are hashed, 512 wait, the others are refused at once."""
    running = broker()
    talker, code = log_in(running, 5, "bob", "swordfish", "talker")
    assert code == 0
    crowd = [running.raw(5) for _ in range(560)]
    for number, client in enumerate(crowd):
        client.send(mqtt.connect(5, f"crowd-{number}", username="ann", password="wrong"))
    slowest = 0
    for _ in range(50):
        began = time.monotonic()
        talker.ping()
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < (2 if SANITIZED else 0.25), "a login must not block the loop"
    running.wait_log("client refused", "too many clients are logging in")
    busy = [client for client in crowd[514:] if client.expect(mqtt.CONNACK).code == 0x89]
    assert len(busy) >= 560 - 514 - 20, "a few may have found room that another login left"
    for client in crowd:
        client.close()


def test_a_client_that_leaves_while_it_waits_does_no_harm(broker):
    running = broker()
    for number in range(30):
        client = running.raw(4)
        client.send(mqtt.connect(4, f"gone-{number}", username="ann", password="correct horse"))
        client.close()
    assert log_in(running, 4, "ann", "correct horse")[1] == 0


def test_a_stop_waits_for_no_login(broker):
    running = broker()
    clients = [running.raw(4) for _ in range(100)]
    for number, client in enumerate(clients):
        client.send(mqtt.connect(4, f"late-{number}", username="ann", password="correct horse"))
    running.stop(clients_stay=True)


def test_sighup_reads_the_users_again_and_ends_those_who_are_gone(broker, users):
    running = broker()
    ann, code = log_in(running, 5, "ann", "correct horse", "ann")
    assert code == 0
    bob, code = log_in(running, 5, "bob", "swordfish", "bob")
    assert code == 0
    assert passwd(users, "ann", "another\n", "--stdin").returncode == 0
    assert passwd(users, "eve", "apple\n", "--stdin").returncode == 0
    running.process.send_signal(signal.SIGHUP)
    assert ann.expect(mqtt.DISCONNECT).reason == 0x87
    bob.ping()
    assert log_in(running, 5, "ann", "correct horse")[1] == 0x86
    assert log_in(running, 5, "eve", "apple")[1] == 0


def test_a_bad_password_file_is_refused_and_the_users_stay(broker, users):
    running = broker()
    users.write_text("ann:plaintext\n")
    running.process.send_signal(signal.SIGHUP)
    running.wait_log("password file not loaded", "line 1")
    assert not any("plaintext" in line for line in running.log)
    assert log_in(running, 4, "ann", "correct horse")[1] == 0
    done = subprocess.run([BINARY, "broker", "--listen", "127.0.0.1:0", "-c",
                           users.parent / "broker.yaml"], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1 and "users: line 1: the hash is none" in done.stderr


def test_without_a_password_file_everybody_is_let_in(tmp_path):
    running = Broker(tmp_path)
    try:
        assert log_in(running, 4, "who", "ever")[1] == 0
        assert running.raw(4).connect("anonymous").code == 0
    finally:
        running.stop()


DENY = "subscribe_deny: [ 'secret/#', 'test/nosubscribe' ]\n"


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("topic", ["secret/a", "secret", "secret/#", "secret/+/b", "test/nosubscribe"])
def test_denied_filters_are_not_subscribed_to(tmp_path, version, topic):
    running = Broker(tmp_path, DENY)
    try:
        client = running.raw(version)
        client.connect("c")
        assert client.subscribe(topic, 1).codes == [0x87 if version == 5 else 0x80]
    finally:
        running.stop()


def test_denied_topics_do_not_come_through_a_wider_subscription(tmp_path):
    running = Broker(tmp_path, DENY)
    try:
        client = running.raw(5)
        client.connect("c")
        client.send(mqtt.publish(5, "secret/a", "kept", retain=True))
        assert client.subscribe("#", 0).codes == [0]
        assert client.subscribe("+/a", 0).codes == [0]
        client.send(mqtt.publish(5, "secret/a", "no"), mqtt.publish(5, "open/a", "yes"))
        assert client.expect(mqtt.PUBLISH).payload == b"yes"
        client.ping()
    finally:
        running.stop()


# ---------------------------------------------------------------------------------- inside Postern


def inside(start, users, pki, **options):
    trusted = pki.path("root.crt")
    return start(backends=[{"builtin_broker": {"password_file": str(users), **options}}],
                 tls={"client_certificate": "optional", "client_ca": trusted},
                 log={"level": "debug"})


def test_passwords_are_asked_for_behind_tls_too(start, users, pki):
    postern = inside(start, users, pki)
    client = postern.client(mqtt=5)
    assert client.connect("c", username="ann", password="swordfish").code == 0x86
    postern.wait_log("client refused .*username=ann.*wrong user name or password")
    client = postern.client(mqtt=5)
    assert client.connect("c", username="ann", password="correct horse").code == 0
    assert "horse" not in postern.text and "swordfish" not in postern.text


@pytest.mark.threads
@pytest.mark.parametrize("version", [4, 5])
def test_a_verified_certificate_is_a_login(start, users, pki, version):
    postern = inside(start, users, pki)
    client = postern.client(mqtt=version, identity="sensor-1")
    assert client.connect("c").code == 0
    postern.wait_log("client connected client_id=c certificate=sensor-1")
    anonymous = postern.client(mqtt=version)
    assert anonymous.connect("d").code == (0x87 if version == 5 else 5)


def test_a_password_beside_a_certificate_is_compared_all_the_same(start, users, pki):
    postern = inside(start, users, pki)
    client = postern.client(mqtt=5, identity="sensor-1")
    assert client.connect("c", username="ann", password="wrong").code == 0x86


def test_certificates_are_no_login_where_passwords_are_asked_of_all(start, users, pki):
    postern = inside(start, users, pki, certificate_login=False)
    client = postern.client(mqtt=5, identity="sensor-1")
    assert client.connect("c").code == 0x87
    client = postern.client(mqtt=5, identity="sensor-1")
    assert client.connect("c", username="bob", password="swordfish").code == 0


@pytest.mark.threads
def test_a_changed_password_file_is_in_force_without_a_signal(start, users, pki):
    postern = inside(start, users, pki)
    ann = postern.client(mqtt=5)
    assert ann.connect("ann", username="ann", password="correct horse").code == 0
    assert passwd(users, "ann", "", "--delete").returncode == 0
    assert ann.expect(mqtt.DISCONNECT).reason == 0x87
    postern.wait_log("configuration loaded")
    assert postern.client(mqtt=5).connect("x", username="ann", password="correct horse").code == 0x86
    users.write_text("nonsense\n")
    postern.wait_log("configuration not loaded")
    assert postern.client(mqtt=5).connect("x", username="bob", password="swordfish").code == 0


def test_check_names_the_line_of_a_bad_password_file(start, users, pki):
    postern = inside(start, users, pki)
    users.write_text("\nann:plaintext\n")
    done = subprocess.run([BINARY, "check", "-c", postern.file], capture_output=True, text=True)
    assert done.returncode == 1
    assert "users: line 2: the hash is none of argon2id" in done.stdout + done.stderr
    assert "plaintext" not in done.stdout + done.stderr
