# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of docs/operations.md is served, loaded again, handed over, and left as the page says."""

import re
import signal

import yaml

import mqtt_packets as mqtt
from postern import ROOT, Postern, wait_until
from reloads import change
from upgrades import Upgrades

FILES = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/operations.md").read_text(), re.M | re.S)


def join(postern, client_id):
    client = postern.client(5)
    assert client.connect(client_id).code == 0
    return client


def test_clients_live_through_a_reload_and_an_upgrade_and_are_told_where_to_go(tmp_path, pki, mosquitto):
    broker = mosquitto()
    text, = FILES
    for old, new in (("127.0.0.1:1883", broker.address), ("delay: 5s, spread: 30s", "delay: 0s, spread: 2s")):
        assert old in text, old
        text = text.replace(old, new)
    config = yaml.safe_load(text)
    config.pop("listeners")
    postern = Postern(tmp_path, pki=pki, watch=False, **config)
    upgrades = Upgrades(postern)
    try:
        first = join(postern, "first")
        change(postern, lambda config: config["drain"].update(timeout="50s"))
        postern.process.send_signal(signal.SIGHUP)
        postern.wait_log("configuration loaded because=SIGHUP")
        first.ping()
        upgrades()
        second = join(postern, "second")
        assert first.receive().reason == 0x9C
        second.ping()
        upgrades.end(1)
        said = second.receive()
        assert (said.kind, said.reason) == (mqtt.DISCONNECT, 0x9C)
        assert said.properties == {0x1C: [b"broker-2.example:8883"]}
        wait_until(lambda: postern.text.count(" stopped") == 2, "both processes to say so")
    finally:
        upgrades.end_all()
        postern.stop()
