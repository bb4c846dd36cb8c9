# SPDX-License-Identifier: GPL-3.0-or-later
"""Where `postern broker` listens, and how it leaves."""

import signal
import socket
import subprocess

import mqtt_packets as mqtt
from postern import BINARY, DEADLINE


def test_a_unix_socket_serves_too(tmp_path):
    path = tmp_path / "socket"
    process = subprocess.Popen([BINARY, "broker", "--listen", f"unix:{path}"],
                               stderr=subprocess.PIPE, text=True)
    assert any("ready" in line for line in process.stderr)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(mqtt.connect(4, "unix"))
        assert client.recv(100) == b"\x20\x02\x00\x00"
    process.terminate()
    assert process.wait(DEADLINE) == 0


def test_a_unix_socket_that_a_killed_broker_left_is_taken_over(tmp_path):
    command = [BINARY, "broker", "--listen", f"unix:{tmp_path / 'socket'}"]
    for _ in range(2):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert any("ready" in line for line in process.stderr)
        second = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert second.returncode == 1 and "in use" in second.stderr
        process.kill()
        process.wait(DEADLINE)


def test_a_file_of_comments_alone_changes_nothing(tmp_path):
    (tmp_path / "broker.yaml").write_text("# retain: false\n")
    process = subprocess.Popen([BINARY, "broker", "--listen", "127.0.0.1:0", "-c",
                                str(tmp_path / "broker.yaml")], stderr=subprocess.PIPE, text=True)
    assert any("ready" in line for line in process.stderr)
    process.terminate()
    assert process.wait(DEADLINE) == 0


def test_an_address_that_is_none_is_refused():
    for address in ("nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":1"):
        ended = subprocess.run([BINARY, "broker", "--listen", address], stderr=subprocess.PIPE,
                               text=True, timeout=DEADLINE, check=False)
        assert ended.returncode == 1
        assert "an address is HOST:PORT" in ended.stderr


def test_an_address_in_use_is_told(broker):
    ended = subprocess.run([BINARY, "broker", "--listen", f"localhost:{broker.port}"],
                           stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False)
    assert ended.returncode == 1
    assert "in use" in ended.stderr


def test_clients_are_told_that_the_broker_stops(limited, name):
    broker = limited("")
    with broker.raw(5) as client:
        client.connect(name)
        broker.process.send_signal(signal.SIGINT)
        assert client.expect(mqtt.DISCONNECT).reason == 0x8B
        client.expect_close()
    assert broker.process.wait(DEADLINE) == 0
