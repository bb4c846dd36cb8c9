# SPDX-License-Identifier: GPL-3.0-or-later
"""What /metrics counts, on real traffic."""

import re
import signal
import socket
import subprocess
import threading

import pytest

import mqtt_packets as mqtt
from admin import metrics, with_admin
from backend import Backend
from postern import DEADLINE, free_port, wait_until

# Public names: whoever draws or alerts by them must never have to change anything.
CONTRACT = {
    "postern_connections": "listener",
    "postern_connections_total": "listener",
    "postern_handshakes_total": "listener version resumed",
    "postern_handshake_failures_total": "listener reason",
    "postern_refusals_total": "listener reason",
    "postern_bytes_total": "listener direction",
    "postern_backend_up": "backend server",
    "postern_backend_connections": "backend server",
    "postern_certificate_expiry_seconds": "listener subject",
    "postern_crl_next_update_seconds": "file",
    "postern_rule_admissions_total": "policy rule",
    "postern_sessions_ended_total": "listener reason",
    "postern_config_reloads_total": "result",
    "postern_handshake_seconds_bucket": "le",
    "postern_handshake_seconds_sum": "",
    "postern_handshake_seconds_count": "",
}


@pytest.fixture
def counted(start, pki):
    return with_admin(start, policies=[{"name": "p", "rules": [
        {"name": 'old "ones" \\ and\tnew', "match": {"client_id": "old-*"}},
        {"name": "new", "require": {"tls_version": "1.3"}}]}],
        tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
             "client_crl": [pki.path("ca.crl")]})


def promtool(text):
    return subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, check=False)


def fail_a_handshake(postern):
    with postern.raw() as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert peer.recv(64) == b""


@pytest.mark.threads
def test_every_name_of_the_contract_is_there_with_its_labels(counted):
    with counted.client(5) as client:
        client.connect("new-1")
    fail_a_handshake(counted)
    wait_until(lambda: metrics(counted).sum("postern_sessions_ended_total") == 2, "both to end")
    found = metrics(counted)
    for name, labels in CONTRACT.items():
        assert found.labels(name) == {frozenset(labels.split())}, name
    assert "# TYPE postern_handshake_seconds histogram" in found.text


def test_promtool_has_nothing_to_complain_about(counted):
    with counted.client(5, identity="sensor-1") as client:
        client.connect("old-1")
        fail_a_handshake(counted)
        done = promtool(metrics(counted).text)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert promtool("postern_x{ 1\n").returncode != 0, "promtool would not have noticed"


@pytest.mark.threads
def test_a_handshake_is_counted_by_version_and_resumption(counted):
    def shakes(**labels):
        return metrics(counted).value("postern_handshakes_total", listener="test", **labels)

    context = counted.context(version="1.2")
    with counted.client(4, context=context) as first:
        first.connect("old-1")
        session = first.socket.session
    with counted.client(4, context=context, session=session) as again:
        again.connect("old-1")
        assert again.socket.session_reused
    with counted.client(4, version="1.3") as third:
        third.connect("new-1")
        found = metrics(counted)
        assert found.value("postern_handshake_seconds_count") == 3
        assert found.value("postern_handshake_seconds_bucket", le="+Inf") == 3
        assert found.sum("postern_handshake_groups_total", listener="test") == 3
        assert found.sum("postern_handshake_ciphers_total", listener="test") == 3
    assert shakes(version="1.2", resumed="false") == 1
    assert shakes(version="1.2", resumed="true") == 1
    assert shakes(version="1.3", resumed="false") == 1


def test_the_histogram_of_handshakes_grows_from_bucket_to_bucket(counted):
    for _ in range(5):
        with counted.client(4) as client:
            client.connect("new-1")
    found = metrics(counted)
    buckets = [value for (name, _), value in found.items() if name == "postern_handshake_seconds_bucket"]
    assert buckets == sorted(buckets) and buckets[-1] == 5
    assert 0 < found.value("postern_handshake_seconds_sum") < DEADLINE


