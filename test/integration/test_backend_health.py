# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that die, hang and come back: who is told, who is sent elsewhere, and how soon."""

import re
import signal
import socket
import threading
import time

import pytest
import yaml

import mqtt_packets as mqtt
from backend import Backend
from postern import DEADLINE, free_port, wait_until

FAST = {"type": "tcp", "interval": "200ms", "timeout": "500ms"}
UP, DOWN = r"server up .*server=%s ", r"server down .*server=%s "


def dead():
    return f"127.0.0.1:{free_port()}"


def code(postern, client_id="x", version=4, **options):
    with postern.client(version) as client:
        return client.connect(client_id, **options).code


class Hanging:
    """Accepts, and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


@pytest.fixture
def peers():
    made = []

    def make(kind, *args, **options):
        made.append(kind(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.threads
def test_a_broker_that_dies_is_down_and_back_when_it_lives_again(start, mosquitto):
    broker = mosquitto()
    postern = start(backends=[{"servers": [broker.address], "health_check": FAST}])
    assert code(postern) == 0
    broker.stop()
    line = postern.wait_log(DOWN % broker.address)
    assert "its check fails: connection refused" in line and "backend=main" in line
    assert code(postern) == 3 and code(postern, version=5) == 0x88
    said = postern.wait_log(f"backend unreachable .*server={broker.address}")
    assert "is down for" in said and "connection refused" in said
    broker.start()
    assert "its check succeeds" in postern.wait_log(UP % broker.address)
    assert code(postern) == 0
    assert postern.text.count("server down") == 1 and postern.text.count("server up") == 1


def test_a_server_is_not_down_because_there_is_no_descriptor_to_check_it_with(start, mosquitto):
    broker = mosquitto()
    postern = start(backends=[{"servers": [broker.address], "health_check": {**FAST, "fall": 1}}])
    assert code(postern) == 0
    with postern.without_descriptors():
        postern.process.send_signal(signal.SIGHUP)
        postern.wait_log("not loaded.*because=\"the last reload lacked")  # many checks later
    assert code(postern) == 0
    assert "server down" not in postern.text


def test_a_first_check_finds_a_dead_server_before_a_client_does(start, mosquitto):
    gone, broker = dead(), mosquitto()
    postern = start(backends=[{"servers": [gone, broker.address], "health_check": FAST}])
    postern.wait_log(DOWN % gone)
    for number in range(6):
        assert code(postern, f"c{number}") == 0
    assert "backend unreachable" not in postern.text


def test_the_first_check_does_not_wait_for_the_interval(start):
    gone = dead()
    postern = start(backends=[{"servers": [gone], "health_check": {"type": "tcp", "interval": "1h"}}])
    assert "its check fails: connection refused" in postern.wait_log(DOWN % gone)


def test_clients_are_told_at_once_when_every_server_is_down(start):
    servers = [dead(), dead()]
    postern = start(backends=[{"servers": servers, "health_check": FAST, "connect_timeout": "30s"}])
    for server in servers:
        postern.wait_log(DOWN % server)
    began = time.monotonic()
    assert code(postern) == 3
    assert time.monotonic() - began < 5
    line = postern.wait_log("backend unreachable")
    assert all(f"{server} is down for" in line for server in servers)
    assert servers[0] not in postern.wait_log("client refused")


def test_three_refused_dials_eject_a_server_until_a_trial_reaches_it(start, mosquitto):
    broker = mosquitto()
    broker.stop()
    postern = start(backends=[{"servers": [broker.address], "health_check": {"type": "off"}}])
    for _ in range(3):
        assert code(postern) == 3
    assert "3 dials in a row failed: connection refused" in postern.wait_log(DOWN % broker.address)
    broker.start()
    wait_until(lambda: code(postern) == 0, "a dial to be let through")
    assert "a client has reached it" in postern.wait_log(UP % broker.address)


def test_a_check_brings_back_what_clients_ejected(start, mosquitto):
    broker = mosquitto()
    broker.stop()
    slow = {"type": "tcp", "interval": "1h"}  # in doubt it is checked every second
    with socket.create_server(("127.0.0.1", int(broker.address.split(":")[1]))) as before:
        before.settimeout(DEADLINE)
        postern = start(backends=[{"servers": [broker.address], "health_check": slow}])
        before.accept()[0].close()  # the first check finds it up, an hour before the next one
    for _ in range(3):
        assert code(postern) == 3
    assert "3 dials in a row failed" in postern.wait_log(DOWN % broker.address)
    broker.start()
    assert "its check succeeds" in postern.wait_log(UP % broker.address)
    assert code(postern) == 0


@pytest.mark.threads
def test_an_mqtt_check_finds_a_broker_that_accepts_and_says_nothing(start, peers, mosquitto):
    hanging, broker = peers(Hanging), mosquitto()
    check = {**FAST, "type": "mqtt"}
    postern = start(backends=[{"servers": [hanging.address, broker.address], "health_check": check}])
    assert "answers no CONNECT within the check's timeout" in postern.wait_log(DOWN % hanging.address)
    assert [code(postern, f"c{number}") for number in range(4)] == [0] * 4
    assert f"server={broker.address} " not in "".join(
        line for line in postern.log if "server down" in line)


def test_a_tcp_check_takes_it_for_up(start, peers):
    hanging = peers(Hanging)
    postern = start(backends=[{"servers": [hanging.address], "health_check": FAST,
                               "connack_timeout": "700ms"}])
    assert code(postern) == 3
    assert "did not answer the CONNECT within connack_timeout" in postern.wait_log("backend failed")
    assert "server down" not in postern.text


@pytest.mark.parametrize("answer,words", [
    (b"\x20\x02\x00\x03", r"says that it is unavailable \(return code 3\)"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "something that is no CONNACK"),
])
def test_an_mqtt_check_reads_the_answer(start, peers, answer, words):
    server = peers(Backend, connack=answer)
    postern = start(backends=[{"servers": [server.address], "health_check": {**FAST, "type": "mqtt"}}])
    line = postern.wait_log(DOWN % server.address)
    assert re.search(words, line), line


def test_an_mqtt_check_of_a_broker_that_wants_a_password_finds_it_alive(start, mosquitto, tmp_path):
    broker = mosquitto(extra="allow_anonymous false")
    postern = start(backends=[{"servers": [dead(), broker.address],
                               "health_check": {**FAST, "type": "mqtt"}}])
    postern.wait_log("server down")
    log = tmp_path / "mosquitto-0/mosquitto.log"
    wait_until(lambda: log.read_text().count("not authorised") >= 3, "checks in the broker's log")
    assert code(postern) == 5  # the broker's own word
    assert postern.text.count("server down") == 1


def test_a_check_introduces_itself_where_the_backend_wants_the_proxy_protocol(start, peers):
    server = peers(Backend, connack=None)
    postern = start(backends=[{"servers": [server.address], "proxy_protocol": "v2",
                               "health_check": {**FAST, "type": "mqtt"}}])
    peer = server.next()
    head = peer.recv(16, socket.MSG_WAITALL)
    assert head[:12] == b"\r\n\r\n\0\r\nQUIT\n" and head[12:14] == b"\x21\x11"  # PROXY, TCP4; not LOCAL
    peer.recv(int.from_bytes(head[14:16], "big"), socket.MSG_WAITALL)
    connect = Backend.read_connect(peer)
    assert b"postern-check-" in connect
    peer.sendall(b"\x20\x02\x00\x00")
    assert peer.recv(2, socket.MSG_WAITALL) == b"\xe0\x00"  # DISCONNECT
    assert peer.recv(1) == b""
    assert "server down" not in postern.text


def test_checks_of_one_server_never_pile_up(start, peers):
    server = peers(Backend, connack=None)
    start(backends=[{"servers": [server.address],
                     "health_check": {"type": "mqtt", "interval": "50ms", "timeout": "800ms"}}])
    server.next()
    began = time.monotonic()
    server.next()
    assert time.monotonic() - began > 0.4  # the first one has to end before


@pytest.mark.threads
def test_what_is_known_of_a_server_outlives_a_reload(start, mosquitto):
    gone, broker = dead(), mosquitto()
    slow = {"type": "tcp", "interval": "400ms"}
    backend = {"servers": [gone], "health_check": slow}
    postern = start(backends=[backend])
    postern.wait_log(DOWN % gone)
    for weight in range(2, 5):
        backend["servers"] = [{"address": gone, "weight": weight}, broker.address]
        text = yaml.safe_load(postern.file.read_text())
        text["backends"] = [backend]
        postern.file.write_text(yaml.safe_dump(text))
        postern.process.send_signal(signal.SIGHUP)
        wait_until(lambda: postern.text.count("configuration loaded") == weight - 1, "the reload")
        assert code(postern, f"c{weight}") == 0
    assert postern.text.count("server down") == 1
    assert "backend unreachable" not in postern.text


def test_a_rule_sends_clients_to_a_backend_and_its_health_counts(start, mosquitto):
    gone, broker = dead(), mosquitto()
    postern = start(
        backends=[{"name": "default", "servers": [broker.address], "health_check": FAST},
                  {"name": "legacy", "servers": [gone], "health_check": FAST}],
        policies=[{"name": "p", "rules": [{"name": "old", "match": {"client_id": "old-*"},
                                           "backend": "legacy"}, {"name": "rest"}]}])
    assert "backend=legacy" in postern.wait_log(DOWN % gone)
    assert code(postern, "old-1") == 3
    assert code(postern, "new-1") == 0
    assert "backend=legacy" in postern.wait_log("backend unreachable")


# ------------------------------------------------------------------------------- another server


def test_a_client_is_sent_on_when_a_broker_closes_without_a_connack(start, peers, mosquitto):
    class Closing(Hanging):
        def __init__(self):
            super().__init__()
            self.seen = []
            threading.Thread(target=self.serve, daemon=True).start()

        def serve(self):
            while True:
                try:
                    peer, _ = self.socket.accept()
                except OSError:
                    return
                self.seen.append(peer.recv(65536))
                peer.close()

    closing, broker = peers(Closing), mosquitto()
    postern = start(backends=[{"servers": [closing.address, broker.address], "balance": "round_robin",
                               "health_check": {"type": "off"}}])
    with postern.client() as watcher:
        assert watcher.connect("watcher").code == 0
        watcher.subscribe("t/#")
        for number in range(4):
            with postern.client() as client:  # all at once, with a message behind the CONNECT
                client.send(mqtt.connect(4, f"c{number}") + mqtt.publish(4, f"t/{number}", "once"))
                assert client.expect(mqtt.CONNACK).code == 0
                assert watcher.expect(mqtt.PUBLISH).topic == f"t/{number}"
        watcher.ping()  # nothing came twice
    assert closing.seen and all(b"t/" not in seen for seen in closing.seen)
    assert "it closed the connection without a CONNACK" in postern.wait_log("backend failed")


def test_a_client_is_sent_on_when_a_broker_hangs(start, peers, mosquitto):
    hanging, broker = peers(Hanging), mosquitto()
    postern = start(backends=[{"servers": [hanging.address, broker.address], "balance": "round_robin",
                               "connack_timeout": "300ms", "health_check": {"type": "off"}}])
    assert [code(postern, f"c{number}") for number in range(2)] == [0, 0]
    assert "did not answer the CONNECT within connack_timeout" in postern.wait_log("backend failed")


def test_a_server_that_swallows_connections_costs_half_of_the_time(start, mosquitto):
    with socket.socket() as swallowing, socket.socket() as filling:
        swallowing.bind(("127.0.0.1", 0))
        swallowing.listen(0)
        filling.connect(swallowing.getsockname())  # there is room for one; later ones hear nothing
        gone, broker = "127.0.0.1:%d" % swallowing.getsockname()[1], mosquitto()
        postern = start(backends=[{"servers": [gone, broker.address], "balance": "round_robin",
                                   "connect_timeout": "2s", "health_check": {"type": "off"}}])
        took = []
        for number in range(8):
            began = time.monotonic()
            assert code(postern, f"c{number}") == 0
            took.append(time.monotonic() - began)
        assert "no answer within connect_timeout" in postern.wait_log("backend unreachable")
        postern.wait_log(DOWN % gone)  # after three of them
        assert sum(seconds > 0.9 for seconds in took) <= 4 and max(took) < 5, took


@pytest.mark.parametrize("servers", [1, 2])
def test_a_client_that_says_all_and_goes_is_heard(start, peers, servers):
    made = [peers(Backend) for _ in range(servers)]
    postern = start(backends=[{"servers": [one.address for one in made]}])
    wanted = mqtt.publish(4, "t", "m" * 500) + mqtt.packet(mqtt.DISCONNECT, 0, b"")
    client = postern.client()
    client.send(mqtt.connect(4, "hasty") + wanted)
    client.socket.shutdown(socket.SHUT_WR)
    got = b""
    server = wait_until(lambda: next((one for one in made if one.all), None), "a connection")
    peer = server.next()
    while piece := peer.recv(65536):
        got += piece
    assert got == wanted


def test_what_a_client_sends_before_its_connack_is_held_to_its_rule(start, mosquitto):
    brokers = [mosquitto() for _ in range(2)]
    postern = start(
        backends=[{"servers": [one.address for one in brokers], "balance": "client_id"}],
        policies=[{"name": "p", "rules": [{"name": "own", "publish": {"allow": ["own/#"]}}]}])
    with postern.client() as client:
        client.send(mqtt.connect(4, "x") + mqtt.subscribe(4, 1, ("#", 0))
                    + mqtt.publish(4, "foreign", "no") + mqtt.publish(4, "own/1", "yes"))
        assert client.expect(mqtt.CONNACK).code == 0
        client.expect(mqtt.SUBACK)
        assert client.expect(mqtt.PUBLISH).topic == "own/1"
    line = postern.wait_log("session closed")
    assert "packets_in=" in line and "bytes_in=" in line


def test_what_a_client_sends_before_its_connack_is_bounded(start, peers):
    servers = [peers(Backend, connack=None) for _ in range(2)]
    postern = start(backends=[{"servers": [one.address for one in servers]}])
    with postern.client() as client:
        client.send(mqtt.connect(4, "x"))
        server = wait_until(lambda: next((one for one in servers if one.all), None), "a connection")
        peer = server.next()
        Backend.read_connect(peer)
        client.socket.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                client.socket.sendall(mqtt.publish(4, "t", b"m" * 60000))
                sent += 60000
        assert postern.memory_kb() < 100_000 or sent < 16 << 20
        peer.sendall(b"\x20\x02\x00\x00")
        first = peer.recv(2, socket.MSG_WAITALL)
        assert first[0] >> 4 == mqtt.PUBLISH


def test_a_broker_that_refuses_gets_nothing_more_and_the_client_its_word(start, peers):
    servers = [peers(Backend, connack=b"\x20\x02\x00\x05") for _ in range(2)]
    postern = start(backends=[{"servers": [one.address for one in servers]}])
    with postern.client() as client:
        client.send(mqtt.connect(4, "x") + mqtt.publish(4, "t", "secret"))
        assert client.expect(mqtt.CONNACK).code == 5
    server = wait_until(lambda: next((one for one in servers if one.all), None), "a connection")
    assert server.next().recv(100) == b""


@pytest.mark.threads
def test_as_long_as_one_broker_lives_every_client_gets_in(start, mosquitto):
    brokers = [mosquitto() for _ in range(3)]
    postern = start(workers=2, backends=[{
        "servers": [one.address for one in brokers], "balance": "client_id",
        "health_check": {"type": "mqtt", "interval": "100ms", "timeout": "500ms", "rise": 1}}])
    codes, over = [], threading.Event()

    def come_and_go(number):
        while not over.is_set():
            try:
                codes.append(code(postern, f"meter-{number}-{len(codes)}"))
            except Exception as failed:  # pylint: disable=broad-except
                codes.append(failed)
                return

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for turn in range(8):
        brokers[turn % 3].stop()
        if turn % 2:
            postern.process.send_signal(signal.SIGHUP)
        before = len(codes)
        wait_until(lambda: len(codes) > before + 10, "clients")
        brokers[turn % 3].start()
        wait_until(lambda: postern.text.count("server up ") == postern.text.count("server down "),
                   "all of them to be up")
    over.set()
    for thread in threads:
        thread.join()
    assert set(codes) == {0}, [one for one in codes if one != 0][:5]
    assert "server down" in postern.text
    with postern.client() as client:
        assert client.connect("last").code == 0
