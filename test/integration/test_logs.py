# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: its fields, its rotation, and that it never gets in the way of the clients."""

import json
import os
import re
import signal
import ssl
import subprocess
import threading

import pytest

import mqtt_packets as mqtt
from postern import BINARY, DEADLINE, SANITIZED, TlsClient, wait_until

ACCESS = {"time", "level", "message", "listener", "source", "server_name", "tls", "cipher", "group",
          "resumed", "certificate_subject", "certificate_fingerprint", "mqtt", "client_id",
          "username", "rule", "backend", "server", "bytes_in", "bytes_out", "packets_in", "packets_out", "duration_ms",
          "reason"}
CERTIFIED = [{"name": "p", "rules": [{"name": "certified", "match": {"certificate": "present"}}]}]


@pytest.fixture
def certified(start, pki):
    """Only clients with a certificate are admitted; the log is JSON."""
    def make(**options):
        return start(policies=CERTIFIED, log={"format": "json", **options},
                     tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem")})
    return make


def objects(postern):
    """What the log says after the start; all of it has to be JSON."""
    lines = [line for line in postern.log if "warning:" not in line and line != "postern: ready\n"]
    assert all(line.endswith("\n") for line in lines)
    return [json.loads(line) for line in lines]


def test_every_line_of_a_json_log_is_an_object_with_the_same_beginning(certified):
    postern = certified(level="debug")
    with postern.client(identity="sensor-1") as client:
        client.connect("x\n\u00e9\u2028\"\\", username="u\t\"")
    with postern.client() as client:
        assert client.connect("stranger\x1b[31m").code == 5
    with postern.client(identity="sensor-1") as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.expect_close()
    with postern.raw() as client:
        client.sendall(b"\x16\x03\x01\xff\xff no TLS \x00\xff")
        client.recv(100)
    with pytest.raises(ssl.SSLError):
        postern.client(ca="server-rsa.crt")
    postern.wait_log("handshake failed.*unknown_ca")
    postern.stop()
    found = objects(postern)
    assert {"session closed", "client refused", "handshake failed", "stopped"} <= {
        line["message"] for line in found}
    for line in found:
        assert list(line)[:3] == ["time", "level", "message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("debug", "info", "warn", "error")


def test_an_access_line_says_all_that_is_known_of_a_session(certified, pki):
    postern = certified()
    with postern.client(5, identity="sensor-1", version="1.3") as client:
        client.connect("meter", username="u")
        client.subscribe("t", 0)
        client.send(mqtt.publish(5, "t", "payload"))
        client.expect(mqtt.PUBLISH)
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    line = json.loads(postern.wait_log("session closed"))
    assert ACCESS <= set(line)
    wanted = {"level": "info", "listener": "test", "server_name": "localhost", "tls": "1.3",
              "resumed": False, "mqtt": "5", "client_id": "meter", "username": "u",
              "rule": "certified", "packets_in": 4, "packets_out": 3}
    assert {key: line[key] for key in wanted} == wanted
    assert "CN=sensor-1" in line["certificate_subject"]
    told = pki.openssl("x509", "-in", pki.path("sensor-1.crt"), "-noout", "-fingerprint", "-sha256")
    assert line["certificate_fingerprint"].lower() == told.split("=")[1].strip().replace(":", "").lower()
    assert line["bytes_in"] > 0 and line["bytes_out"] > 0 and line["duration_ms"] >= 0


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_secrets_and_control_characters_stay_out_of_the_log(start, log_format):
    postern = start(log={"format": log_format, "level": "debug"})
    with postern.client() as client:
        client.connect("evil\x1b[2J\nclient_id=admin", username="bob", password="hunter2")
        client.subscribe("t", 0)
        client.send(mqtt.publish(4, "t", "hunter3"))
        client.expect(mqtt.PUBLISH)
    postern.wait_log("session closed.*evil")
    postern.stop()
    assert "hunter" not in postern.text
    assert "\x1b" not in postern.text
    assert not any(line.startswith("client_id=admin") for line in postern.log)


def test_lines_are_neither_lost_nor_torn_by_a_rotation(start, tmp_path):
    log, old = tmp_path / "postern.log", tmp_path / "postern.log.1"
    postern = start(log={"file": str(log), "format": "json"})
    clients = 20 if SANITIZED else 60

    def visit(first):
        for number in range(first, first + clients // 2):
            with postern.client() as client:
                client.connect(f"visitor-{number}")

    visit(0)
    log.rename(old)
    postern.process.send_signal(signal.SIGUSR1)
    wait_until(log.exists, "the new file")
    visit(clients // 2)
    postern.stop()
    lines = [json.loads(line) for file in (old, log) for line in file.read_text().splitlines()]
    ids = [line["client_id"] for line in lines if line["message"] == "session closed"]
    assert sorted(ids) == sorted(f"visitor-{number}" for number in range(clients))
    assert '"stopped"' in log.read_text() and '"stopped"' not in old.read_text()


def test_a_log_that_cannot_be_opened_again_stays_in_use(start, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log, moved = folder / "postern.log", tmp_path / "moved"
    postern = start(log={"file": str(log)})
    folder.rename(moved)
    postern.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: "log file not reopened" in (moved / "postern.log").read_text(), "the error")
    with postern.client() as client:
        assert client.connect("served").code == 0


def test_sighup_does_not_end_the_process(start):
    postern = start()
    with postern.client() as client:
        client.connect("stays")
        postern.process.send_signal(signal.SIGHUP)
        postern.wait_log("SIGHUP")
        client.ping()
        with postern.client() as other:
            assert other.connect("comes").code == 0


class Unread:
    """A Postern whose standard error is a pipe that nobody reads once it is ready."""

    def __init__(self, postern):
        self.reader, writer = os.pipe()
        self.process = subprocess.Popen([BINARY, "run", "-c", str(postern.file)], stderr=writer)
        os.close(writer)
        self.said = b""
        while b"postern: ready\n" not in self.said:
            more = os.read(self.reader, 4096)
            assert more, self.said
            self.said += more

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE) == 0

    def rest(self):
        """What is in the pipe, after the end."""
        said = b""
        while more := os.read(self.reader, 65536):
            said += more
        return said.decode()


def serve(postern, clients, threads=8):
    """How many of `clients` connected and came to an echo of their ping."""
    context = postern.context(version="1.3")
    served = []

    def some(first):
        for number in range(first, clients, threads):
            with TlsClient(postern.port, 4, context, "localhost", None, DEADLINE) as client:
                if client.connect(f"c-{number}", username="u" * 200).code == 0 and client.ping():
                    served.append(number)

    running = [threading.Thread(target=some, args=(first,)) for first in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return len(served)


@pytest.fixture
def unread(start):
    postern = start()
    postern.stop()  # its configuration and its clients are what is needed
    made = Unread(postern)
    yield postern, made
    made.process.kill()
    made.process.wait()


def test_a_full_pipe_of_the_log_never_blocks_the_clients(unread):
    postern, process = unread
    clients = 400 if SANITIZED else 2000  # 64 KiB are full after some 150 lines
    assert serve(postern, clients) == clients
    process.end()
    lines = process.rest().splitlines()
    assert 0 < len(lines) < clients
    assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in lines)  # none is torn


def test_a_log_that_has_room_again_says_how_many_lines_were_lost(unread):
    postern, process = unread
    assert serve(postern, 400) == 400
    os.read(process.reader, 65536)
    assert serve(postern, 5) == 5
    process.end()
    lost = re.search(r"log lines were lost.* lines=(\d+)", process.rest())
    assert lost and int(lost.group(1)) > 0


def test_a_log_whose_reader_is_gone_does_not_end_the_process(unread):
    postern, process = unread
    os.close(process.reader)
    assert serve(postern, 50) == 50
    process.end()


def test_a_log_that_cannot_be_opened_for_want_of_descriptors_is_tried_again(start, tmp_path):
    log, old = tmp_path / "postern.log", tmp_path / "postern.log.1"
    postern = start(log={"file": str(log)})
    log.rename(old)
    with postern.without_descriptors():
        postern.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "log file not reopened" in old.read_text(), "the error")
        assert not log.exists()
    wait_until(lambda: log.exists() and "log file reopened" in log.read_text(), "the next try")
