# SPDX-License-Identifier: GPL-3.0-or-later
"""Several servers: who gets which, how many each takes, and from which address it is dialled."""

import collections
import signal
import threading
import time

import pytest
import yaml

import mqtt_packets as mqtt
from backend import Backend
from postern import wait_until


@pytest.fixture
def servers():
    made = []

    def make(count, **options):
        made.extend(Backend(**options) for _ in range(count))
        return made[-count:]

    yield make
    for one in made:
        one.close()


def limited(server, limit):
    return {"address": server.address, "max_connections": limit}


def leave(client, server):
    """The first one on it; the broker ends its side too."""
    client.socket.close()
    server.next().close()


@pytest.mark.threads
def test_who_is_over_the_limit_waits_until_somebody_leaves(start, servers):
    (server,) = servers(1)
    postern = start(backends=[{"servers": [limited(server, 1)], "queue": {"timeout": "30s"}}])
    with postern.client() as first, postern.client() as second:
        assert first.connect("first").code == 0
        second.send(mqtt.connect(4, "second"))
        second.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            second.receive()
        second.socket.settimeout(10)
        leave(first, server)
        assert second.expect(mqtt.CONNACK).code == 0
    assert len(server.all) == 2


@pytest.mark.parametrize("version,expected", [(4, 3), (5, 0x89)])
def test_who_waits_too_long_is_told_that_the_server_is_busy(start, servers, version, expected):
    (server,) = servers(1)
    postern = start(backends=[{"servers": [limited(server, 1)], "queue": {"timeout": "200ms"}}])
    with postern.client() as first, postern.client(version) as second:
        assert first.connect("first").code == 0
        assert second.connect("second").code == expected
    assert "reason=busy" in postern.wait_log("client refused")
    assert "none has left in time" in postern.text


def test_who_finds_the_queue_full_is_told_at_once(start, servers):
    (server,) = servers(1)
    postern = start(backends=[{"servers": [limited(server, 1)],
                               "queue": {"size": 1, "timeout": "60s"}}])
    with postern.client() as first, postern.client() as waits, postern.client() as third:
        assert first.connect("first").code == 0
        waits.send(mqtt.connect(4, "waits"))
        waits.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waits.receive()
        began = time.monotonic()
        assert third.connect("third").code == 3
        assert time.monotonic() - began < 5
    assert "as many wait as may" in postern.wait_log("client refused")


def test_a_client_that_leaves_the_queue_is_never_sent_on(start, servers):
    (server,) = servers(1)
    postern = start(backends=[{"servers": [limited(server, 1)], "queue": {"size": 1}}])
    with postern.client() as first:
        assert first.connect("first").code == 0
        leaves = postern.client()
        leaves.send(mqtt.connect(4, "leaves"))
        leaves.socket.close()
        postern.wait_log("session closed .*client_id=leaves")
        with postern.client() as waits:
            waits.send(mqtt.connect(4, "waits"))  # it has the one place in the queue
            leave(first, server)
            assert waits.expect(mqtt.CONNACK).code == 0
    assert len(server.all) == 2


