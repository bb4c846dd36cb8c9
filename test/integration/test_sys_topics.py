# SPDX-License-Identifier: GPL-3.0-or-later
"""The $SYS topics of the included broker, as Mosquitto's users know them."""

import re
import subprocess

import pytest

import mqtt_packets as mqtt
from postern import DEADLINE, Broker


@pytest.fixture
def fast(tmp_path):
    running = Broker(tmp_path, "sys_interval: 200ms\n")
    yield running
    running.stop()


def read_until(client, wanted, seconds=DEADLINE):
    """Topics below $SYS/broker/ until each of `wanted` has its value."""
    client.socket.settimeout(seconds)
    found = {}
    while any(not re.fullmatch(value, found.get(name, "")) for name, value in wanted.items()):
        got = client.expect(mqtt.PUBLISH)
        found[got.topic.removeprefix("$SYS/broker/")] = got.payload.decode()
    return found


def test_a_new_subscriber_gets_all_of_them_at_once_as_retained_messages(tmp_path):
    running = Broker(tmp_path)  # every 10 seconds: what comes at once has been retained
    try:
        client = running.raw(5)
        client.connect("watcher")
        client.subscribe("$SYS/#")
        got = [client.expect(mqtt.PUBLISH) for _ in range(47)]
        assert all(one.retain for one in got)
        names = {one.topic for one in got}
        assert {"$SYS/broker/version", "$SYS/broker/uptime", "$SYS/broker/clients/connected",
                "$SYS/broker/clients/total", "$SYS/broker/clients/maximum",
                "$SYS/broker/messages/received", "$SYS/broker/messages/sent",
                "$SYS/broker/bytes/received", "$SYS/broker/bytes/sent",
                "$SYS/broker/publish/messages/received", "$SYS/broker/publish/bytes/sent",
                "$SYS/broker/subscriptions/count", "$SYS/broker/retained messages/count",
                "$SYS/broker/load/messages/received/1min",
                "$SYS/broker/load/bytes/sent/15min"} <= names
        version = next(one.payload for one in got if one.topic.endswith("/version"))
        assert re.fullmatch(rb"postern version \d+\.\d+\.\d+", version)
    finally:
        running.stop()


def test_they_follow_what_happens(fast):
    watcher, other = fast.raw(4), fast.raw(4)
    watcher.connect("watcher")
    watcher.subscribe("$SYS/broker/#")
    other.connect("other")
    other.subscribe("t")
    for _ in range(3):
        other.send(mqtt.publish(4, "t", "12345"))
        other.expect(mqtt.PUBLISH)
    other.send(mqtt.publish(4, "kept", "1", retain=True))
    found = read_until(watcher, {
        "clients/connected": "2", "clients/total": "2", "clients/maximum": "2",
        "subscriptions/count": "2", "retained messages/count": "1",
        "publish/messages/received": "4", "publish/bytes/received": "16",
        "uptime": r"\d+ seconds", "load/publish/received/1min": r"[1-9]\d*\.\d\d"})
    assert int(found["messages/received"]) >= 8 and int(found["bytes/received"]) > 50
    assert int(found["publish/messages/sent"]) > 3
    other.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    other.expect_close()
    read_until(watcher, {"clients/connected": "1", "subscriptions/count": "1", "clients/total": "1"})


def test_mosquitto_sub_reads_them(fast):
    done = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(fast.port), "-t",
                           "$SYS/broker/clients/connected", "-C", "1", "-W", str(DEADLINE)],
                          capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"[01]\n", done.stdout), done


def test_a_wildcard_in_front_does_not_match_them(fast):
    client = fast.raw(5)
    client.connect("c")
    client.subscribe("#")
    client.subscribe("+/broker/uptime", packet_id=2)
    watcher = fast.raw(5)
    watcher.connect("watcher")
    watcher.subscribe("$SYS/broker/uptime")
    watcher.socket.settimeout(DEADLINE)
    watcher.expect(mqtt.PUBLISH)
    watcher.expect(mqtt.PUBLISH)
    client.ping()  # nothing but the answer has come


@pytest.mark.parametrize("qos", [1, 2])
def test_nobody_else_publishes_there(fast, qos):
    client = fast.raw(5)
    client.connect("c")
    client.send(mqtt.publish(5, "$SYS/broker/clients/forged", "9", qos=qos, retain=True))
    assert client.expect(mqtt.PUBACK if qos == 1 else mqtt.PUBREC).reason == 0x87
    client.subscribe("$SYS/broker/clients/forged")
    client.ping()


def test_an_interval_of_0_leaves_them_out(tmp_path):
    running = Broker(tmp_path, "sys_interval: 0\n")
    try:
        client = running.raw(5)
        client.connect("c")
        assert client.subscribe("$SYS/#").codes == [0]
        client.ping()
    finally:
        running.stop()


def test_they_take_no_room_from_retained_messages(tmp_path):
    running = Broker(tmp_path, "max_retained_bytes: 1KiB\n")
    try:
        client = running.raw(5)
        client.connect("c")
        client.send(mqtt.publish(5, "t", "kept", qos=1, retain=True))
        assert client.expect(mqtt.PUBACK).reason in (0, 0x10)
        client.subscribe("t")
        assert client.expect(mqtt.PUBLISH).payload == b"kept"
    finally:
        running.stop()
