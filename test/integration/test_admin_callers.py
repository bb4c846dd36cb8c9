# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask at the admin address: by which names, and while others keep it busy."""

import signal
import socket
import threading
import time

import pytest

from admin import get, with_admin
from postern import DEADLINE, free_port, wait_until

TELLING = ("/", "/metrics", "/api/v1/status", "/api/v1/sessions", "/api/v1/certificates",
           "/api/v1/backends", "/api/v1/history", "/api/v1/inventory")


def answers(port, host, paths=TELLING):
    return {get(port, path, Host=host)[0] for path in paths}


@pytest.mark.threads
def test_on_loopback_a_page_whose_own_name_leads_here_is_told_nothing(start):
    port = with_admin(start).admin
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example"):
        assert answers(port, host) == {421}, host
    status, body, _ = get(port, "/api/v1/inventory", Host="evil.example")
    assert status == 421 and "admin.names" in body and "IP address" in body
    for host in (f"127.0.0.1:{port}", "127.0.0.1", f"localhost:{port}", f"[::1]:{port}", "192.0.2.1"):
        assert answers(port, host) == {200}, host


def test_probes_may_ask_for_health_by_any_name(start):
    assert answers(with_admin(start).admin, "postern.example.com", ("/healthz", "/readyz")) == {200}


def test_names_are_added_by_a_reload(start):
    postern = with_admin(start)
    assert answers(postern.admin, "Postern.example.com") == {421}
    text = postern.file.read_text()
    address = f"address: 127.0.0.1:{postern.admin}"
    assert address in text
    postern.file.write_text(text.replace(address, address + "\n  names: [other, postern.example.com]"))
    postern.process.send_signal(signal.SIGHUP)
    wait_until(lambda: answers(postern.admin, "Postern.example.com", ("/metrics",)) == {200}, "the reload")
    assert answers(postern.admin, "other:80") == {200} and answers(postern.admin, "evil.example") == {421}


def test_an_address_for_other_machines_is_asked_by_any_name_unless_names_are_given(start):
    port = free_port()
    start(admin={"address": f"0.0.0.0:{port}", "allow_remote": True})
    assert answers(port, "postern.mqtt.svc:9883") == {200}
    port = free_port()
    start(admin={"address": f"0.0.0.0:{port}", "allow_remote": True, "names": ["postern.mqtt.svc"]})
    assert answers(port, "postern.mqtt.svc:9883") == answers(port, f"127.0.0.1:{port}") == {200}
    assert answers(port, "evil.example") == {421}


@pytest.mark.threads
@pytest.mark.parametrize("sent", [b"", b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
                                  b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
def test_who_asks_nothing_keeps_no_probe_waiting(start, sent):
    port = with_admin(start).admin
    idle = []
    for _ in range(200):
        idle.append(socket.create_connection(("127.0.0.1", port), DEADLINE))
        idle[-1].sendall(sent)
    for _ in range(20):
        began = time.monotonic()
        assert get(port, "/healthz")[:2] == (200, "ok\n")
        assert get(port, "/readyz")[0] == 200
        assert time.monotonic() - began < 2
    for one in idle:
        one.close()


@pytest.mark.threads
def test_a_crowd_of_those_who_ask_is_answered(start):
    port = with_admin(start).admin
    together = threading.Barrier(40)
    told = []

    def ask():
        together.wait()
        told.extend(get(port, path)[0] for path in ("/api/v1/sessions", "/metrics", "/healthz"))

    crowd = [threading.Thread(target=ask) for _ in range(40)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert told == [200] * 120
