# SPDX-License-Identifier: GPL-3.0-or-later
"""Each refusal: what the client gets in its MQTT version, the log line, and a clean TLS close."""

import ssl
import struct

import pytest

import mqtt_packets as mqtt
from postern import wait_until

REASON_STRING = 0x1F
NO_PROBLEM_INFORMATION = bytes([0x17, 0])


def asking_for_1_3(start, **more):
    return start(policies=[{"name": "p", "rules": [{"name": "modern", "require": {"tls_version": "1.3"}}]}],
                 **more)


def expect_clean_close(client):
    """close_notify, then the end: Python's ssl raises SSLEOFError without the former."""
    client.socket.suppress_ragged_eofs = False
    assert client.receive() is None


@pytest.mark.threads
@pytest.mark.parametrize("version,expected", [(3, 5), (4, 5), (5, 0x87)])
def test_a_tls_version_below_the_rule_is_told(start, version, expected):
    postern = asking_for_1_3(start)
    with postern.client(version, version="1.2") as client:
        answer = client.connect("old-device")
        assert (answer.code, answer.session_present) == (expected, 0)
        if version == 5:
            assert b"TLS 1.3" in answer.properties[REASON_STRING][0]
        expect_clean_close(client)
    line = postern.wait_log("client refused")
    for part in ("client_id=old-device", "reason=tls_version", "rule=modern", "tls=1.2", "TLS 1.3"):
        assert part in line
    assert "reason=tls_version" in postern.wait_log("session closed")


def test_a_reason_string_is_left_out_for_who_wants_none(start):
    postern = asking_for_1_3(start)
    with postern.client(5, version="1.2") as client:
        answer = client.connect("x", props=NO_PROBLEM_INFORMATION)
        assert answer.code == 0x87 and REASON_STRING not in answer.properties


@pytest.mark.parametrize("level,expected", [(2, b"\x20\x02\x00\x01"), (6, b"\x00\x84")])
def test_a_level_that_is_not_spoken_is_told(start, level, expected):
    postern = start()
    with postern.client(4) as client:
        client.send(mqtt.packet(mqtt.CONNECT, 0, mqtt.text("MQTT") + bytes([level, 2, 0, 60]) + mqtt.text("x")))
        assert expected in client.socket.recv(4096)
    assert "reason=version_not_spoken" in postern.wait_log("client refused")


@pytest.mark.parametrize("version", [3, 4])
def test_an_empty_client_id_with_a_kept_session_gets_return_code_2(start, version):
    postern = start()
    with postern.client(version) as client:
        assert client.connect("", clean=False).code == 2
        expect_clean_close(client)
    assert "reason=client_id_invalid" in postern.wait_log("client refused")


@pytest.mark.parametrize("version,expected", [(4, None), (5, 0x95)])
def test_a_connect_over_the_limit_is_refused_before_it_is_read(start, version, expected):
    postern = start(limits={"max_connect_size": "1KiB"})
    with postern.client(version) as client:
        client.send(mqtt.connect(version, "x", password=b"p" * 5000)[:700])
        if expected:
            assert client.expect(mqtt.CONNACK).code == expected
        expect_clean_close(client)
    assert "reason=connect_too_large" in postern.wait_log("client refused")


@pytest.mark.parametrize("version,expected", [(3, 3), (4, 3), (5, 0x88)])
def test_no_backend_is_told_and_the_log_says_which_and_why(start, version, expected):
    postern = start(backends=[{"servers": ["127.0.0.1:1"]}])
    with postern.client(version) as client:
        assert client.connect("x").code == expected
        expect_clean_close(client)
    line = postern.wait_log("backend unreachable")
    assert "server=127.0.0.1:1" in line and "refused" in line
    assert "reason=no_backend" in postern.wait_log("client refused")


@pytest.mark.parametrize("version,expected", [(4, 3), (5, 0x97)])
def test_one_connection_too_many_is_told(start, version, expected):
    postern = start(limits={"max_connections": 1})
    with postern.client() as first:
        assert first.connect("first").code == 0
        with postern.client(version) as second:
            assert second.connect("second").code == expected
            expect_clean_close(second)
    assert "reason=too_many_connections" in postern.wait_log("client refused")


