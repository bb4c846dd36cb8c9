# SPDX-License-Identifier: GPL-3.0-or-later
"""The five situations of docs/policies.md: each file there does what the page says."""

import re
import shutil
import subprocess

import pytest
import yaml

import mqtt_packets as mqtt
from postern import BINARY, ROOT, Postern, free_port

FILES = re.findall(r"^```yaml\n(listeners:.*?)^```", (ROOT / "docs/policies.md").read_text(),
                   re.M | re.S)


class Shown(Postern):
    """Runs a file of the page; only ports and the broker's address are other ones."""

    def __init__(self, directory, text, broker):
        port = free_port()
        config = yaml.safe_load(text.replace("0.0.0.0:8883", f"127.0.0.1:{port}")
                                .replace("127.0.0.1:1883", broker))
        certs = directory / "certs"
        for words in (["init", certs], ["client", certs, "device-1"], ["client", certs, "gateway-1"]):
            subprocess.run([BINARY, "certs", *words], check=True, capture_output=True)
        for file in certs.glob("*.*"):
            shutil.copy(file, directory)
        (directory / "broker-password").write_text("hush\n")
        self.certs = certs

        class Paths:
            @staticmethod
            def path(name):
                name = {"root.crt": "root-ca.pem", "server.pem": "broker.pem",
                        "server.key": "broker.key"}.get(name, name)
                return str(directory / name)

        super().__init__(directory, pki=Paths, **{"listeners": config["listeners"],
                                                  "backends": config["backends"],
                                                  "policies": config.get("policies", [])})
        self.port = port

    def ask(self, client_id, mqtt_version=4, **options):
        username = options.pop("username", None)
        with self.client(mqtt_version, **options) as client:
            return client.connect(client_id, username=username).code


@pytest.fixture
def shown(tmp_path, mosquitto):
    running = []

    def run(number, **broker):
        running.append(Shown(tmp_path, FILES[number - 1], mosquitto(**broker).address))
        return running[-1]

    yield run
    for one in running:
        one.stop()


def test_there_are_five_of_them():
    assert len(FILES) == 5


def test_a_legacy_fleet_keeps_tls_1_2_until_a_date(shown):
    postern = shown(1)
    assert postern.ask("meter-v1-7", version="1.2") == 0
    assert postern.ask("meter-v2-7", version="1.2") == 5
    assert postern.ask("meter-v2-7", version="1.3") == 0


def test_a_client_id_belongs_to_its_certificate(shown):
    postern = shown(2)
    assert postern.ask("device-1", identity="device-1") == 0
    assert postern.ask("device-2", identity="device-1") == 2
    assert postern.ask("device-1") == 5
    assert postern.ask("gateway-1/a", identity="gateway-1") == 0
    assert postern.ask("gateway-1/a", identity="device-1") == 2
    with postern.client(4, identity="device-1") as client:
        client.connect("device-1")
        assert client.subscribe("devices/device-2/#").codes == [0x80]
        assert client.subscribe("broadcast/all").codes == [0]


def test_each_fleet_has_its_broker(shown):
    postern = shown(3)
    with postern.client(4) as main, postern.client(4) as trial:
        main.connect("m", username="plant")
        trial.connect("t", username="trial-1")
        main.subscribe("#")
        trial.send(mqtt.publish(4, "x", b"trial"))
        trial.ping()
        main.send(mqtt.publish(4, "x", b"main"))
        assert main.expect(mqtt.PUBLISH).payload == b"main"
    assert "backend=trial server=builtin" in postern.wait_log("session closed.*client_id=t ")


def test_a_broker_without_certificates_knows_its_fleet(shown, tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "fleet", "hush"], check=True)
    postern = shown(4, extra=f"allow_anonymous false\npassword_file {passwords}")
    assert postern.ask("device-1", identity="device-1") == 0
    assert postern.ask("device-1", 5, identity="device-1") == 0
    assert postern.ask("device-2", identity="device-1") == 2
    assert "hush" not in postern.text


def test_a_revoked_device_is_cut_off_now(shown, tmp_path):
    postern = shown(5)
    with postern.client(5, identity="device-1") as client, \
            postern.client(5, identity="gateway-1") as other:
        client.connect("device-1")
        other.connect("gateway-1")
        subprocess.run([BINARY, "certs", "revoke", postern.certs, "device-1"], check=True,
                       capture_output=True)
        shutil.copy(postern.certs / "ca.crl", tmp_path / "ca.crl")
        assert client.expect(mqtt.DISCONNECT).reason == 0x87
        other.ping()
