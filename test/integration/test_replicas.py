# SPDX-License-Identifier: GPL-3.0-or-later
"""Two Posterns behind a balancer that know nothing of each other: docs/scaling.md does what it says."""

import base64
import os
import re
import signal
import subprocess

import pytest
import yaml

import mqtt_packets as mqtt
from front import Front
from openssl_client import visit
from postern import DEADLINE, ROOT, Postern, free_port, wait_until

PAGE = (ROOT / "docs/scaling.md").read_text()
FILE = re.search(r"^```yaml\n(listeners:.*?|admin:.*?)^```", PAGE, re.M | re.S)[1]
BALANCER = re.search(r"^    frontend mqtts\n(?:    .*\n)+", PAGE, re.M)[0].replace("\n    ", "\n")[4:]
FIRST_KEYS = re.search(r"^    (for n in .* > tickets\.key .*)$", PAGE, re.M)[1]
ROTATION = re.search(r"^    (\(umask 077; \{ sed .*)$", PAGE, re.M)[1]


def fresh_key():
    return base64.b64encode(os.urandom(48)).decode()


class Replicas:
    """Two of the page's Posterns behind the page's HAProxy, and their ticket keys as Kubernetes has
    them: a link to a folder that is swapped."""

    def __init__(self, directory, pki, brokers):
        self.directory, self.pki, self.versions = directory, pki, 0
        self.secret = directory / "secret"
        self.secret.mkdir()
        os.symlink("..data/tickets.key", self.secret / "tickets.key")
        self.put_keys([fresh_key(), fresh_key(), fresh_key()])
        self.posterns, self.fronts = [], []
        try:
            self.posterns = [self.replica(number, brokers) for number in range(2)]
            self.front = self.balance()
            wait_until(self.both_serve, "the balancer to use both")
        except BaseException:
            self.stop()
            raise

    def put_keys(self, lines):
        self.versions += 1
        folder = self.secret / f"..{self.versions}"
        folder.mkdir()
        (folder / "tickets.key").write_text("".join(line + "\n" for line in lines))
        os.symlink(folder.name, self.secret / "..data_tmp")
        os.rename(self.secret / "..data_tmp", self.secret / "..data")

    def keys(self):
        return (self.secret / "tickets.key").read_text().split()

    def replica(self, number, brokers):
        """The second one lists the servers in another order."""
        home = self.directory / f"replica-{number}"
        home.mkdir()
        config = yaml.safe_load(FILE)
        listener = config["listeners"][0]
        assert listener["proxy_protocol"] and config["backends"][0]["balance"] == "client_id"
        admin, port = free_port(), free_port()
        config["admin"]["address"] = f"127.0.0.1:{admin}"
        config["backends"][0]["servers"] = [one.address for one in brokers[::-1 if number else 1]]
        listener.update(address=f"127.0.0.1:{port}", trusted_proxies=["127.0.0.1"])
        listener["tls"].update(certificate=self.pki.path("server.pem"),
                               private_key=self.pki.path("server.key"))
        listener["tls"]["session_tickets"]["key_file"] = str(self.secret / "tickets.key")
        config["drain"] = {"delay": "1s", "spread": "0s", "timeout": "2s"}
        postern = Postern(home, pki=self.pki, **config)
        postern.port, postern.admin = port, admin
        return postern

    def balance(self):
        self.port = free_port()
        text = BALANCER.replace("bind :8883", f"bind 127.0.0.1:{self.port}")
        text = text.replace("balance leastconn", "balance roundrobin")  # so that visits alternate
        text = text.replace("inter 2s", "inter 100ms")
        text = text.replace(" port 9883", "")
        for name, postern, shown in zip(("one", "two"), self.posterns, ("21", "22")):
            was = f"server {name} 10.0.7.{shown}:8883"
            assert was in text
            text = text.replace(was, f"server {name} 127.0.0.1:{postern.port} port {postern.admin}")
        config = self.directory / "haproxy.cfg"
        config.write_text(text)
        return Front(["haproxy", "-db", "-f", str(config)], self.port, self.directory / "haproxy.log")

    def stop(self):
        if hasattr(self, "front"):
            self.front.stop()
        for postern in self.posterns:
            if postern.process.poll() is None:
                postern.process.terminate()
                postern.wait_log("not ready any more")
            postern.stop()  # which is a second signal, and ends the delay

    def visit(self, context, client_id="x", session=None):
        """(CONNACK code, resumed, session, source port) of one visit through the balancer."""
        with mqtt.RawClient(self.port, 4, DEADLINE) as client:
            client.socket = context.wrap_socket(client.socket, server_hostname="localhost",
                                                session=session)
            code = client.connect(client_id).code
            client.ping()  # in TLS 1.3 the ticket comes after the handshake
            return (code, client.socket.session_reused, client.socket.session,
                    client.socket.getsockname()[1])

    def both_serve(self):
        for _ in range(2):
            self.visit(self.context(), "first-look")
        return all("client_id=first-look" in one.text for one in self.posterns)

    def who_served(self, client_id):
        """(number of the replica, its line at the end of the session)."""
        def find():
            return next(((number, line) for number, one in enumerate(self.posterns)
                         for line in list(one.log)
                         if re.search(f"session closed.*client_id={client_id} ", line)), None)
        return wait_until(find, f"the end of {client_id}")

    def context(self, version=None):
        return self.posterns[0].context(version=version)

    def rotated(self, change):
        """Changes the keys, and waits until both have seen them."""
        before = [one.text.count("configuration loaded") for one in self.posterns]
        change()
        wait_until(lambda: all(one.text.count("configuration loaded") > count
                               for one, count in zip(self.posterns, before)), "the new keys")


