# SPDX-License-Identifier: GPL-3.0-or-later
"""Behind a proxy or load balancer: the PROXY protocol header in front of TLS, by HAProxy, by nginx,
and by hand."""

import socket
import struct

import pytest
import yaml

import mqtt_packets as mqtt
from backend import Backend
from front import Front, haproxy, nginx
from postern import DEADLINE, free_port, wait_until
from proxy_header import SIGNATURE, V1, Visitor, closed_without_a_byte, tlv, v2

IPV6 = v2(family=0x21, addresses=socket.inet_pton(socket.AF_INET6, "2001:db8::7") +
          socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack(">HH", 40112, 8883))
TLVS = tlv(0x01, b"h2") + tlv(0x02, b"evil.example") + tlv(0x04, bytes(300)) + tlv(0x20, b"\x07" + bytes(4))


def byte_by_byte(raw, data):
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in data[:80]:
        raw.sendall(bytes([byte]))
    raw.sendall(data[80:])


def behind(start, **options):
    listener = {"proxy_protocol": True, "trusted_proxies": ["127.0.0.0/8"], **options.pop("listener", {})}
    return start(listener=listener, **options)


# ------------------------------------------------------------------------------- who the client is


@pytest.mark.parametrize("header,source", [
    (V1, "192.0.2.7:40112"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 40112 8883\r\n", "[2001:db8::7]:40112"),
    (v2(), "192.0.2.7:40112"),
    (v2(tlvs=TLVS), "192.0.2.7:40112"),
    (IPV6, "[2001:db8::7]:40112"),
], ids=["v1", "v1 IPv6", "v2", "v2 with TLVs", "v2 IPv6"])
@pytest.mark.parametrize("send_first", [None, byte_by_byte], ids=["one segment", "single bytes"])
def test_the_address_of_the_header_is_the_clients(start, header, source, send_first):
    postern = behind(start)
    with Visitor(postern, header, send_first) as client:
        assert client.connect("x").code == 0
    line = postern.wait_log("session closed")
    assert f" source={source} " in line and " server_name=localhost " in line
    assert "evil" not in postern.text


def test_rules_judge_by_the_address_of_the_header(start):
    rules = [{"name": "near", "match": {"source": "192.0.2.0/24"}}]
    postern = behind(start, policies=[{"name": "p", "rules": rules}])
    with Visitor(postern, V1) as client:
        assert client.connect("x").code == 0
    with Visitor(postern, V1.replace(b"192.0.2.7", b"198.51.100.7")) as client:
        assert client.connect("x").code == 5
    assert " source=198.51.100.7:40112 " in postern.wait_log("client refused")


@pytest.mark.parametrize("header", [V1, v2()], ids=["v1", "v2"])
def test_the_brokers_header_has_the_addresses_of_ours(start, header):
    broker = Backend(connack=None)
    postern = behind(start, backends=[{"servers": [broker.address], "proxy_protocol": "v1"}])
    try:
        with Visitor(postern, header) as client:
            client.send(mqtt.connect(4, "x"))
            data = broker.next().recv(65536)
            assert data.startswith(V1), "the client, and where it wanted to go"
    finally:
        broker.close()


# ------------------------------------------------------------------------------- who is refused


def test_who_is_no_trusted_proxy_is_refused(start):
    postern = start(listener={"proxy_protocol": True, "trusted_proxies": ["10.0.0.0/8", "::1"]})
    with postern.raw() as raw:
        raw.sendall(V1)
        assert closed_without_a_byte(raw)
    line = postern.wait_log("handshake failed")
    assert "reason=untrusted_proxy" in line and "trusted_proxies" in line
    assert "source=127.0.0.1:" in line, "what an untrusted header says is not believed"


@pytest.mark.parametrize("data,words", [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), "send-proxy-v2"),
    (b"GET / HTTP/1.1\r\n\r\n", "an HTTP request"),
], ids=["TLS", "HTTP"])
def test_a_trusted_proxy_without_a_header_is_refused(start, data, words):
    postern = behind(start)
    with postern.raw() as raw:
        raw.sendall(data)
        assert closed_without_a_byte(raw)
    line = postern.wait_log("handshake failed")
    assert "reason=proxy_header_missing" in line and words in line


def test_a_real_client_without_a_header_is_refused(start):
    postern = behind(start)
    with pytest.raises(OSError):
        postern.client()
    postern.wait_log("handshake failed.*reason=proxy_header_missing")


@pytest.mark.parametrize("header", [
    b"PROXY TCP4 192.0.2.7 203.0.113.1 40112\r\n",
    b"PROXY TCP4 192.0.2.7 203.0.113.1 40112 70000\r\n",
    b"PROXY TCP4 192.0.2.256 203.0.113.1 1 2\r\n",
    b"PROXY TCP5 192.0.2.7 203.0.113.1 1 2\r\n",
    b"PROXY TCP4 " + b"1" * 120,
    v2(command=2),
    v2(version=1),
    v2(addresses=b"\x00" * 11),
    v2(tlvs=b"\x04\x01\x00x"),
], ids=["few", "port", "address", "family", "endless", "command", "version", "short", "TLV"])
def test_a_malformed_header_is_refused(start, header):
    postern = behind(start)
    with postern.raw() as raw:
        raw.sendall(header)
        assert closed_without_a_byte(raw)
    assert "reason=bad_proxy_header" in postern.wait_log("handshake failed")