@pytest.mark.threads
def test_the_limit_holds_over_all_workers(start, servers):
    made = servers(2)
    postern = start(workers=4, backends=[{"servers": [limited(one, 5) for one in made],
                                          "queue": {"size": 100, "timeout": "1s"}}])
    codes = collections.Counter()

    def visit(number):
        client = postern.client()
        codes[client.connect(f"c{number}").code] += 1
        clients.append(client)

    clients = []
    threads = [threading.Thread(target=visit, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.socket.close()
    assert codes == {0: 10, 3: 14}
    assert sorted(len(one.all) for one in made) == [5, 5]


def test_a_server_with_room_is_taken_before_anybody_waits(start, servers):
    made = servers(2)
    postern = start(backends=[{"servers": [limited(made[0], 1), made[1].address]}])
    clients = [postern.client() for _ in range(5)]
    assert [client.connect(f"c{number}").code for number, client in enumerate(clients)] == [0] * 5
    for client in clients:
        client.socket.close()
    assert len(made[0].all) == 1 and len(made[1].all) == 4


def test_a_full_queue_for_one_server_keeps_nobody_from_another(start, servers):
    made = servers(2)
    postern = start(backends=[{"servers": [limited(one, 1) for one in made], "balance": "client_id",
                               "queue": {"size": 1, "timeout": "60s"}}])
    at_home = {one: [] for one in made}
    for number in range(12):
        client = postern.client()
        assert client.connect(f"c{number}").code == 0
        home = next(one for one in made if len(one.all) > len(at_home[one]))
        at_home[home].append(f"c{number}")
        leave(client, home)
    crowded, other = at_home.values()
    with postern.client() as first, postern.client() as waits, postern.client(5) as late, \
            postern.client() as neighbour:
        assert first.connect(crowded[0]).code == 0
        waits.send(mqtt.connect(4, crowded[1]))
        waits.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waits.receive()
        assert late.connect(crowded[2]).code == 0x89, "the queue is full"
        assert neighbour.connect(other[0]).code == 0, "and is none of this one's business"


# ------------------------------------------------------------------------------ source addresses


def test_servers_are_dialled_from_the_source_addresses_in_turn(start, servers):
    (server,) = servers(1)
    sources = ["127.0.0.7", "127.0.0.8", "127.0.0.9"]
    postern = start(workers=1, backends=[{"servers": [server.address], "source_addresses": sources}])
    clients = [postern.client() for _ in range(6)]
    for number, client in enumerate(clients):
        assert client.connect(f"c{number}").code == 0
    hosts = collections.Counter(server.next().getpeername()[0] for _ in range(6))
    for client in clients:
        client.socket.close()
    assert hosts == {source: 2 for source in sources}


def test_a_source_address_that_is_not_ours_is_told_and_not_the_servers_fault(start, servers):
    (server,) = servers(1)
    postern = start(backends=[{"servers": [server.address], "source_addresses": ["192.0.2.1"]}])
    for number in range(4):
        with postern.client() as client:
            assert client.connect(f"c{number}").code == 3
    assert "source address is not this machine's" in postern.wait_log("backend unreachable")
    assert "server down" not in postern.text


def test_a_source_address_that_cannot_be_used_is_passed_over(start, servers):
    (server,) = servers(1)
    sources = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "127.0.0.7"]
    postern = start(backends=[{"servers": [server.address], "source_addresses": sources}])
    for number in range(8):
        with postern.client() as client:
            assert client.connect(f"c{number}").code == 0
        server.next().close()


# ------------------------------------------------------------------------------------- client ids


def homes(postern, made, clients, **options):
    """The index of the server that each client got."""
    found = {}
    for client_id in clients:
        before = [len(one.all) for one in made]
        with postern.client() as client:
            assert client.connect(client_id, **options).code == 0
        found[client_id] = next(i for i, one in enumerate(made) if len(one.all) > before[i])
    return found


def test_two_replicas_agree_whatever_the_order_in_the_file(start, servers):
    made = servers(3)
    ids = [f"meter-{number}" for number in range(30)]
    addresses = [one.address for one in made]
    one = start(backends=[{"servers": addresses, "balance": "client_id"}])
    other = start(backends=[{"servers": addresses[::-1], "balance": "client_id"}])
    assert homes(one, made, ids) == homes(other, made, ids)
    assert len(set(homes(one, made, ids).values())) == 3


@pytest.mark.threads
def test_a_server_added_by_a_reload_gets_its_share_and_moves_nobody_else(start, servers):
    made = servers(4)
    ids = [f"meter-{number}" for number in range(40)]
    backend = {"servers": [one.address for one in made[:3]], "balance": "client_id",
               "health_check": {"type": "off"}}
    postern = start(backends=[backend])
    before = homes(postern, made, ids)
    text = yaml.safe_load(postern.file.read_text())
    backend["servers"].append(made[3].address)
    text["backends"] = [backend]
    postern.file.write_text(yaml.safe_dump(text))
    postern.process.send_signal(signal.SIGHUP)
    postern.wait_log("configuration loaded")
    after = homes(postern, made, ids)
    moved = [client_id for client_id in ids if before[client_id] != after[client_id]]
    assert 2 <= len(moved) <= 20 and all(after[client_id] == 3 for client_id in moved)


def test_a_persistent_session_is_found_again_after_its_broker_was_away(start, mosquitto):
    brokers = [mosquitto(extra="persistence false") for _ in range(2)]
    fast = {"type": "tcp", "interval": "100ms", "timeout": "500ms", "rise": 1}
    postern = start(backends=[{"servers": [one.address for one in brokers], "balance": "client_id",
                               "health_check": fast}])
    with postern.client() as client:
        assert client.connect("meter", clean=False).session_present == 0
    with postern.client() as client:
        assert client.connect("meter", clean=False).session_present == 1
    line = next(line for line in postern.log if "session closed" in line)
    home = next(one for one in brokers if f"server={one.address} " in line)
    home.stop()
    postern.wait_log("server down")
    with postern.client() as client:  # served elsewhere meanwhile, without its session
        assert client.connect("meter", clean=False).session_present == 0
    home.start()
    postern.wait_log("server up")
    with postern.client() as client:
        client.connect("meter", clean=False)
    wait_until(lambda: postern.text.count(f"server={home.address} connack") >= 3, "it to come home")
