# SPDX-License-Identifier: GPL-3.0-or-later
"""Who connects with what, asked of a running Postern."""

import csv
import io
import json
import socket
import subprocess
import threading

import pytest

from admin import get, with_admin
from postern import BINARY, DEADLINE, wait_until


def inventory(postern, *words):
    return subprocess.run([BINARY, "inventory", "-c", postern.file, *words], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)


def items(postern):
    done = inventory(postern)
    assert done.returncode == 0, done.stderr
    return {one["client_id"]: one for one in json.loads(done.stdout)["identities"]}


@pytest.fixture
def watched(start, pki):
    return with_admin(start, policies=[{"name": "p", "rules": [
        {"name": "old", "match": {"client_id": "old-*"}},
        {"name": "new", "require": {"tls_version": "1.3"}}]}],
        tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem")})


@pytest.mark.threads
def test_says_of_each_identity_what_it_was_like_the_last_time(watched):
    with watched.client(5, identity="sensor-1", version="1.3") as one, \
            watched.client(4, version="1.2") as two:
        one.connect("new-1")
        two.connect("old-1")
        found = items(watched)
        assert (found["new-1"]["tls"], found["new-1"]["mqtt"]) == ("1.3", "5")
        assert found["new-1"]["common_name"] == "sensor-1" and found["new-1"]["key"] == "P-256"
        assert found["new-1"]["certificate_not_after"] and found["new-1"]["connected"] == 1
        assert found["new-1"]["group"] and found["new-1"]["cipher"].startswith("TLS_")
        assert (found["old-1"]["tls"], found["old-1"]["common_name"]) == ("1.2", "")
        assert found["old-1"]["certificate_not_after"] is None
    with watched.client(4, version="1.2") as refused:
        assert refused.connect("new-2").code == 5
    wait_until(lambda: items(watched)["new-1"]["connected"] == 0, "the end to be noted")
    found = items(watched)
    assert (found["new-2"]["last_refusal"], found["new-2"]["refusals"]) == ("tls_version", 1)
    with watched.client(4) as again:
        again.connect("new-1")
        assert items(watched)["new-1"]["visits"] == 2 and items(watched)["new-1"]["mqtt"] == "3.1.1"


def test_who_still_needs_tls_1_2_is_a_question_for_a_spreadsheet(watched):
    names = ["old-1", 'old-"quoted",comma', "old-=formula", "old-\u00e9", "=1+1"]
    for name in names:
        with watched.client(4, version="1.2" if name.startswith("old") else "1.3") as client:
            client.connect(name)
    done = inventory(watched, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert sorted(row["client_id"] for row in rows if row["tls"] == "1.2") == sorted(names[:4])
    assert [row["client_id"] for row in rows if row["tls"] == "1.3"] == ["'=1+1"]


def test_answers_over_http_and_escapes_what_clients_sent(watched):
    with watched.client(4) as client:
        client.connect('<script>"\n')
    status, body, headers = get(watched.admin, "/api/v1/inventory")
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert json.loads(body)["identities"][0]["client_id"] == '<script>"\n'
    status, body, headers = get(watched.admin, "/api/v1/inventory", Accept="text/csv")
    assert headers["Content-Type"].startswith("text/csv") and "\n<" not in body
    assert get(watched.admin, "/api/v1/inventory", "HEAD")[1] == ""
    assert get(watched.admin, "/healthz")[:2] == (200, "ok\n")
    assert get(watched.admin, "/nothing")[0] == 404
    assert get(watched.admin, "/api/v1/inventory", "POST")[0] == 405
    assert get(watched.admin, "/api/v1/inventory", "DELETE")[0] == 405


def test_a_unix_socket_serves_as_well(start, tmp_path):
    path = tmp_path / "admin.sock"
    postern = start(admin={"address": f"unix:{path}"})
    with postern.client(4) as client:
        client.connect("x")
    assert "x" in items(postern)
    postern.stop()
    assert not path.exists()


def test_a_postern_that_does_not_run_is_said(watched):
    watched.stop()
    done = inventory(watched)
    assert done.returncode == 1 and "no Postern answers on 127.0.0.1" in done.stderr


def test_a_file_without_an_admin_address_is_said(start):
    done = inventory(start())
    assert done.returncode == 1 and "admin: { address: 127.0.0.1:9883 }" in done.stderr


def test_slow_and_broken_askers_do_no_harm(watched):
    many = [socket.create_connection(("127.0.0.1", watched.admin)) for _ in range(100)]
    for one in many[:50]:
        one.sendall(b"GET /api/v1/inv")
    for one in many[50:]:
        one.sendall(b"\x00\xff" * 100)
    with watched.client(4) as client:
        assert client.connect("old-x").code == 0
    for one in many:
        one.close()

    def answers():
        try:
            return get(watched.admin, "/healthz")[0] == 200
        except ConnectionResetError:
            return False  # the last of the others are being closed still

    wait_until(answers, "the admin address")


@pytest.mark.threads
def test_many_who_come_and_go_are_counted_right(watched):
    def visit(number):
        for turn in range(10):
            with watched.client(4) as client:
                client.connect(f"c-{number}-{turn % 2}")

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join()
    wait_until(lambda: all(one["connected"] == 0 for one in items(watched).values()), "all to leave")
    assert sum(one["visits"] for one in items(watched).values()) == 80
