# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of the admin address: status, sessions, certificates, backends, history."""

import datetime
import signal
import socket
import subprocess
import threading

import pytest

from admin import api, get, with_admin
from postern import BINARY, free_port, wait_until


@pytest.fixture
def shown(start, pki):
    return with_admin(start, policies=[{"name": "p", "rules": [
        {"name": "old", "match": {"client_id": "old-*"}, "until": "2999-01-01"},
        {"name": "new", "require": {"tls_version": "1.3"}}]}],
        tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
             "client_crl": [pki.path("ca.crl")]})


def seconds_ago(text):
    then = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()


@pytest.mark.threads
def test_status_tells_what_runs_and_what_it_has_done(shown):
    with shown.client(5, version="1.3") as client, shown.client(4, version="1.2") as other:
        client.connect("new-1")
        assert other.connect("new-2").code == 5
        status = api(shown, "status")
    version = subprocess.run([BINARY, "version"], capture_output=True, text=True, check=True).stdout
    assert status["host"] == socket.gethostname()
    assert status["version"] in version and status["pid"] == shown.process.pid
    assert 0 <= seconds_ago(status["started"]) < 60 and status["uptime_seconds"] < 60
    assert status["workers"] >= 1 and (status["draining"], status["ready"]) == (False, True)
    assert status["last_reload"] == {"at": None, "result": None, "because": None, "error": None}
    totals = status["totals"]
    assert (totals["connections_total"], totals["handshakes"], totals["refusals"]) == (2, 2, 1)
    assert totals["tls_versions"] == {"1.2": 1, "1.3": 1}
    assert totals["refusals_by_reason"] == {"tls_version": 1}
    assert totals["mqtt_versions"] == {"3.1": 0, "3.1.1": 1, "5": 1}
    assert sum(totals["groups"].values()) == sum(totals["ciphers"].values()) == 2
    assert [(one["rule"], one["admissions"], one["refusals"]) for one in status["rules"]] == [
        ("old", 0, 0), ("new", 1, 1), ("(otherwise)", 0, 0)]
    assert status["rules"][0]["until"] == "2999-01-01T00:00:00Z"
    assert [one["listener"] for one in status["listeners"]] == ["test"]


@pytest.mark.threads
def test_status_tells_why_a_reload_failed_and_when_the_last_good_one_was(shown):
    good = shown.file.read_text()
    shown.file.write_text(good + "nonsense: true\n")
    shown.process.send_signal(signal.SIGHUP)
    last = wait_until(lambda: api(shown, "status")["last_reload"]["result"], "the reload")
    assert last == "failure"
    last = api(shown, "status")["last_reload"]
    assert "nonsense" in last["error"] and str(shown.file) in last["error"] and "error:" in last["error"]
    assert seconds_ago(last["at"]) < 60 and last["because"]
    shown.file.write_text(good + "# better\n")
    wait_until(lambda: api(shown, "status")["last_reload"]["result"] == "success", "a better one")
    status = api(shown, "status")
    assert status["last_reload"]["error"] is None and status["reloads_succeeded"] == 1
    assert status["reloads_failed"] >= 1


@pytest.mark.threads
def test_the_latest_refusals_and_failures_are_explained_in_words(shown):
    with shown.client(5, version="1.2") as client:
        client.connect("<img src=x onerror=alert(1)>\u2028")
    with shown.raw() as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert peer.recv(64) == b""
    wait_until(lambda: len(api(shown, "status")["incidents"]) == 2, "both")
    by_kind = {one["kind"]: one for one in api(shown, "status")["incidents"]}
    refused = by_kind["refused"]
    assert (refused["reason"], refused["listener"]) == ("tls_version", "test")
    assert "requires TLS 1.3" in refused["explanation"] and refused["client_id"].startswith("<img src=x")
    assert refused["source"].startswith("127.0.0.1:") and seconds_ago(refused["at"]) < 60
    assert by_kind["handshake_failed"]["reason"] == "not_tls"
    assert by_kind["handshake_failed"]["client_id"] is None


def test_incidents_are_bounded_and_the_latest_stay(shown):
    for number in range(120):
        with shown.client(4, version="1.2") as client:
            client.connect(f"new-{number}")
    found = api(shown, "status")["incidents"]
    assert 16 <= len(found) <= 50 and found[0]["client_id"] == "new-119"


