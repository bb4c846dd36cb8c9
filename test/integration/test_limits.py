# SPDX-License-Identifier: GPL-3.0-or-later
"""Too many, too fast, too often: who waits, who is told, who is not served, and who does not notice."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import resource
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
import yaml

import mqtt_packets as mqtt
from admin import metrics, with_admin
from postern import DEADLINE, wait_until
from proxy_header import V1, Visitor, closed_without_a_byte, v2

TELLS = [(4, 3), (5, 0x97)]


@contextlib.contextmanager
def connected(postern, count, **options):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(postern.client(**options)) for _ in range(count)]
        for number, client in enumerate(clients):
            assert client.connect(f"c{number}").code == 0
        yield clients


def come(postern, count):
    """That many clients at a time; gives what each was told, and after how long."""
    def one(number):
        began = time.monotonic()
        with postern.client(timeout=60) as client:
            code = client.connect(f"n{number}").code
            return code, time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def readable(sockets, seconds=0):
    poll = select.poll()
    found = {one.fileno(): one for one in sockets}
    for descriptor in found:
        poll.register(descriptor, select.POLLIN)
    return [found[descriptor] for descriptor, _ in poll.poll(seconds * 1000)]


# -------------------------------------------------------------------------------- how many


@pytest.mark.threads
@pytest.mark.parametrize("version,expected", TELLS)
def test_one_too_many_of_a_source_is_told(start, version, expected):
    postern = start(limits={"max_connections_per_source": 3})
    with connected(postern, 3) as clients:
        with postern.client(version) as client:
            told = client.connect("x")
            assert told.code == expected
            client.expect_close()
        line = postern.wait_log("client refused")
        assert "reason=too_many_connections_of_source" in line and "client_id=x" in line
        clients.pop().close()

        def is_let_in():
            with postern.client(version) as client:
                return client.connect("y").code == 0
        wait_until(is_let_in, "the place of the one that left")
        clients[0].ping()


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_source"])
def test_who_is_being_told_takes_no_place(start, limit):
    postern = start(limits={limit: 2})
    with connected(postern, 2) as clients, contextlib.ExitStack() as stack:
        for number in range(5):  # they read the answer, and stay
            told = stack.enter_context(postern.client())
            assert told.connect(f"told{number}").code == 3
        clients[0].close()
        postern.wait_log("session closed.*client_id=c0")
        with postern.client() as client:
            assert client.connect("next").code == 0


@pytest.mark.threads
def test_all_workers_count_a_source_together(start):
    """Forty come at once from one address, to four workers: exactly ten get in."""
    postern = start(workers=4, limits={"max_connections_per_source": 10})
    entered = threading.Barrier(40)

    def one(number):
        with postern.client(timeout=60) as client:
            code = client.connect(f"n{number}").code
            entered.wait(60)
            return code

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        codes = sorted(pool.map(one, range(40)))
    assert codes == [0] * 10 + [3] * 30
    wait_until(lambda: come(postern, 10)[0][0] == 0, "all places again")
    assert len(re.findall("client refused.*too_many_connections_of_source", postern.text)) == 30


def test_sources_behind_a_proxy_are_counted_by_their_own_addresses(start):
    postern = start(listener={"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]},
                    limits={"max_connections_per_source": 1})

    def visit(address):
        header = b"PROXY TCP6 %s 2001:db8::1 1 2\r\n" % address
        visitors.append(Visitor(postern, header))
        return visitors[-1].connect("x%d" % len(visitors)).code

    visitors = []
    assert visit(b"2001:db8:0:1::1") == 0
    assert visit(b"2001:db8:0:2::1") == 0
    assert visit(b"2001:db8:0:1:ffff::9") == 3, "a /64 is one source"
    for _ in range(3):  # the proxy's own connections are nobody's
        visitors.append(Visitor(postern, v2(command=0)))
        assert visitors[-1].connect("x%d" % len(visitors)).code == 0
    for one in visitors:
        one.close()


def test_ipv6_clients_are_counted_too(start):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
        port = probe.getsockname()[1]
    postern = start(listener={"address": f"[::1]:{port}"}, limits={"max_connections_per_source": 1})

    def visit(name):
        raw = socket.create_connection(("::1", port), DEADLINE)
        tls = postern.context().wrap_socket(raw, server_hostname="localhost")
        tls.sendall(mqtt.connect(4, name))
        return tls, tls.recv(100)

    first, told = visit("a")
    assert told == b"\x20\x02\x00\x00"
    second, told = visit("b")
    assert told == b"\x20\x02\x00\x03"
    assert "source=[::1]:" in postern.wait_log("client refused")
    first.close()
    second.close()


def test_unix_clients_have_no_source_and_the_other_limits(start, tmp_path):
    path = str(tmp_path / "front.sock")
    postern = start(listener={"address": f"unix:{path}"},
                    limits={"max_connections": 3, "max_connections_per_source": 1,
                            "penalty": {"failures": 1}, "handshakes_per_second": 50})
    visitors = [Visitor(postern, b"", unix=path) for _ in range(4)]
    assert [one.connect(f"x{n}").code for n, one in enumerate(visitors)] == [0, 0, 0, 3]
    for one in visitors:
        one.close()


def test_a_crowd_far_over_the_limit_costs_no_handshakes(start):
    """Those who hold a connection without a word are counted as well."""
    postern = with_admin(start, limits={"max_connections": 1, "handshake_timeout": "30s"})
    with postern.client() as client:
        assert client.connect("in").code == 0
        crowd = [postern.raw() for _ in range(1100)]
        line = postern.wait_log("connections turned away")
        assert "reason=too_many_connections" in line
        wait_until(lambda: len(readable(crowd)) >= 100, "their end")
        assert all(closed_without_a_byte(raw) for raw in readable(crowd))
        client.ping()
        assert metrics(postern).value("postern_turned_away_total", listener="test",
                                      reason="too_many_connections") == 100
        for raw in crowd:
            raw.close()
    assert postern.text.count("connections turned away") == 1


# -------------------------------------------------------------------------------- how fast


@pytest.mark.threads
def test_what_is_over_the_rate_waits_and_is_not_reset(start):
    postern = with_admin(start, limits={"handshakes_per_second": 10}, workers=2)
    began = time.monotonic()
    told = come(postern, 30)
    took = time.monotonic() - began
    assert [code for code, _ in told] == [0] * 30
    assert took > 2.5, "30 handshakes at 10 a second"
    assert "handshake failed" not in postern.text
    assert metrics(postern).value("postern_accept_pauses_total", listener="test", reason="rate") > 5


def test_a_high_rate_is_reached_and_kept(start):
    postern = start(limits={"handshakes_per_second": 200}, workers=2)
    began = time.monotonic()
    assert [code for _ in range(5) for code, _ in come(postern, 40)] == [0] * 200
    assert 0.8 < time.monotonic() - began < 8


def test_who_is_in_does_not_wait_for_the_rate(start):
    postern = start(limits={"handshakes_per_second": 2}, workers=1)
    with postern.client() as client:
        assert client.connect("in").code == 0
        waiting = [postern.raw() for _ in range(20)]
        began = time.monotonic()
        for _ in range(50):
            client.ping()
        assert time.monotonic() - began < 1
        for raw in waiting:
            raw.close()


def test_connections_without_a_handshake_use_up_no_rate(start):
    postern = start(listener={"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]},
                    limits={"handshakes_per_second": 5}, workers=1)
    with Visitor(postern, V1) as client:
        assert client.connect("a").code == 0
    began = time.monotonic()
    for _ in range(40):  # eight seconds' worth
        with postern.raw() as raw:
            raw.sendall(v2(command=0, family=0, addresses=b""))
            raw.shutdown(socket.SHUT_WR)
            assert closed_without_a_byte(raw)
    with Visitor(postern, V1) as client:
        assert client.connect("b").code == 0
    assert time.monotonic() - began < 6


# -------------------------------------------------------------------------------- how often

PENALTY = {"penalty": {"failures": 3, "window": "1m", "block": "2s"}}


def garbage(postern):
    with postern.raw() as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return closed_without_a_byte(raw)


@pytest.mark.threads
def test_who_keeps_failing_is_not_served_for_a_while(start):
    postern = with_admin(start, limits=PENALTY)
    with postern.client() as client:
        assert client.connect("in").code == 0
        for _ in range(3):
            garbage(postern)
        line = postern.wait_log("source blocked")
        assert "failures=3 " in line and "block_ms=2000" in line and "source=127.0.0.1:" in line
        failed = postern.text.count("handshake failed")
        for _ in range(5):
            with postern.raw() as raw:
                assert closed_without_a_byte(raw)
        client.ping()  # who is in stays in
        found = metrics(postern)
        assert found.value("postern_blocked_sources", listener="test") == 1
        assert found.value("postern_source_blocks_total", listener="test") == 1
        assert found.value("postern_turned_away_total", listener="test", reason="blocked") == 5
        began = time.monotonic()

        def is_served_again():
            try:
                with postern.client() as other:
                    return other.connect("back").code == 0
            except OSError:
                return False
        wait_until(is_served_again, "the end of the block")
        assert time.monotonic() - began > 0.5
    assert postern.text.count("source blocked") == 1
    assert postern.text.count("handshake failed") == failed, "a line a block, and not a connection"


@pytest.mark.parametrize("fail", ["refused", "malformed", "password", "too large"])
def test_refusals_and_wrong_passwords_count(start, mosquitto, tmp_path, fail):
    options = {}
    if fail == "refused":
        options["policies"] = [{"name": "p", "rules": [{"name": "r", "match": {"client_id": "good"}}]}]
    if fail == "password":
        passwords = tmp_path / "passwords"
        passwords.write_text("")
        broker = mosquitto(extra=f"allow_anonymous false\npassword_file {passwords}")
        options["backends"] = [{"servers": [broker.address]}]
    postern = start(limits={**PENALTY, "max_packet_size": "1KiB"}, **options)
    for _ in range(3):
        with postern.client() as client:
            if fail == "too large":
                client.connect("x")
                client.send(mqtt.publish(4, "t", bytes(2000)))
                client.expect_close()
            elif fail == "malformed":
                client.send(b"\x10\x02\xff\xff")
                client.expect_close()
            else:
                assert client.connect("bad").code == 5
    postern.wait_log("source blocked")
    with postern.raw() as raw:
        assert closed_without_a_byte(raw)


def test_our_own_troubles_are_nobodys_fault(start):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        dead = "127.0.0.1:%d" % nobody.getsockname()[1]
    postern = start(limits={**PENALTY, "max_connections": 1}, backends=[{"servers": [dead]}])
    for _ in range(5):
        with postern.client(5) as client:
            assert client.connect("x").code in (0x88, 0x97)
    assert "source blocked" not in postern.text


def test_a_source_behind_a_proxy_is_blocked_and_its_proxy_is_not(start):
    postern = start(listener={"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]}, limits=PENALTY)
    for _ in range(3):
        with postern.raw() as raw:
            raw.sendall(V1 + b"nonsense, and much more of it")
            closed_without_a_byte(raw)
    for _ in range(9):  # the proxy's fault, and not blocked for it: there are clients behind it
        garbage(postern)
    assert " source=192.0.2.7:40112 " in postern.wait_log("source blocked")
    with postern.raw() as raw:
        raw.sendall(V1)
        assert closed_without_a_byte(raw)
    with Visitor(postern, V1.replace(b"192.0.2.7", b"192.0.2.8")) as client:
        assert client.connect("x").code == 0
    assert postern.text.count("source blocked") == 1


def test_a_reload_forgets_no_block_and_may_end_them(start):
    postern = start(limits={"penalty": {"failures": 1, "block": "1h"}})
    garbage(postern)
    postern.wait_log("source blocked")
    text = postern.file.read_text()
    postern.file.write_text(text + "# the same\n")
    postern.wait_log("configuration loaded")
    with postern.raw() as raw:
        assert closed_without_a_byte(raw)
    without = yaml.safe_load(text)
    del without["listeners"][0]["limits"]
    postern.file.write_text(yaml.safe_dump(without))
    wait_until(lambda: postern.text.count("configuration loaded") == 2, "the second reload")
    with postern.client() as client:
        assert client.connect("x").code == 0


# ----------------------------------------------------------------------------- out of descriptors


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("broker", ["included", "external"])
def test_without_a_free_descriptor_new_clients_wait_and_get_in_when_others_leave(start, mosquitto, broker):
    options = {"backends": [{"servers": [mosquitto().address]}]} if broker == "external" else {}
    postern = with_admin(start, descriptors=96, workers=2, limits={"handshake_timeout": "60s"},
                         **options)
    clients, late = [], []
    try:
        while True:  # until one has to wait
            client = postern.client_or_none(1)
            if client is None:
                break
            assert client.connect(f"c{len(clients)}").code == 0
            clients.append(client)
        assert 10 < len(clients) < 48
        late = [postern.raw() for _ in range(40)]
        line = postern.wait_log("accepting paused")
        assert "reason=descriptors" in line and "limit=96" in line and "LimitNOFILE" in line

        before = cpu_seconds(postern.process.pid)
        assert readable(late, 1) == [], "they wait, and are not reset"
        assert cpu_seconds(postern.process.pid) - before < 0.3, "of a second: it does not spin"
        for client in clients:
            client.ping()
        assert metrics(postern).value("postern_accept_pauses_total", listener="test",
                                      reason="descriptors") > 5

        for raw in late[:-1]:
            raw.close()
        for client in clients[:5]:
            client.close()
        tls = postern.context().wrap_socket(late[-1], server_hostname="localhost")
        tls.sendall(mqtt.connect(4, "late"))
        assert tls.recv(100) == b"\x20\x02\x00\x00"
        tls.close()
        for client in clients[5:]:
            client.ping()
        assert postern.text.count("accepting paused") == 1
        assert "backend unreachable" not in postern.text and "accept failed" not in postern.text
    finally:
        for one in clients + late:
            one.close()


def test_log_and_reload_have_descriptors_when_clients_have_none(start, tmp_path):
    log = tmp_path / "postern.log"
    postern = start(descriptors=96, workers=2, log={"file": str(log)})
    clients = []
    while (client := postern.client_or_none(1)) is not None:
        clients.append(client)
    wait_until(lambda: "accepting paused" in log.read_text(), "the pause in the log")
    log.rename(tmp_path / "postern.log.1")
    postern.process.send_signal(signal.SIGUSR1)
    wait_until(log.exists, "the new log")
    postern.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration loaded" in log.read_text(), "the reload in the new log")
    assert len(clients) > 10
    for client in clients:
        assert client.connect("x%d" % id(client)).code == 0
        client.close()


def test_when_the_system_has_no_descriptor_new_clients_wait_as_well(start):
    """The limit falls below what is in use already: accept fails, and must not spin or lose anybody."""
    postern = start(workers=1, limits={"handshake_timeout": "60s"})
    pid = postern.process.pid

    def allow(count):
        subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={count}:"], check=True)

    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    with connected(postern, 3) as clients:
        allow(10)
        late = postern.raw()
        assert "reason=descriptors" in postern.wait_log("accepting paused")
        before = cpu_seconds(pid)
        assert readable([late], 1) == []
        assert cpu_seconds(pid) - before < 0.3
        for client in clients:
            client.ping()
        allow(hard)
        tls = postern.context().wrap_socket(late, server_hostname="localhost")
        tls.sendall(mqtt.connect(4, "late"))
        assert tls.recv(100) == b"\x20\x02\x00\x00"
        tls.close()


# ------------------------------------------------------------------------------------- a storm


@pytest.mark.release_only
def test_a_storm_of_handshakes_does_not_keep_others_waiting(start, pki, capsys):
    """800 ClientHellos are there at once, half a second of work for the only worker."""
    postern = start(workers=1, tls={"certificate": pki.path("server-rsa.pem"),
                                    "private_key": pki.path("server-rsa.key")},
                    log={"level": "warn"})
    context = postern.context()
    hellos = []
    for _ in range(800):
        outgoing = ssl.MemoryBIO()
        tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        hellos.append(outgoing.read())
    with postern.client() as client:
        assert client.connect("in").code == 0
        crowd = [postern.raw() for _ in hellos]
        client.ping()
        began = time.monotonic()
        for raw, hello in zip(crowd, hellos):
            raw.sendall(hello)
        longest = 0
        answered = set()
        while len(answered) < len(crowd):
            asked = time.monotonic()
            client.ping()
            longest = max(longest, time.monotonic() - asked)
            answered.update(readable([raw for raw in crowd if raw not in answered]))
            assert time.monotonic() - began < DEADLINE
        took = time.monotonic() - began
        with capsys.disabled():
            print(f"\n800 handshakes in {took * 1000:.0f} ms, the longest wait of another client "
                  f"{longest * 1000:.1f} ms")
        assert longest < took / 5
        for raw in crowd:
            raw.close()
