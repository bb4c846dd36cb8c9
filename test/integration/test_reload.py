# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes while clients are connected: files, rules, the calendar."""

import datetime
import os
import pathlib
import shutil
import signal
import threading
import time

import pytest

import mqtt_packets as mqtt
import pki as pki_module
from postern import free_port, wait_until
from reloads import change, join, loads, put
from test_scale import Herd
from test_tickets import resume


def trusting(own, **more):
    return {"client_certificate": "optional", "client_ca": own.path("ca.pem"),
            "client_crl": [own.path("ca.crl")], **more}


# ------------------------------------------------------------------------------------- revocation


@pytest.mark.threads
def test_a_revoked_device_is_gone_within_a_second_and_the_others_stay(start, own):
    postern = start(pki=own, tls=trusting(own))
    bad = [join(postern, "bad", "bad-5"), join(postern, "bad", "bad-4", 4)]
    good = [join(postern, "good", "good-5"), join(postern, "good", "good-4", 4),
            join(postern, None, "anonymous")]
    own.revoke("bad")
    arrived = time.monotonic()
    assert bad[0].expect(mqtt.DISCONNECT).reason == 0x87
    bad[0].expect_close()
    bad[1].expect_close()
    took = time.monotonic() - arrived
    assert took < (1 if "tsan" not in str(postern.process.args) else 5), took
    for client in good:
        client.ping()
    assert "reason=revoked" in postern.wait_log("session closed.*client_id=bad-5")
    assert 'certificate_subject="CN=bad,O=Postern Test"' in postern.wait_log("no longer admitted")
    with pytest.raises(OSError):
        with postern.client(5, identity="bad") as client:
            client.connect("bad-5")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_ticket_outlives_a_new_crl_but_not_a_revocation(start, own, version):
    postern = start(pki=own, tls=trusting(own))
    contexts = {name: postern.context(identity=name, version=version) for name in ("good", "bad")}
    sessions = {name: resume(postern, context)[2] for name, context in contexts.items()}
    own.revoke("bad")
    postern.wait_log("configuration loaded")
    wait_until(lambda: resume(postern, contexts["good"], session=sessions["good"])[1],
               "the good one's ticket to be taken")
    with pytest.raises(OSError):
        resume(postern, contexts["bad"], session=sessions["bad"])
    assert "reason=certificate_revoked" in postern.wait_log("handshake failed")


def test_a_revoked_intermediate_ends_whom_it_signed(start, own):
    postern = start(pki=own, tls=trusting(own))
    own.issue("direct", issuer="root")
    below = join(postern, "good", "below")
    beside = join(postern, "direct", "beside")
    own.revoke("intermediate", issuer="root")
    assert below.expect(mqtt.DISCONNECT).reason == 0x87
    beside.ping()


def test_sessions_end_whose_ca_is_no_longer_trusted(start, own):
    postern = start(pki=own, tls=trusting(own, client_crl=None))
    stays = join(postern, None, "anonymous")
    goes = join(postern, "good", "good")
    put(own.path("ca.pem"), (own.base / "strangers-ca").read_text()
        if (own.base / "strangers-ca").exists() else
        pathlib.Path(pki_module.Pki(own.base / "strangers").path("ca.pem")).read_text())
    assert goes.expect(mqtt.DISCONNECT).reason == 0x87
    stays.ping()