def test_a_slow_handshake_is_in_a_later_bucket(counted):
    with socket.create_connection(("127.0.0.1", counted.port)) as peer:
        threading.Event().wait(0.3)  # this is what is measured
        with counted.context().wrap_socket(peer, server_hostname="localhost"):
            wait_until(lambda: metrics(counted).value("postern_handshake_seconds_count") == 1, "its end")
            found = metrics(counted)
    assert found.value("postern_handshake_seconds_bucket", le="0.25") == 0
    assert found.value("postern_handshake_seconds_sum") >= 0.29


@pytest.mark.parametrize("reason,identity", [("not_tls", None), ("certificate_expired", "old"),
                                             ("certificate_revoked", "revoked"), ("unknown_ca", "strangers/sensor-1")])
def test_a_failed_handshake_is_counted_by_its_reason(counted, reason, identity):
    if identity is None:
        fail_a_handshake(counted)
    else:
        with pytest.raises(OSError):
            with counted.client(4, identity=identity, version="1.2") as client:
                client.connect("x")
    wait_until(lambda: metrics(counted).value("postern_handshake_failures_total", listener="test",
                                              reason=reason) == 1, reason)
    assert metrics(counted).sum("postern_handshake_failures_total") == 1
    assert f"reason={reason}" in counted.wait_log("handshake failed")


@pytest.mark.threads
def test_a_refused_client_is_counted_by_the_word_of_the_log(counted):
    with counted.client(5, version="1.2") as client:
        assert client.connect("new-1").code == 0x87
    assert "reason=tls_version" in counted.wait_log("client refused")
    wait_until(lambda: metrics(counted).value("postern_sessions_ended_total", listener="test",
                                              reason="tls_version") == 1, "its end")
    found = metrics(counted)
    assert found.value("postern_refusals_total", listener="test", reason="tls_version") == 1
    assert found.sum("postern_refusals_total") == 1
    assert found.value("postern_rule_refusals_total", policy="p", rule="new") == 1
    assert found.value("postern_rule_admissions_total", policy="p", rule="new") == 0


def test_each_reason_to_refuse_is_there_before_it_occurs(counted):
    found = metrics(counted)
    reasons = {dict(labels)["reason"] for name, labels in found if name == "postern_refusals_total"}
    assert {"tls_version", "no_backend", "draining", "busy", "malformed", "revoked"} <= reasons
    assert "none" not in reasons


def test_a_broken_connect_and_a_foreign_first_packet_are_counted(counted):
    for sent in (mqtt.packet(mqtt.PINGREQ, 0, b""), mqtt.packet(mqtt.CONNECT, 0, b"\x00\x04MQTT\x04")):
        with counted.client(4) as client:
            client.send(sent)
            assert client.receive() is None
    found = metrics(counted)
    assert found.value("postern_refusals_total", listener="test", reason="protocol_error") == 1
    assert found.value("postern_refusals_total", listener="test", reason="malformed") == 1


@pytest.mark.threads
def test_admissions_are_counted_by_rule_and_connections_while_they_last(counted):
    with counted.client(3) as one, counted.client(4) as two, counted.client(5) as three:
        one.connect("old-1")
        two.connect("old-2")
        three.connect("new-1")
        found = metrics(counted)
        assert found.value("postern_rule_admissions_total", policy="p", rule='old "ones" \\ and\\x09new') == 2
        assert found.value("postern_rule_admissions_total", policy="p", rule="new") == 1
        assert found.value("postern_admissions_total", listener="test") == 3
        assert found.value("postern_connections", listener="test") == 3
        assert found.value("postern_backend_connections", backend="main", server="builtin") == 3
        for version in ("3.1", "3.1.1", "5"):
            assert found.value("postern_mqtt_connects_total", listener="test", version=version) == 1
        three.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        three.expect_close()
        wait_until(lambda: metrics(counted).value("postern_sessions_ended_total", listener="test",
                                                  reason="client_disconnect") == 1, "the goodbye")
    wait_until(lambda: metrics(counted).value("postern_connections", listener="test") == 0, "the end")
    found = metrics(counted)
    assert found.value("postern_connections_total", listener="test") == 3
    assert found.sum("postern_sessions_ended_total") == 3
    assert found.value("postern_backend_connections", backend="main", server="builtin") == 0