def test_a_header_that_is_too_large_is_refused(start):
    postern = behind(start)
    with postern.raw() as raw:
        raw.sendall(SIGNATURE + b"\x21\x11\x20\x00")
        assert closed_without_a_byte(raw)
    line = postern.wait_log("handshake failed")
    assert "reason=bad_proxy_header" in line and "larger than 4112 bytes" in line


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4 192", v2()[:15]], ids=["nothing", "v1", "v2"])
def test_a_header_that_does_not_come_ends_by_the_handshake_timeout(start, sent):
    postern = behind(start, limits={"handshake_timeout": "300ms"})
    with postern.raw() as raw:
        raw.sendall(sent)
        assert closed_without_a_byte(raw)
    assert "reason=proxy_header_timeout" in postern.wait_log("handshake failed")


# ---------------------------------------------------------------- the proxy's own connections


@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff:f:f ffff:g 65535 65535\r\n", v2(command=0),
    v2(command=0, family=0, addresses=b""), v2(family=0, addresses=b""),
    v2(family=0x31, addresses=b"/a".ljust(108, b"\0") + b"/b".ljust(108, b"\0")),
], ids=["v1 UNKNOWN", "v1 UNKNOWN with words", "v2 LOCAL", "v2 LOCAL alone", "v2 UNSPEC", "v2 unix"])
def test_a_connection_of_the_proxys_own_has_the_proxys_address(start, header):
    postern = behind(start)
    with Visitor(postern, header) as client:
        assert client.connect("x").code == 0
    assert re_source(postern.wait_log("session closed")) == "127.0.0.1"


def re_source(line):
    return line.split(" source=")[1].split(" ")[0].rsplit(":", 1)[0]


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("header", [b"", b"PROXY UNKNOWN\r\n", v2(command=0, family=0, addresses=b""), V1],
                         ids=["nothing", "v1 UNKNOWN", "v2 LOCAL", "v1"])
def test_a_health_check_is_no_failure(start, header, end):
    postern = behind(start, log={"level": "debug"})
    for _ in range(3):
        raw = postern.raw()
        if header:
            raw.sendall(header)
        if end == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    with Visitor(postern, V1) as client:
        assert client.connect("x").code == 0
    postern.wait_log("session closed")
    assert "handshake failed" not in postern.text and "refused" not in postern.text


# --------------------------------------------------------------------------- by other programs


def health_of(directory):
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(f"{directory}/stats.sock")
        asked.sendall(b"show stat\n")
        names, *rows = asked.makefile().read().lstrip("# ").strip().splitlines()
    found = [dict(zip(names.split(","), row.split(","))) for row in rows]
    return next(row["check_status"] for row in found if row["svname"] == "one")


@pytest.mark.parametrize("program,options", [
    (haproxy, {"check": "send-proxy check inter 200ms"}),
    (haproxy, {"check": "send-proxy-v2 check inter 200ms"}),
    (haproxy, {"check": "send-proxy-v2-ssl-cn check-ssl verify none check inter 200ms"}),
    (nginx, {"inside": "proxy_protocol on;"}),
], ids=["HAProxy v1", "HAProxy v2", "HAProxy v2 and TLS checks", "nginx"])
def test_clients_of_other_programs_are_who_they_are(start, tmp_path, program, options):
    admin = free_port()
    postern = behind(start, admin={"address": f"127.0.0.1:{admin}"})
    port = free_port()
    front = Front(program(tmp_path, port, f"127.0.0.1:{postern.port}", **options), port,
                  tmp_path / "front.log")
    try:
        with mqtt.RawClient(port, 5, DEADLINE) as client:
            client.socket = postern.context().wrap_socket(client.socket, server_hostname="localhost")
            mine = client.socket.getsockname()[1]
            assert client.connect("behind").code == 0
            client.subscribe("t", 1)
            client.send(mqtt.publish(5, "t", b"through"))
            assert client.expect(mqtt.PUBLISH).payload == b"through"
            if program is haproxy:
                wait_until(lambda: health_of(tmp_path) in ("L4OK", "L6OK"), "its health checks")
        assert f" source=127.0.0.1:{mine} " in postern.wait_log("session closed.*client_id=behind")
    finally:
        front.stop()
    assert "handshake failed" not in postern.text and "refused" not in postern.text, postern.text


def test_a_proxy_on_a_unix_socket_is_trusted(start, tmp_path):
    path = str(tmp_path / "front.sock")
    postern = start(listener={"address": f"unix:{path}", "proxy_protocol": True})
    with Visitor(postern, V1, unix=path) as client:
        assert client.connect("x").code == 0
    assert " source=192.0.2.7:40112 " in postern.wait_log("session closed")
    with Visitor(postern, v2(command=0), unix=path) as client:
        assert client.connect("y").code == 0
    assert " source=unix " in postern.wait_log("session closed.*client_id=y")


def test_without_proxy_protocol_a_header_is_named(start):
    postern = start()
    with postern.raw() as raw:
        raw.sendall(V1)
        assert closed_without_a_byte(raw)
    line = postern.wait_log("handshake failed")
    assert "reason=not_tls" in line and "PROXY protocol header" in line


def test_a_reload_that_turns_it_on_holds_for_who_comes_next(start):
    postern = start()
    with postern.client() as before:
        assert before.connect("before").code == 0
        config = yaml.safe_load(postern.file.read_text())
        config["listeners"][0].update(proxy_protocol=True, trusted_proxies=["127.0.0.1"])
        postern.file.write_text(yaml.safe_dump(config))
        postern.wait_log("configuration loaded")

        def is_refused():
            try:
                postern.client().close()
            except OSError:
                return True
            return False
        wait_until(is_refused, "the new settings")
        with Visitor(postern, V1) as after:
            assert after.connect("after").code == 0
        before.ping()
