# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is no MQTT, or comes when it may not, ends its own client and no other; it is told the reason
where its version has one."""

import pytest

import mqtt_packets as mqtt


@pytest.mark.parametrize("reason,what", [
    (0x81, b"\xf1\x00"),                                       # flags of AUTH
    (0x81, b"\x30\xff\xff\xff\xff\x7f"),                       # a length of five bytes
    (0x81, b"\x00\x00"),                                       # type 0
    (0x82, mqtt.connect(5, "again")),                          # a second CONNECT
    (0x82, b"\xd0\x00"),                                       # PINGRESP from a client
    (0x81, b"\x36\x07\x00\x01a\x00\x01\x00x"),                 # QoS 3
    (0x81, b"\x30\x05\x00\x09a\x00x"),                         # a topic longer than the packet
    (0x81, b"\x30\x06\x00\x02\xc0\x80\x00x"),                  # a topic that is no UTF-8
    (0x82, mqtt.subscribe(5, 1)),                              # no filter
    (0x82, b"\x82\x07\x00\x00\x00\x00\x01a\x00"),              # packet identifier 0
    (0x81, mqtt.subscribe(5, 1, ("a", 0xC0))),                 # reserved options
])
def test_bad_packets_are_answered_with_their_reason(broker, name, reason, what):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(what)
        got = client.expect(mqtt.DISCONNECT)
        assert got.reason in (0x81, 0x82)
        assert got.reason == reason
        client.expect_close()


@pytest.mark.parametrize("what", [
    mqtt.publish(4, "a/+", "x"), mqtt.publish(4, "", "x"), mqtt.subscribe(4, 1, ("a/#/b", 0)),
    mqtt.subscribe(4, 1, ("a", 3)), mqtt.connect(4, "again"), b"\x00\x00", b"\xf0\x00",
    b"\xc0\x01\x00", b"\x62\x01\x00", b"\x82\x02\x00\x01",
])
def test_bad_packets_close_an_older_client(broker, name, what):
    with broker.raw(4) as client:
        client.connect(name)
        client.send(what)
        client.expect_close()
    with broker.raw(4) as client:
        client.connect(name)
        client.ping()


@pytest.mark.parametrize("props,reason", [(b"\x23\xff\xff", 0x94), (b"\x23\x00\x01", 0x82)])
def test_bad_topic_aliases_end_the_client(broker, name, props, reason):
    with broker.raw(5) as client:
        client.connect(name)
        client.send(mqtt.publish(5, "", "x", props=props))
        assert client.expect(mqtt.DISCONNECT).reason == reason


@pytest.mark.parametrize("what", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\xc0\x00",
    b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x04\x02\x00\x3c",
    b"\x10\x04\x00\x04MQ",
])
def test_what_is_no_connect_is_closed_at_once(broker, what):
    with broker.raw() as client:
        client.send(what)
        client.expect_close()


@pytest.mark.parametrize("version,code", [(2, 1), (6, 0x84)])
def test_unknown_protocol_levels_are_told(broker, version, code):
    with broker.raw(4) as client:
        client.send(mqtt.packet(mqtt.CONNECT, 0, mqtt.text("MQTT") + bytes([version, 2, 0, 0]) +
                                mqtt.text("x")))
        assert client.expect(mqtt.CONNACK).code == code
        client.expect_close()


def test_an_empty_client_id_without_clean_session_is_refused(broker):
    with broker.raw(4) as client:
        assert client.connect("", clean=False).code == 2
        client.expect_close()