@pytest.fixture
def replicas(tmp_path, pki, mosquitto):
    one = Replicas(tmp_path, pki, [mosquitto(), mosquitto()])
    yield one
    one.stop()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_resumes_at_whichever_replica_it_comes_to_and_is_who_it_is(replicas, version):
    context = replicas.context(version)
    session, visits, turns = None, [], []
    for number in range(6):
        code, resumed, session, port = replicas.visit(context, f"c-{number}", session)
        visits.append((code, resumed))
        turn, line = replicas.who_served(f"c-{number}")
        turns.append(turn)
        assert f" source=127.0.0.1:{port} " in line
    assert turns in ([0, 1] * 3, [1, 0] * 3)
    assert visits == [(0, False)] + [(0, True)] * 5


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssls_own_client_takes_a_session_from_one_replica_to_the_other(replicas, version):
    saved = replicas.directory / "session.pem"

    def visit_one(client_id, *how):
        return visit(replicas.port, replicas.pki.path("root.crt"), client_id, version, *how)

    assert b"New, TLSv1." in visit_one("first", "-sess_out", str(saved))
    assert b"Reused, TLSv1." in visit_one("second", "-sess_in", str(saved))
    one, first = replicas.who_served("first")
    other, second = replicas.who_served("second")
    assert one != other and "resumed=false" in first and "resumed=true" in second


def test_the_first_keys_of_the_page_are_what_its_rotation_expects(tmp_path):
    path = tmp_path / "tickets.key"
    subprocess.run(FIRST_KEYS, shell=True, cwd=tmp_path, check=True)
    first = path.read_text().split()
    subprocess.run(ROTATION, shell=True, cwd=tmp_path, check=True)
    rotated = path.read_text().split()
    assert len(first) == len(rotated) == 3 and rotated[::2] == [first[2], first[1]]
    assert rotated[1] not in first
    assert path.stat().st_mode & 0o777 == 0o600, "nobody else may read them"


def test_a_rotation_of_the_ticket_keys_costs_nobody_a_handshake(replicas):
    """By the command of the page, each replica seeing the new file in its own time."""
    context = replicas.context("1.3")

    def by_the_page():
        home = replicas.directory / "rotation"
        home.mkdir(exist_ok=True)
        (home / "tickets.key").write_text("\n".join(replicas.keys()) + "\n")
        subprocess.run(ROTATION, shell=True, cwd=home, check=True)
        replicas.put_keys((home / "tickets.key").read_text().split())

    _, _, before, _ = replicas.visit(context)
    old = replicas.keys()
    by_the_page()
    assert replicas.keys()[::2] == [old[2], old[1]] and replicas.keys()[1] not in old
    # Whether a replica has seen it or not: tickets of both keys resume at both.
    session = before
    for _ in range(20):
        code, resumed, session, _ = replicas.visit(context, session=session)
        assert (code, resumed) == (0, True)
    wait_until(lambda: all("configuration loaded" in one.text for one in replicas.posterns), "both")
    assert replicas.visit(context, session=before)[1] and replicas.visit(context, session=before)[1]
    _, _, new, _ = replicas.visit(context)
    replicas.rotated(by_the_page)
    assert [replicas.visit(context, session=new)[1] for _ in range(2)] == [True, True]
    assert [replicas.visit(context, session=before)[:2] for _ in range(2)] == [(0, False)] * 2


def test_both_replicas_send_a_client_to_the_same_broker(replicas):
    context = replicas.context()
    homes = [{}, {}]
    for number in range(50):
        for _ in homes:
            assert replicas.visit(context, f"meter-{number}")[0] == 0
        for postern, home in zip(replicas.posterns, homes):
            line = postern.wait_log(f"session closed.*client_id=meter-{number} ")
            home[number] = re.search(r" server=(\S+)", line)[1]
    assert homes[0] == homes[1] and len(homes[0]) == 50
    assert len(set(homes[0].values())) == 2


def test_while_a_replica_leaves_no_new_client_is_refused(replicas):
    context = replicas.context()
    leaving = replicas.posterns[0]
    leaving.process.send_signal(signal.SIGTERM)
    visits = 0
    while leaving.process.poll() is None:
        assert replicas.visit(context, f"during-{visits}")[0] == 0
        visits += 1
    assert visits > 10
    assert replicas.visit(context, "after")[0] == 0
    replicas.posterns[1].wait_log("client_id=after")