@pytest.mark.threads
def test_sessions_are_listed_with_what_the_access_line_will_say(shown):
    with shown.client(5, identity="sensor-1") as client:
        client.connect("new-1", username="ann")
        found = api(shown, "sessions")
        assert (found["connections"], found["matched"], found["complete"]) == (1, 1, True)
        one = found["sessions"][0]
        assert (one["client_id"], one["username"], one["mqtt"], one["tls"]) == ("new-1", "ann", "5", "1.3")
        assert (one["state"], one["rule"], one["backend"], one["server"]) == (
            "relaying", "new", "main", "builtin")
        assert one["certificate_subject"] == "CN=sensor-1,O=Postern Test" and one["server_name"] == "localhost"
        assert one["bytes_in"] > 0 and one["packets_out"] == 1 and one["duration_ms"] >= 0
    line = shown.wait_log("session closed")
    for name in ("cipher", "group", "source", "certificate_fingerprint"):
        assert f"{name}={one[name]}" in line


@pytest.mark.threads
def test_sessions_are_paged_and_filtered_over_all_workers(shown):
    clients = [shown.client(4) for _ in range(25)]
    for number, client in enumerate(clients):
        client.connect(f"new-{number:02}" if number % 5 else f"new-Five-{number:02}")
    seen = []
    offset = 0
    while offset is not None:
        page = api(shown, "sessions", limit=10, offset=offset)
        assert page["matched"] == 25 and len(page["sessions"]) <= 10
        seen += [one["client_id"] for one in page["sessions"]]
        offset = page["next_offset"]
    assert len(seen) == len(set(seen)) == 25
    assert api(shown, "sessions", filter="fIVE")["matched"] == 5
    assert api(shown, "sessions", filter="five", limit=2, offset=4)["next_offset"] is None
    assert api(shown, "sessions", listener="other")["matched"] == 0
    assert api(shown, "sessions", filter="127.0.0.1", limit=0)["matched"] == 25
    for bad in ("limit=1001", "limit=-1", "limit=x", "offset=1x", "offset=99999999999999999999999"):
        assert get(shown.admin, "/api/v1/sessions?" + bad)[0] == 400, bad
    for client in clients:
        client.close()


@pytest.mark.threads
def test_sessions_may_come_and_go_while_they_are_listed(shown):
    ends = threading.Event()

    def visit(number):
        while not ends.is_set():
            with shown.client(4) as client:
                client.connect(f"new-{number}")

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for one in visitors:
        one.start()
    for _ in range(50):
        found = api(shown, "sessions")
        assert found["complete"] and all(one["listener"] == "test" for one in found["sessions"])
    ends.set()
    for one in visitors:
        one.join()


def test_one_that_asks_slowly_does_not_keep_the_others_waiting(shown):
    slow = [shown.raw() for _ in range(3)]
    assert api(shown, "sessions")["complete"]
    assert all(one["state"] == "client_hello" for one in api(shown, "sessions")["sessions"])
    for one in slow:
        one.close()


@pytest.mark.threads
def test_certificates_are_described_with_chain_and_revocation_lists(shown, pki):
    listener, = api(shown, "certificates")["listeners"]
    leaf, = listener["certificates"]
    assert (leaf["subject"], leaf["issuer"]) == ("CN=localhost,O=Postern Test",
                                                 "CN=Test Intermediate CA,O=Postern Test")
    assert set(leaf["names"]) == {"localhost", "127.0.0.1"} and leaf["key"] == "P-256"
    assert leaf["days_left"] == 29 and leaf["not_after"].endswith("Z") and leaf["not_before"] < leaf["not_after"]
    assert [one["subject"] for one in leaf["chain"]] == ["CN=Test Intermediate CA,O=Postern Test"]
    assert leaf["ocsp_staple"] == {"setting": "off", "state": "off", "until": None}
    assert {one["subject"] for one in listener["client_cas"]} == {
        "CN=Test Root CA,O=Postern Test", "CN=Test Intermediate CA,O=Postern Test"}
    assert [(one["file"], one["days_left"]) for one in listener["crls"]] == [(pki.path("ca.crl"), 6)] * 2
    assert sum(one["revoked"] for one in listener["crls"]) == 1
    assert "PRIVATE" not in get(shown.admin, "/api/v1/certificates")[1]


def test_a_certificate_that_has_expired_has_less_than_no_days_left(start, pki):
    postern = with_admin(start, tls={"certificate": pki.path("old.pem"), "private_key": pki.path("old.key")})
    listener, = api(postern, "certificates")["listeners"]
    assert listener["certificates"][0]["days_left"] < -1000 and listener["crls"] == []