MALFORMED = {
    "reserved flag": b"\x00\x04MQTT\x04\x03\x00\x3c\x00\x01x",
    "will of QoS 3": b"\x00\x04MQTT\x04\x1e\x00\x3c\x00\x01x\x00\x01t\x00\x01m",
    "wrong name": b"\x00\x04MQTX\x04\x02\x00\x3c\x00\x01x",
    "NUL in the client id": b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x02x\x00",
    "surrogate in the client id": b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x03\xed\xa0\x80",
    "length beyond the packet": b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x09x",
    "bytes after the end": b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01xyz",
    "password without username": b"\x00\x04MQTT\x04\x42\x00\x3c\x00\x01x\x00\x01p",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_connect_is_closed(start, body):
    postern = start()
    with postern.client(4) as client:
        client.send(mqtt.packet(mqtt.CONNECT, 0, body))
        expect_clean_close(client)
    assert "reason=malformed" in postern.wait_log("client refused")


def test_a_malformed_connect_of_mqtt_5_is_told_0x81(start):
    postern = start()
    body = b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02x\x00"
    with postern.client(5) as client:
        client.send(mqtt.packet(mqtt.CONNECT, 0, body))
        assert client.expect(mqtt.CONNACK).code == 0x81
        expect_clean_close(client)


def test_a_property_that_stands_twice_is_a_protocol_error(start):
    postern = start()
    with postern.client(5) as client:
        client.send(mqtt.connect(5, "x", props=bytes([0x21, 0, 9, 0x21, 0, 9])))
        answer = client.expect(mqtt.CONNACK)
        assert answer.code == 0x82
        assert b"a property of the CONNECT stands twice" in answer.body
    assert 'error="a property of the CONNECT stands twice' in postern.wait_log("client refused")


WHY = b'rule "modern" requires TLS 1.3, the client speaks TLS 1.2'


@pytest.mark.parametrize("largest,says_why", [
    (4, None), (5, False), (7 + len(WHY), False), (8 + len(WHY), True)])
def test_a_refusal_is_no_larger_than_the_client_takes(start, largest, says_why):
    postern = asking_for_1_3(start)
    with postern.client(5, version="1.2") as client:
        client.send(mqtt.connect(5, "x", props=b"\x27" + largest.to_bytes(4, "big")))
        if says_why is None:
            return expect_clean_close(client)
        answer = client.expect(mqtt.CONNACK)
        assert (answer.code, WHY in answer.body) == (0x87, says_why)
        expect_clean_close(client)


def test_a_first_packet_that_is_no_connect_is_closed(start):
    postern = start()
    with postern.client(4) as client:
        client.send(mqtt.publish(4, "t", "m"))
        expect_clean_close(client)
    assert "reason=protocol_error" in postern.wait_log("client refused")


def test_what_a_client_sent_is_escaped_in_the_log(start):
    postern = asking_for_1_3(start)
    hostile = "x\n2026-01-01T00:00:00Z info  forged=\"yes\"\x1b[31m"
    with postern.client(version="1.2") as client:
        client.connect(hostile)
    line = postern.wait_log("client refused")
    assert "\\x0a" in line and "\\x1b" in line and "\x1b" not in postern.text
    assert not any(entry.startswith("2026-01-01") for entry in postern.log)


def test_no_password_reaches_the_log(start):
    postern = asking_for_1_3(start, log={"level": "debug"})
    with postern.client(version="1.2") as client:
        client.connect("x", username="user", password="s3cr3t-pw")
    postern.wait_log("session closed")
    assert "s3cr3t" not in postern.text


def test_a_pipelined_packet_behind_a_refused_connect_is_harmless(start):
    postern = asking_for_1_3(start)
    with postern.client(version="1.2") as client:
        client.send(mqtt.connect(4, "x"), mqtt.publish(4, "t", "m"))
        assert client.expect(mqtt.CONNACK).code == 5
        expect_clean_close(client)


def test_draining_refuses_who_comes_late(start):
    postern = start(limits={"connect_timeout": "5s"}, drain={"timeout": "10s"})
    with postern.client(5) as stays, postern.client(5) as late, postern.client(4) as old:
        assert stays.connect("stays").code == 0
        postern.process.terminate()
        wait_until(lambda: not postern.accepts(), "every worker to close its door")
        assert late.connect("late").code == 0x8B
        assert old.connect("old").code == 3
        postern.process.terminate()  # a second one ends it at once
        left = stays.receive()
        assert left is not None and left.kind == mqtt.DISCONNECT and left.reason == 0x8B
    assert "reason=draining" in postern.wait_log("client refused.*client_id=late")


def test_a_reset_does_not_destroy_the_refusal(start):
    """What the client still sends is read and thrown away until it has seen its CONNACK."""
    postern = asking_for_1_3(start)
    with postern.client(version="1.2") as client:
        client.send(mqtt.connect(4, "x"))
        try:
            for _ in range(20):
                client.send(mqtt.publish(4, "t", "m" * 1000))
        except (ssl.SSLError, OSError):
            pass
        assert client.expect(mqtt.CONNACK).code == 5


def test_lengths_are_big_endian_in_the_raw_connack(start):
    """The bytes themselves, since our own reader could be wrong the same way."""
    postern = asking_for_1_3(start)
    with postern.client(5, version="1.2") as client:
        client.send(mqtt.connect(5, "x"))
        raw = client.socket.recv(4096)
    assert raw[0] == 0x20 and raw[2:4] == b"\x00\x87"
    assert raw[1] == len(raw) - 2 and raw[4] == len(raw) - 5 and raw[5] == REASON_STRING
    assert struct.unpack(">H", raw[6:8])[0] == len(raw) - 8