def test_a_crl_that_cannot_be_used_changes_nothing(start, own):
    postern = start(pki=own, tls=trusting(own))
    good = join(postern, "good", "good")
    whole = (own.base / "ca.crl").read_text()
    put(own.path("ca.crl"), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    assert "old one stays" in postern.wait_log("not loaded")
    good.ping()
    join(postern, "good", "another").close()
    own.renew_crl("intermediate", "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate",
                  "20200201000000Z")
    own.write("ca.crl", "root.crl", "intermediate.crl")
    wait_until(lambda: postern.text.count("not loaded") == 2, "the outdated CRL to be refused")
    join(postern, "good", "a-third").close()
    put(own.path("ca.crl"), whole)
    postern.wait_log("configuration loaded")
    own.renew_crl("intermediate")
    own.revoke("good")
    assert good.expect(mqtt.DISCONNECT).reason == 0x87


def test_a_file_that_goes_away_is_missed_but_stays_in_force(start, own):
    postern = start(pki=own, tls=trusting(own))
    os.rename(own.path("ca.crl"), own.path("away"))
    assert "ca.crl" in postern.wait_log("configuration .*cannot read")
    join(postern, "good", "good").close()


def test_a_symbolic_link_that_is_swapped_counts_as_a_change(start, own, tmp_path):
    """As Kubernetes mounts secrets: ..data leads to the folder of the moment."""
    mount = tmp_path / "mount"
    for name in ("one", "two"):
        (mount / name).mkdir(parents=True)
    shutil.copy(own.path("ca.crl"), mount / "one" / "ca.crl")
    (mount / "..data").symlink_to("one")
    (mount / "ca.crl").symlink_to("..data/ca.crl")
    postern = start(pki=own, tls=trusting(own, client_crl=[str(mount / "ca.crl")]))
    bad = join(postern, "bad", "bad")
    own.revoke("bad")
    shutil.copy(own.path("ca.crl"), mount / "two" / "ca.crl")
    (mount / "..data_tmp").symlink_to("two")
    os.rename(mount / "..data_tmp", mount / "..data")
    assert bad.expect(mqtt.DISCONNECT).reason == 0x87


def test_crls_may_be_der_and_several(start, own):
    for name in ("root", "intermediate"):
        own.openssl("crl", "-in", own.path(name + ".crl"), "-outform", "DER", "-out",
                    own.path(name + ".der"))
    postern = start(pki=own, tls=trusting(own, client_crl=[own.path("root.der"),
                                                           own.path("intermediate.der")]))
    bad = join(postern, "bad", "bad")
    own.revoke("bad")
    own.openssl("crl", "-in", own.path("intermediate.crl"), "-outform", "DER", "-out",
                own.path("intermediate.der"))
    assert bad.expect(mqtt.DISCONNECT).reason == 0x87


def test_nothing_is_looked_at_where_watch_is_off(start, own):
    postern = start(pki=own, tls=trusting(own), watch=False)
    bad = join(postern, "bad", "bad")
    own.revoke("bad")
    time.sleep(0.6)  # three looks of the watch, if there were one
    bad.ping()
    postern.process.send_signal(signal.SIGHUP)
    assert bad.expect(mqtt.DISCONNECT).reason == 0x87
    assert "because=SIGHUP" in postern.wait_log("configuration loaded")


def test_a_policy_without_recheck_lets_them_stay(start, own):
    postern = start(pki=own, tls=trusting(own),
                    policies=[{"name": "p", "otherwise": "admit", "recheck": False}])
    bad = join(postern, "bad", "bad")
    own.revoke("bad")
    postern.wait_log("configuration loaded")
    bad.ping()


@pytest.mark.release_only
def test_5000_sessions_are_judged_without_a_pause(start, own, capsys):
    postern = start(pki=own, tls=trusting(own), log={"level": "warn"})
    herd = Herd(postern, 5000, "X25519", own.path("good.pem"), own.path("good.key"))
    bad = join(postern, "bad", "bad")
    pauses = []
    ends = threading.Event()

    def probe():
        with join(postern, "good", "probe") as client:
            while not ends.is_set():
                began = time.monotonic()
                client.ping()
                pauses.append(time.monotonic() - began)

    prober = threading.Thread(target=probe)
    prober.start()
    wait_until(lambda: len(pauses) > 100, "the probe to run")
    own.revoke("bad")
    arrived = time.monotonic()
    assert bad.expect(mqtt.DISCONNECT).reason == 0x87
    took = time.monotonic() - arrived
    ends.set()
    prober.join()
    with capsys.disabled():
        print(f"\na revocation among 5000: gone after {took * 1000:.0f} ms, "
              f"longest pause of another session {max(pauses) * 1000:.0f} ms")
    assert took < 1
    assert max(pauses) < 0.25, "50 ms on a quiet machine, which this one need not be"
    assert herd.all_alive()
    herd.leave()


# ---------------------------------------------------------------------------------- certificates


def test_a_renewed_certificate_is_served_and_nobody_is_disturbed(start, own):
    postern = start(pki=own)
    client = join(postern, None, "x")
    before = client.socket.getpeercert(True)
    own.server("server", "localhost")
    postern.wait_log("configuration loaded")
    client.ping()

    def renewed():
        try:
            with postern.client() as again:
                return again.socket.getpeercert(True) != before
        except OSError:
            return False

    wait_until(renewed, "the new certificate")
    client.ping()


def test_what_could_not_be_read_for_want_of_descriptors_is_read_later(start, own):
    """Nobody changes the file a second time: a CRL would never come into force."""
    postern = start(pki=own, tls=trusting(own))
    with postern.without_descriptors():
        own.revoke("bad")
        postern.wait_log("configuration not loaded.*Too many open files")
    postern.wait_log("configuration loaded because=\"the last reload lacked")
    with pytest.raises(OSError):
        join(postern, "bad", "bad", version="1.2")
    join(postern, "good", "good").close()


def test_a_listener_that_lacks_a_descriptor_is_opened_later(start):
    """Of a new one each worker gets a socket, and there are descriptors for some of them."""
    postern = start(workers=3, watch=False)
    change(postern, lambda config: config["listeners"].append(
        {**config["listeners"][0], "name": "more", "address": f"127.0.0.1:{free_port()}"}))
    with postern.without_descriptors(but=4):
        postern.process.send_signal(signal.SIGHUP)
        assert "listening socket: Too many open files" in postern.wait_log("configuration not loaded")
    postern.wait_log("configuration loaded because=\"the last reload lacked")


def test_a_key_of_another_certificate_is_refused(start, own):
    postern = start(pki=own)
    shutil.copy(own.path("good.key"), own.path("server.key"))
    postern.wait_log("configuration error=.* error: .*server.key")
    postern.wait_log("not loaded")
    join(postern, None, "x").close()


# ----------------------------------------------------------------------------------- the whole file


def rules(*some):
    return [{"name": "p", "rules": list(some), "recheck_spread": "1s"}]


@pytest.mark.threads
def test_a_new_policy_judges_who_is_connected(start):
    postern = start(policies=rules({"name": "all", "match": {"client_id": "*"}}))
    old = [join(postern, None, f"old-{number}", version="1.2") for number in range(3)]
    new = join(postern, None, "new", version="1.3")
    change(postern, lambda config: config.update(policies=rules(
        {"name": "strict", "require": {"tls_version": "1.3"}})))
    for client in old:
        assert client.expect(mqtt.DISCONNECT).reason == 0x87
        client.expect_close()
    new.ping()
    assert "requires TLS 1.3" in postern.wait_log("no longer admitted.*client_id=old-1")
    assert "reason=tls_version" in postern.wait_log("session closed.*client_id=old-1")
    new.close()
    assert "rule=strict" in postern.wait_log("session closed.*client_id=new")


def own_topics(name):
    return rules({"name": name, "publish": {"allow": [f"{name}/#"]}})


def reason_of_publish(client, topic):
    client.send(mqtt.publish(5, topic, b"x", 1, 7))
    return client.expect(mqtt.PUBACK).reason


def test_a_new_policy_judges_clients_of_a_server_that_is_gone(start, mosquitto):
    one, two = mosquitto(), mosquitto()
    postern = start(policies=own_topics("old"), backends=[{"servers": [one.address]}])
    with join(postern, None, "stays", mqtt_version=5) as client:
        assert reason_of_publish(client, "old/x") < 0x80
        for number, servers in enumerate([[two.address], [two.address], [one.address, two.address]], 1):
            change(postern, lambda config: (config["backends"][0].update(servers=servers),
                                            config.update(policies=own_topics(f"new{number}"))))
            wait_until(lambda: loads(postern) == number, "the reload")
            wait_until(lambda: reason_of_publish(client, f"new{number}/x") < 0x80, "the new policy")
            assert reason_of_publish(client, "old/x") == 0x87
    postern.wait_log(f"session closed .*rule=new3 .*server={one.address} ")


def test_who_waits_for_a_server_during_a_reload_is_under_the_new_policy(start, mosquitto):
    broker = mosquitto()
    postern = start(policies=own_topics("old"), backends=[{
        "servers": [{"address": broker.address, "max_connections": 1}], "queue": {"timeout": "30s"}}])
    with join(postern, None, "first", mqtt_version=5) as first, postern.client(5) as waits:
        waits.send(mqtt.connect(5, "waits"))
        change(postern, lambda config: config.update(policies=own_topics("new")))
        postern.wait_log("configuration loaded")
        first.close()
        assert waits.expect(mqtt.CONNACK).code == 0
        assert reason_of_publish(waits, "old/x") == 0x87
        assert reason_of_publish(waits, "new/x") < 0x80


def test_who_is_on_the_way_in_when_its_listener_goes_is_judged_by_what_that_had(start):
    postern = start(policies=rules({"name": "known", "match": {"client_id": "known"}}))
    with postern.client(5) as known, postern.client(5) as stranger, \
            join(postern, None, "known", mqtt_version=5) as stays:
        change(postern, lambda config: config["listeners"][0].update(
            name="another", address=f"127.0.0.1:{free_port()}"))
        postern.wait_log("configuration loaded")
        wait_until(lambda: not postern.accepts(), "the listener to close")
        assert stranger.connect("stranger").code == 0x87
        stays.ping()
        assert known.connect("known").code == 0


def test_a_crowd_is_ended_over_the_spread(start):
    postern = start(policies=rules({"name": "all"}))
    crowd = [join(postern, None, f"c-{number}") for number in range(150)]
    change(postern, lambda config: config.update(policies=rules(
        {"name": "none", "match": {"client_id": "nobody"}})))
    ended = []
    for client in reversed(crowd):  # those that came last are the first to go
        assert client.expect(mqtt.DISCONNECT).reason == 0x87
        client.expect_close()
        ended.append(time.monotonic())
    assert 0.4 < max(ended) - min(ended) < 5


def test_a_bad_file_changes_nothing_and_says_why(start):
    postern = start(policies=rules({"name": "all"}))
    client = join(postern, None, "x")
    change(postern, lambda config: config["policies"][0].update(rulez=[]))
    line = postern.wait_log("configuration .*rulez")
    assert 'did you mean' in line
    assert "rulez" in postern.wait_log("not loaded, the old one stays")
    client.ping()
    join(postern, None, "y").close()


def test_listeners_come_and_go(start):
    postern = start()
    stays = join(postern, None, "stays")
    first, second = postern.port, free_port()

    def add(config):
        config["listeners"].append({**config["listeners"][0], "name": "second",
                                    "address": f"127.0.0.1:{second}"})

    change(postern, add)
    wait_until(lambda: loads(postern) == 1, "the second listener")
    postern.port = second
    wait_until(postern.accepts, "the second listener")
    moved = join(postern, None, "moved")
    change(postern, lambda config: config["listeners"].pop(0))
    wait_until(lambda: loads(postern) == 2, "the first listener to go")
    postern.port = first
    wait_until(lambda: not postern.accepts(), "the first listener to close")
    stays.ping()
    moved.ping()
    postern.port = second
    join(postern, None, "more").close()


def test_a_port_that_is_taken_changes_nothing(start):
    postern = start()
    taken = start()

    def add(config):
        config["listeners"].append({**config["listeners"][0], "name": "second",
                                    "address": f"127.0.0.1:{taken.port}"})

    change(postern, add)
    assert "another process has it" in postern.wait_log("not loaded")
    join(postern, None, "x").close()


def test_a_backend_that_changes_is_for_new_clients(start, mosquitto):
    one, two = mosquitto(), mosquitto()
    postern = start(backends=[{"servers": [one.address]}])
    old = join(postern, None, "old")
    change(postern, lambda config: config["backends"][0].update(servers=[two.address]))
    postern.wait_log("configuration loaded")
    new = join(postern, None, "new")
    old.ping()
    old.close()
    new.close()
    assert f"server={one.address}" in postern.wait_log("session closed.*client_id=old")
    assert f"server={two.address}" in postern.wait_log("session closed.*client_id=new")


def test_a_password_file_that_changes_is_read_again(start, pki, tmp_path):
    from backend import Backend
    secret = tmp_path / "secret"
    secret.write_text("first")
    backend = Backend(connack=None)
    postern = start(backends=[{"servers": [backend.address]}],
                    policies=[{"name": "p", "rules": [
                        {"connect": {"username": "u", "password_file": str(secret)}}]}])

    def told():
        with postern.client(4) as client:
            client.send(mqtt.connect(4, "x"))
            return backend.read_connect(backend.next())

    assert told() == mqtt.connect(4, "x", username="u", password="first")
    put(secret, "second")
    postern.wait_log("configuration loaded")
    wait_until(lambda: told() == mqtt.connect(4, "x", username="u", password="second"),
               "the new password")
    assert "first" not in postern.text.replace("the first", "") and "second" not in postern.text
    backend.close()


@pytest.mark.threads
def test_many_reloads_under_load_drop_nobody(start):
    postern = start(policies=rules({"name": "all"}), log={"level": "info", "access": False})
    clients = [join(postern, None, f"c-{number}") for number in range(20)]
    for number in range(30):
        before = loads(postern)
        postern.process.send_signal(signal.SIGHUP)
        wait_until(lambda: loads(postern) > before, "a reload")
        clients[number % 20].ping()
        join(postern, None, "visitor").close()
    for client in clients:
        client.ping()


# ---------------------------------------------------------------------------------------- calendar


def test_a_rule_ends_at_its_time_without_a_restart(start):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    postern = start(policies=rules(
        {"name": "grace", "match": {"client_id": "legacy-*"}, "require": {"tls_version": "1.2"},
         "until": ends.strftime("%Y-%m-%dT%H:%M:%SZ")},
        {"name": "all", "require": {"tls_version": "1.3"}}))
    legacy = join(postern, None, "legacy-1", version="1.2")
    modern = join(postern, None, "legacy-2", version="1.3")
    assert "days=0" in postern.wait_log("until is near.*rule=grace")
    assert legacy.expect(mqtt.DISCONNECT).reason == 0x87
    assert datetime.datetime.now(datetime.timezone.utc) > ends - datetime.timedelta(seconds=1)
    modern.ping()
    with postern.client(5, version="1.2") as client:
        assert client.connect("legacy-1").code == 0x87