def test_backends_tell_why_a_server_is_down_and_since_when(start):
    dead = f"127.0.0.1:{free_port()}"
    postern = with_admin(start, backends=[{"name": "b", "servers": [{"address": dead, "weight": 3}],
                                           "health_check": {"interval": "100ms"}}])
    wait_until(lambda: api(postern, "backends")["backends"][0]["servers_up"] == 0, "the check")
    backend, = api(postern, "backends")["backends"]
    server, = backend["servers"]
    assert (backend["backend"], server["server"], server["weight"]) == ("b", dead, 3)
    assert (server["up"], server["checked"], server["connections"]) == (False, True, 0)
    assert "connection refused" in server["why"] and 0 <= seconds_ago(server["since"]) < 60
    assert get(postern.admin, "/readyz")[:2] == (503, "no server of any backend answers\n")
    status = api(postern, "status")
    assert (status["ready"], status["not_ready_because"]) == (False, "no server of any backend answers")
    with postern.client(5) as client:
        assert client.connect("early").code == 0x88
    assert api(postern, "status")["incidents"][0]["explanation"] == "backend b: no broker can be reached"


def test_one_live_server_is_enough_to_be_ready(start):
    dead = f"127.0.0.1:{free_port()}"
    postern = with_admin(start, backends=[{"name": "dead", "servers": [dead],
                                           "health_check": {"interval": "100ms"}},
                                          {"name": "default", "builtin_broker": True}])
    wait_until(lambda: api(postern, "backends")["backends"][0]["servers_up"] == 0, "the check")
    assert get(postern.admin, "/readyz")[:2] == (200, "ready\n")


@pytest.mark.threads
def test_the_history_tells_what_was_before_anybody_looked(shown):
    with shown.client(5, version="1.3") as client, shown.client(5, version="1.2") as other:
        client.connect("admitted")
        assert other.connect("refused").code == 0x87
        wait_until(lambda: any(one["refusals"] for one in api(shown, "history")["samples"]), "a sample")
        told = api(shown, "history")
    sample = next(one for one in told["samples"] if one["refusals"])
    assert 4000 < sample["span_ms"] < 20000 and 0 <= seconds_ago(sample["at"]) < 60
    assert (sample["connections"], sample["bytes_in"] > 0) == (1, True)
    assert sum(one["accepted"] for one in told["samples"]) == sum(one["handshakes"] for one in told["samples"]) == 2
    assert sum(one["admissions"] for one in told["samples"]) == 1
    assert told["minutes"][0]["refusals_by_reason"] == {"tls_version": 1}
    assert told["minutes"][0]["sessions_ended_by_reason"] == {"tls_version": 1}
    assert told["last"] == len(told["samples"]) and told["interval_ms"] == 5000
    assert api(shown, "history", after=told["last"] + 100)["samples"], "of another process: all"
    new = api(shown, "history", after=told["last"])["samples"]
    assert len(new) <= 1 and all(one not in told["samples"] for one in new)
    assert get(shown.admin, "/api/v1/history?after=-1")[0] == 400


def test_nothing_can_be_written(shown):
    for path in ("/metrics", "/api/v1/status", "/api/v1/history", "/api/v1/sessions", "/api/v1/backends", "/", "/readyz"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert get(shown.admin, path, method)[0] == 405, (method, path)


def test_an_address_that_others_reach_has_to_be_allowed(shown):
    def check(admin):
        text = shown.file.read_text()
        file = shown.directory / "remote.yaml"
        file.write_text(text.replace(f"address: 127.0.0.1:{shown.admin}", admin))
        return subprocess.run([BINARY, "check", "-c", file], capture_output=True, text=True)

    done = check("address: 0.0.0.0:9883")
    assert done.returncode == 1 and "allow_remote: true" in done.stdout + done.stderr
    assert check("address: 0.0.0.0:9883\n  allow_remote: true").returncode == 0
    assert check("address: '[::1]:9883'").returncode == 0
    assert check("address: unix:admin.sock").returncode == 0


@pytest.mark.threads
def test_a_stop_in_the_middle_of_questions_is_clean(shown):
    ends = threading.Event()

    def ask():
        while not ends.is_set():
            try:
                get(shown.admin, "/api/v1/sessions")
                get(shown.admin, "/metrics")
            except OSError:
                return

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for one in askers:
        one.start()
    with shown.client(4) as client:
        client.connect("new-1")
    shown.stop()
    ends.set()
    for one in askers:
        one.join()
