# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client has said in confidence is not kept longer than it is needed."""

import os
import re
import subprocess

import pytest

import mqtt_packets as mqtt
from postern import BINARY

pytestmark = pytest.mark.release_only  # sanitizers keep what was freed

SECRET = "correct horse battery staple 4711"


def copies(process, text):
    """How often the memory of a process holds it."""
    found = 0
    with open(f"/proc/{process.pid}/maps") as maps, open(f"/proc/{process.pid}/mem", "rb", 0) as memory:
        for start, end in re.findall(r"^(\w+)-(\w+) rw", maps.read(), re.M):
            memory.seek(int(start, 16))
            found += memory.read(int(end, 16) - int(start, 16)).count(text.encode())
    return found


@pytest.fixture
def with_password(start, tmp_path):
    users = tmp_path / "users"
    subprocess.run([BINARY, "passwd", users, "ann", "--stdin"], input=SECRET + "\n", text=True, check=True, capture_output=True)
    return start(workers=1, backends=[{"builtin_broker": {"password_file": str(users)}}])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks into the memory of another process")
@pytest.mark.parametrize("pieces", [1, 3])
def test_no_password_stays_in_memory_once_the_client_is_in(with_password, pieces):
    postern = with_password
    with postern.client(4) as client:
        packet = mqtt.connect(4, "x", username="ann", password=SECRET)
        step = -(-len(packet) // pieces)
        for at in range(0, len(packet), step):
            client.send(packet[at:at + step])
        assert client.expect(mqtt.CONNACK).code == 0
        for _ in range(4):  # the buffers of all clients are written over by what comes next
            client.send(mqtt.publish(4, "t", bytes(2000)))
            client.ping()
        assert copies(postern.process, SECRET[5:-5]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks into the memory of another process")
def test_no_password_stays_where_a_packet_grew_that_began_behind_its_connect(with_password):
    with with_password.client(4) as client:
        packet = mqtt.publish(4, "t", bytes(20_000))
        client.send(mqtt.connect(4, "x", username="ann", password=SECRET) + packet[:5])
        assert client.expect(mqtt.CONNACK).code == 0
        client.send(packet[5:])
        for _ in range(4):  # as above
            client.send(mqtt.publish(4, "t", bytes(2000)))
            client.ping()
        assert copies(with_password.process, SECRET[5:-5]) == 0