def test_a_client_that_its_rule_refuses_for_its_will_or_lack_of_a_name_is_no_admission(start):
    postern = with_admin(start, policies=[{"name": "p", "rules": [
        {"name": "r", "publish": {"allow": ["mine"]}, "connect": {"username": "u-${username}"}}]}])
    for options in ({"username": "a", "will": ("theirs", "m", 0, False, b"")}, {}):
        with postern.client(4) as client:
            assert client.connect("x", **options).code != 0
            client.expect_close()
    with postern.client(4) as client:
        assert client.connect("x", username="a", will=("mine", "m", 0, False, b"")).code == 0
    found = metrics(postern)
    assert found.value("postern_rule_admissions_total", policy="p", rule="r") == 1
    assert found.value("postern_rule_refusals_total", policy="p", rule="r") == 2


def test_bytes_are_counted_while_the_session_lasts_as_the_access_line_has_them(start):
    backend = Backend()
    postern = with_admin(start, backends=[{"servers": [backend.address]}])
    with postern.client(4) as client:
        client.connect("x")
        peer = backend.next()
        client.send(mqtt.packet(mqtt.PUBLISH, 0, mqtt.text("t") + b"p" * 1000))
        assert len(peer.recv(1006, socket.MSG_WAITALL)) == 1006
        peer.sendall(mqtt.packet(mqtt.PUBLISH, 0, mqtt.text("t") + b"q" * 3000))
        client.receive()
        found = metrics(postern)
        inward = found.value("postern_bytes_total", listener="test", direction="in")
        outward = found.value("postern_bytes_total", listener="test", direction="out")
        assert inward > 1006 and outward == 4 + 3006
    peer.close()  # or the session waits for it
    line = postern.wait_log("session closed")
    assert f"bytes_in={inward:.0f} " in line and f"bytes_out={outward:.0f} " in line
    backend.close()


def test_a_server_that_cannot_be_reached_is_down(start):
    where = f"127.0.0.1:{free_port()}"
    postern = with_admin(start, backends=[{"servers": [where], "health_check": {"interval": "100ms"}}])
    with postern.client(4) as client:
        assert client.connect("x").code == 3
    found = metrics(postern)
    assert found.value("postern_refusals_total", listener="test", reason="no_backend") == 1
    wait_until(lambda: metrics(postern).get(("postern_backend_up", frozenset(
        {("backend", "main"), ("server", where)}))) == 0, "the check")
    assert promtool(metrics(postern).text).returncode == 0


def test_what_ends_some_day_is_told_in_seconds(counted, pki):
    found = metrics(counted)
    subject = "CN=localhost,O=Postern Test"
    left = found.value("postern_certificate_expiry_seconds", listener="test", subject=subject)
    assert 29 * 86400 < left < 30 * 86400
    assert found.value("postern_certificate_expiry_seconds", listener="test",
                       subject="CN=Test Intermediate CA,O=Postern Test") > 300 * 86400
    assert found.value("postern_client_ca_expiry_seconds", listener="test",
                       subject="CN=Test Root CA,O=Postern Test") > 300 * 86400
    left = found.value("postern_crl_next_update_seconds", file=pki.path("ca.crl"))
    assert 6 * 86400 < left < 7 * 86400


def test_the_days_of_a_rule_are_counted_down(start):
    postern = with_admin(start, policies=[{"name": "p", "rules": [
        {"name": "for now", "until": "2999-01-01"}, {"name": "for ever"}]}])
    found = metrics(postern)
    assert found.value("postern_rule_until_seconds", policy="p", rule="for now") > 900 * 365 * 86400
    assert len([name for name, _ in found if name == "postern_rule_until_seconds"]) == 1


