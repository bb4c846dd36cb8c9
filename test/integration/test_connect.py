# SPDX-License-Identifier: GPL-3.0-or-later
"""What the broker is told in place of what the client said, seen on the broker's side."""

import subprocess
import time

import pytest

import mqtt_packets as mqtt
from backend import Backend
from postern import wait_until

SECRET = "hush-hush-password"


def fleet(**rule):
    return [{"name": "fleet", "rules": [{"name": "all", **rule}]}]


@pytest.fixture
def backend():
    one = Backend(connack=None)
    yield one
    one.close()


def told(start, pki, backend, packet, version=4, behind=b"", **rule):
    """The bytes that reach the broker when a client sends `packet`."""
    identity = rule.pop("identity", "sensor-1")
    postern = start(policies=fleet(**rule), backends=[{"servers": [backend.address]}],
                    tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem")})
    with postern.client(version, identity=identity) as client:
        client.send(packet, behind)
        peer = backend.next()
        first = peer.recv(2, 2 | 0x100)
        whole = 2 + first[1] if first[1] < 128 else None
        data = b""
        while whole is None or len(data) < whole + len(behind):
            data += peer.recv(65536)
            length, rest = mqtt.read_varint(data[1:])
            whole = len(data) - len(rest) + length
        peer.close()
    return data, postern


def test_the_broker_is_told_other_names_and_the_rest_stays_byte_for_byte(start, pki, backend,
                                                                          tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    will = ("gone", b"bye", 1, True, b"")
    sent = mqtt.connect(4, "device-1", clean=False, keep_alive=77, will=will, username="ann",
                        password="old")
    data, postern = told(start, pki, backend, sent,
                         connect={"client_id": "fleet-${client_id}",
                                  "username": "${certificate.common_name}",
                                  "password_file": str(secret)})
    assert data == mqtt.connect(4, "fleet-device-1", clean=False, keep_alive=77, will=will,
                                username="sensor-1", password=SECRET)
    assert SECRET not in postern.text


def test_mqtt_5_user_properties_are_ours_alone(start, pki, backend):
    def user(name, value):
        return b"\x26" + mqtt.text(name) + mqtt.text(value)

    mine = user("a", "1") + user("tls-version", "forged") + user("fingerprint", "forged")
    behind = mqtt.publish(5, "t", b"payload")
    data, _ = told(start, pki, backend, mqtt.connect(5, "device-1", props=mine), 5, behind,
                   identity=None,
                   connect={"user_properties": {"tls-version": "${tls.version}",
                                                "who": "${client_id}@${listener}",
                                                "fingerprint": "${certificate.fingerprint_sha256}"}})
    assert data == mqtt.connect(5, "device-1", props=user("a", "1") + user("tls-version", "1.3") +
                                user("who", "device-1@test")) + behind


def test_a_certificate_is_described_to_the_broker(start, pki, backend):
    data, _ = told(start, pki, backend, mqtt.connect(5, "x"), 5,
                   connect={"user_properties": {"subject": "${certificate.subject}",
                                                "issuer": "${certificate.issuer}",
                                                "cost": "5$$"}})
    assert b"CN=sensor-1,O=Postern Test" in data
    assert b"CN=Test Intermediate CA,O=Postern Test" in data
    assert b"\x26\x00\x04cost\x00\x025$" in data and data.endswith(mqtt.text("x"))


def test_a_client_without_what_is_written_is_refused(start, pki):
    postern = start(policies=fleet(connect={"username": "${certificate.san_uri}"}),
                    tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem")})
    with postern.client(4, identity="sensor-1") as client:
        assert client.connect("x").code == 5
    assert "certificate.san_uri" in postern.wait_log("reason=connect_fields")


def test_mosquitto_takes_the_name_and_password_that_it_is_told(start, pki, mosquitto, tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "sensor-1", SECRET], check=True)
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    broker = mosquitto(extra=f"allow_anonymous false\npassword_file {passwords}")
    postern = start(backends=[{"servers": [broker.address]}],
                    policies=fleet(connect={"client_id": "${certificate.common_name}",
                                            "username": "${certificate.common_name}",
                                            "password_file": str(secret)}),
                    tls={"client_certificate": "required", "client_ca": pki.path("ca.pem")})
    for version in (3, 4, 5):
        with postern.client(version, identity="sensor-1") as client:
            assert client.connect("nobody", username="nobody", password="wrong").code == 0
            client.subscribe("t", 1)
            client.send(mqtt.publish(version, "t", b"through"))
            assert client.expect(mqtt.PUBLISH).payload == b"through"
        with postern.client(version, identity="sensor-2") as client:
            assert client.connect("x").code in (5, 0x87), "Mosquitto knows no sensor-2"
    log = (tmp_path / "mosquitto-0" / "mosquitto.log").read_text()
    assert "as sensor-1" in log and "nobody" not in log


def test_a_password_file_that_is_missing_stops_the_start(tmp_path, pki, start):
    with pytest.raises(AssertionError, match="cannot read .*/nowhere"):
        start(policies=fleet(connect={"password_file": "/nowhere"}))


# ------------------------------------------------------------------------------- how long it lasts


def test_a_connection_ends_at_its_longest_lifetime(start):
    postern = start(limits={"max_lifetime": "300ms"})
    for version, code in ((4, None), (5, 0xa0)):
        with postern.client(version) as client:
            client.connect("x")
            began = time.monotonic()
            if code:
                assert client.expect(mqtt.DISCONNECT).reason == code
            client.expect_close()
            assert time.monotonic() - began > 0.2
    assert "reason=max_lifetime" in postern.wait_log("session closed.*mqtt=5")


def test_a_session_ends_when_its_certificate_does(start, pki):
    soon = time.gmtime(time.time() + 3)
    name = "brief-%d" % time.time()
    pki.issue(name, dates=["-startdate", "20200101000000Z", "-enddate",
                           time.strftime("%Y%m%d%H%M%SZ", soon)])
    postern = start(tls={"client_certificate": "required", "client_ca": pki.path("ca.pem")})
    clients = [postern.client(5, identity=name), postern.client(5, identity="sensor-1")]
    for number, client in enumerate(clients):
        client.connect(f"c-{number}")
    assert clients[0].expect(mqtt.DISCONNECT).reason == 0x87
    assert time.gmtime() >= soon
    clients[0].expect_close()
    clients[1].ping()
    assert "reason=certificate_expired" in postern.wait_log("session closed.*client_id=c-0")


def test_a_policy_may_let_sessions_outlive_their_certificate(start, pki):
    name = "lasting-%d" % time.time()
    ends = time.time() + 2
    pki.issue(name, dates=["-startdate", "20200101000000Z", "-enddate",
                           time.strftime("%Y%m%d%H%M%SZ", time.gmtime(ends))])
    postern = start(policies=[{"name": "p", "otherwise": "admit",
                               "end_at_certificate_expiry": False}],
                    tls={"client_certificate": "required", "client_ca": pki.path("ca.pem")})
    with postern.client(5, identity=name) as client:
        client.connect("x")
        wait_until(lambda: time.time() > ends + 1.2, "the certificate to expire")
        client.ping()
