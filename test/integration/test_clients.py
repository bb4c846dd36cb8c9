# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that people use, each with QoS 0, 1 and 2, in every version of MQTT and TLS, with and
without a certificate, to the included broker and to Mosquitto."""

import json
import os
import pathlib
import queue
import re
import subprocess

import paho.mqtt.client as paho
import pytest

from postern import DEADLINE, ROOT, Mosquitto, Postern, wait_until

HERE = pathlib.Path(__file__).parent
TLS12 = ROOT / "deploy/tls12-client.cnf"
# Whatever came twice would be there before the last of them.
MESSAGES = [[0, "message 0"], [1, "message 1"], [2, "message 2"], [2, "the last"]]
NAMES = {"31": "3.1", "311": "3.1.1", "5": "5"}
# Whose client id says so must show a certificate in that name.
POLICIES = [{"name": "by name", "rules": [
    {"name": "certified", "match": {"client_id": "sensor-*", "certificate": "present"},
     "require": {"certificate": {"common_name": "${client_id}"}}},
    {"name": "anonymous", "match": {"client_id": "plain-*", "certificate": "absent"}},
]}]


@pytest.fixture(scope="module", params=["included broker", "mosquitto"])
def postern(request, pki, tmp_path_factory):
    directory = tmp_path_factory.mktemp("clients")
    broker = Mosquitto(directory) if request.param == "mosquitto" else None
    backends = [{"servers": [broker.address]}] if broker else None
    tls = {"client_certificate": "optional", "client_ca": pki.path("ca.pem")}
    running = Postern(directory, pki=pki, tls=tls, backends=backends, policies=POLICIES)
    yield running
    running.stop()
    if broker:
        broker.stop()


def with_mosquitto(postern, client_id, identity, version, tls):
    """One mosquitto_sub receives what mosquitto_pubs send, as another client of the rule."""
    common = ["-h", "localhost", "-p", str(postern.port), "--cafile", postern.pki.path("root.crt"),
              "-V", f"mqttv{version}", "-t", f"topic/{client_id}"]
    # mosquitto's own option names the least version only.
    environment = {**os.environ, **({"OPENSSL_CONF": str(TLS12)} if tls == "1.2" else {})}

    def who(name):
        files = ["--cert", postern.pki.path(f"{name}.pem"), "--key", postern.pki.path(f"{name}.key")]
        return ["-i", name] + (files if identity else [])

    other = "sensor-2" if identity else "plain-2"
    subscriber = subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", *common, *who(client_id), "-q", "2", "-C",
         str(len(MESSAGES)), "-W", str(DEADLINE), "-F", "got %q %p", "-d"], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = []
    for line in subscriber.stdout:
        lines.append(line)
        if "SUBACK" in line:
            break
    for qos, message in MESSAGES:
        done = subprocess.run(["mosquitto_pub", *common, *who(other), "-q", str(qos), "-m",
                               message], env=environment, capture_output=True, text=True,
                              timeout=DEADLINE)
        assert done.returncode == 0, done.stdout + done.stderr
    rest = subscriber.communicate(timeout=DEADLINE)[0]
    assert subscriber.returncode == 0, "".join(lines) + rest
    return [[int(line[4]), line[6:]] for line in rest.splitlines() if line.startswith("got ")]


def with_paho(postern, client_id, identity, version, tls):
    got = queue.Queue()
    subscribed = queue.Queue()
    client = paho.Client(client_id=client_id,
                         protocol=paho.MQTTv5 if version == "5" else paho.MQTTv311)
    client.tls_set_context(postern.context(identity=identity, version=tls))
    client.on_message = lambda _c, _u, message: got.put([message.qos, message.payload.decode()])
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.connect("localhost", postern.port)
    client.loop_start()
    try:
        client.subscribe(f"topic/{client_id}", 2)
        subscribed.get(timeout=DEADLINE)
        for qos, message in MESSAGES:
            client.publish(f"topic/{client_id}", message, qos).wait_for_publish(DEADLINE)
        return [got.get(timeout=DEADLINE) for _ in MESSAGES]
    finally:
        client.disconnect()
        client.loop_stop()


def with_mqttjs(postern, client_id, identity, version, tls):
    options = {"port": postern.port, "ca": postern.pki.path("root.crt"), "clientId": client_id,
               "version": 5 if version == "5" else 4, "tls": f"TLSv{tls}",
               "messages": MESSAGES, "deadlineMs": DEADLINE * 1000}
    if identity:
        options.update(cert=postern.pki.path(f"{identity}.pem"),
                       key=postern.pki.path(f"{identity}.key"))
    done = subprocess.run(["node", "mqttjs_client.js", json.dumps(options)], cwd=HERE, text=True,
                          capture_output=True, timeout=DEADLINE + 5)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["got"]


CLIENTS = {"mosquitto": with_mosquitto, "paho": with_paho, "mqttjs": with_mqttjs}
SPOKEN = [(client, version) for client in CLIENTS for version in ("311", "5")] + [("mosquitto", "31")]


@pytest.mark.threads
@pytest.mark.parametrize("identity", ["sensor-1", None], ids=["certificate", "none"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("client,version", SPOKEN)
def test_publishes_and_subscribes_with_every_qos(postern, client, version, tls, identity):
    client_id = identity or "plain-1"
    seen = len(postern.log)
    assert CLIENTS[client](postern, client_id, identity, version, tls) == MESSAGES

    sessions = 1 + len(MESSAGES) if client == "mosquitto" else 1

    def ended():
        lines = [line for line in postern.log[seen:] if "session closed" in line]
        return lines if len(lines) == sessions else None

    lines = wait_until(ended, f"{sessions} sessions to end in the log")
    assert sum(f" client_id={client_id} " in line for line in lines) == 1
    for line in lines:
        assert f" tls={tls} " in line and f" mqtt={NAMES[version]} " in line
        assert f" rule={'certified' if identity else 'anonymous'} " in line
        subject = re.search(r' certificate_subject="CN=(sensor-[12]),O=Postern Test" ', line)
        assert (subject and f" client_id={subject.group(1)} " in line) if identity else not subject
        assert " connack=0 " in line and line.endswith(" reason=client_disconnect\n")
