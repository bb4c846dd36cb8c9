# SPDX-License-Identifier: GPL-3.0-or-later
"""The PROXY protocol towards brokers, read by decoders of other makes: HAProxy, nginx, and the
specification in Python."""

import socket
import struct

import pytest

import mqtt_packets as mqtt
from backend import Backend
from front import Front, haproxy, nginx
from postern import free_port, wait_until
from proxy_header import SIGNATURE


def tlvs(data):
    found = {}
    while data:
        kind, length = data[0], struct.unpack(">H", data[1:3])[0]
        assert len(data) >= 3 + length
        found[kind], data = data[3:3 + length], data[3 + length:]
    return found


def read_v2(data):
    """(addresses, TLVs, TLS flags, verify, TLS TLVs, what follows)."""
    assert data[:12] == SIGNATURE and data[12] == 0x21
    family, length = data[13], struct.unpack(">H", data[14:16])[0]
    body, rest = data[16:16 + length], data[16 + length:]
    size = {0x11: 12, 0x21: 36, 0: 0}[family]
    outer = tlvs(body[size:])
    tls = outer.pop(0x20)
    return body[:size], outer, tls[0], struct.unpack(">I", tls[1:5])[0], tlvs(tls[5:]), rest


@pytest.fixture
def backend():
    one = Backend(connack=None)
    yield one
    one.close()


def arrived(backend, connect):
    """What the first read of the broker brings: all of it."""
    peer = backend.next()
    data = peer.recv(65536)
    assert data.endswith(connect), "header and CONNECT are one write"
    peer.sendall(b"\x20\x02\x00\x00")
    return data


def via(start, pki, backend, version="v2", profile="generic", **tls):
    return start(backends=[{"servers": [backend.address], "proxy_protocol": version,
                            "profile": profile}],
                 tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem"), **tls})


def test_version_1_says_where_the_client_is(start, pki, backend):
    postern = via(start, pki, backend, "v1")
    connect = mqtt.connect(4, "x")
    with postern.client(4) as client:
        client.send(connect)
        port = client.socket.getsockname()[1]
        data = arrived(backend, connect)
        assert data[:-len(connect)] == b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (
            port, postern.port)


def test_version_2_says_what_tls_and_certificate_are(start, pki, backend):
    postern = via(start, pki, backend, alpn=["mqtt"])
    connect = mqtt.connect(4, "x")
    with postern.client(4, identity="sensor-1", alpn=["mqtt"]) as client:
        client.send(connect)
        addresses, outer, flags, verify, tls, rest = read_v2(arrived(backend, connect))
        assert addresses == (socket.inet_aton("127.0.0.1") * 2 +
                             struct.pack(">HH", client.socket.getsockname()[1], postern.port))
        assert outer == {0x02: b"localhost", 0x01: b"mqtt"}
        assert (flags, verify) == (7, 0)
        assert tls == {0x21: b"TLSv1.3", 0x22: b"sensor-1", 0x24: b"ECDSA-SHA256", 0x25: b"EC256",
                       0x23: {"TLS_AES_256_GCM_SHA384": b"TLS_AES_256_GCM_SHA384",
                              "TLS_AES_128_GCM_SHA256": b"TLS_AES_128_GCM_SHA256",
                              "TLS_CHACHA20_POLY1305_SHA256": b"TLS_CHACHA20_POLY1305_SHA256"}[
                                  client.socket.cipher()[0]]}
        assert rest == connect


def test_a_client_without_a_certificate_is_not_called_verified(start, pki, backend):
    postern = via(start, pki, backend)
    connect = mqtt.connect(4, "x")
    with postern.client(4) as client:
        client.send(connect)
        _, _, flags, verify, tls, _ = read_v2(arrived(backend, connect))
        assert (flags, verify) == (1, 1) and 0x22 not in tls


def test_a_resumed_client_showed_its_certificate_earlier(start, pki, backend):
    postern = via(start, pki, backend)
    context = postern.context(identity="sensor-1")
    connect = mqtt.connect(4, "x")
    session = None
    for flags in (7, 5):
        with postern.client(4, context=context, session=session) as client:
            client.send(connect)
            _, _, found, verify, tls, _ = read_v2(arrived(backend, connect))
            assert (found, verify, tls[0x22]) == (flags, 0, b"sensor-1")
            client.expect(mqtt.CONNACK)
            session = client.socket.session


def test_mosquittos_limit_of_500_bytes_is_kept(start, pki, backend):
    name = "n" * 60
    pki.issue(name)
    postern = via(start, pki, backend, profile="mosquitto")
    connect = mqtt.connect(4, "x")
    with postern.client(4, identity=name) as client:
        client.send(connect)
        data = arrived(backend, connect)
        assert len(data) - len(connect) <= 516
        _, outer, _, _, tls, _ = read_v2(data)
        assert outer == {} and set(tls) == {0x21, 0x22, 0x23}


def test_the_header_counts_for_nothing_in_the_log(start, pki, backend):
    postern = via(start, pki, backend)
    connect = mqtt.connect(4, "x")
    with postern.client(4) as client:
        client.send(connect)
        arrived(backend, connect)
        client.expect(mqtt.CONNACK)
    backend.all[0].close()  # or the session waits for it
    assert f"bytes_in={len(connect)} " in postern.wait_log("session closed")


# ----------------------------------------------------------------------------- others read it too


def reading_haproxy(directory, port, broker):
    return haproxy(directory, port, broker, accept="accept-proxy",
                   frontend='log-format "saw %ci:%cp authority=%[fc_pp_authority]"')


def reading_nginx(directory, port, broker):
    return nginx(directory, port, broker, accept="proxy_protocol", stream="""
    log_format seen 'saw $proxy_protocol_addr:$proxy_protocol_port authority=-';
    access_log /dev/stdout seen;""")


@pytest.mark.parametrize("program", [reading_haproxy, reading_nginx], ids=["haproxy", "nginx"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_other_programs_understand_it(start, pki, mosquitto, tmp_path, program, version):
    port = free_port()
    front = Front(program(tmp_path, port, mosquitto().address), port, tmp_path / "front.log")
    try:
        postern = start(backends=[{"servers": [f"127.0.0.1:{port}"], "proxy_protocol": version}])
        with postern.client(5) as client:
            client.connect("x")
            client.subscribe("t", 1)
            client.send(mqtt.publish(5, "t", b"through"))
            assert client.expect(mqtt.PUBLISH).payload == b"through"
            port = client.socket.getsockname()[1]
        authority = "localhost" if program is reading_haproxy and version == "v2" else "-"
        wait_until(lambda: f"saw 127.0.0.1:{port} authority={authority}" in front.log.read_text(),
                   "the line of its log:\n" + front.log.read_text())
    finally:
        front.stop()


def test_the_included_broker_takes_none(start, pki, tmp_path):
    with pytest.raises(AssertionError, match="reads no PROXY protocol"):
        start(backends=[{"builtin_broker": True, "proxy_protocol": "v2"}])