def test_two_certificates_of_one_subject_are_one_sample(start, pki):
    postern = with_admin(start, tls={"certificate": None, "private_key": None, "certificates": [
        {"certificate": pki.path(f"{name}.pem"), "private_key": pki.path(f"{name}.key")}
        for name in ("server", "server-rsa")]})
    assert promtool(metrics(postern).text).returncode == 0


@pytest.mark.threads
def test_counters_survive_reloads_and_never_go_backwards(counted):
    def reload(number, signalled=signal.SIGHUP):
        counted.process.send_signal(signalled)
        wait_until(lambda: metrics(counted).sum("postern_config_reloads_total") == number, "the reload")

    with counted.client(5) as client:
        client.connect("new-1")
        before = metrics(counted)
        text = counted.file.read_text()
        counted.file.write_text(text.replace("timeout: 1s", "timeout: 2s") + "\n# changed\n")
        reload(1)
        after = metrics(counted)
        for key, value in before.items():
            if key[0].startswith("postern_") and key[0].endswith("_total"):
                assert after[key] >= value, key
        assert after.value("postern_connections", listener="test") == 1
        assert after.value("postern_rule_admissions_total", policy="p", rule="new") == 1
    wait_until(lambda: metrics(counted).value("postern_connections", listener="test") == 0, "the end")
    assert metrics(counted).value("postern_connections_total", listener="test") == 1
    counted.file.write_text(text + "nonsense: true\n")
    reload(2)
    found = metrics(counted)
    assert found.value("postern_config_reloads_total", result="success") == 1
    assert found.value("postern_config_reloads_total", result="failure") == 1
    assert found.value("postern_config_last_reload_successful") == 0


def test_a_listener_that_was_away_for_a_while_counts_right(start):
    postern = with_admin(start, watch=False)
    text = postern.file.read_text()
    with postern.client(4) as client:
        client.connect("x")
        for number, name in enumerate(("other", "test"), 1):
            postern.file.write_text(text.replace("name: test", f"name: {name}"))
            postern.process.send_signal(signal.SIGHUP)
            wait_until(lambda: metrics(postern).value("postern_config_reloads_total",
                                                      result="success") == number, "the reload")
        wait_until(lambda: metrics(postern).value("postern_connections", listener="test") == 1,
                   "the session to be adopted")
    wait_until(lambda: metrics(postern).value("postern_connections", listener="test") == 0, "the end")


def test_the_process_and_the_build_are_described(counted):
    found = metrics(counted)
    assert found.value("postern_workers") >= 1
    assert 5 < found.value("process_open_fds") < found.value("process_max_fds")
    assert found.value("process_resident_memory_bytes") > 1e6
    assert found.value("process_start_time_seconds") > 1.7e9
    assert found.value("postern_draining") == 0
    info = [dict(labels) for name, labels in found if name == "postern_build_info"]
    assert len(info) == 1 and re.fullmatch(r"\d+\.\d+\.\d+", info[0]["version"])


@pytest.mark.threads
def test_many_scrapes_beside_much_traffic_add_up(counted):
    ends = threading.Event()
    seen = []

    def scrape():
        while not ends.is_set():
            seen.append(metrics(counted).value("postern_connections_total", listener="test"))

    def visit():
        for _ in range(10):
            with counted.client(4) as client:
                client.connect("new-1")

    scraper = threading.Thread(target=scrape)
    visitors = [threading.Thread(target=visit) for _ in range(6)]
    for one in (scraper, *visitors):
        one.start()
    for one in visitors:
        one.join()
    ends.set()
    scraper.join()
    assert seen == sorted(seen)
    wait_until(lambda: metrics(counted).sum("postern_sessions_ended_total") == 60, "all to end")
    assert metrics(counted).value("postern_connections_total", listener="test") == 60
    assert metrics(counted).value("postern_rule_admissions_total", policy="p", rule="new") == 60
