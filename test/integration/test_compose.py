# SPDX-License-Identifier: GPL-3.0-or-later
"""deploy/compose.yaml: its broker can be reached by Postern alone, and the two fit each other."""

import re
import subprocess

import yaml

import mqtt_packets as mqtt
from postern import BINARY, ROOT, Mosquitto, Postern, free_port, wait_until

COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SERVICES = COMPOSE["services"]
CONFIG = yaml.safe_load((ROOT / "deploy/compose/postern.yaml").read_text())
BROKER = (ROOT / "deploy/compose/mosquitto.conf").read_text()


def mounts(service):
    return dict(volume.split(":")[:2] for volume in SERVICES[service]["volumes"])


def test_the_broker_has_no_network_and_one_socket_that_is_postern_s():
    assert SERVICES["mosquitto"]["network_mode"] == "none" and "ports" not in SERVICES["mosquitto"]
    listeners = re.findall(r"^listener (.*)$", BROKER, re.M)
    path = CONFIG["backends"][0]["servers"][0].removeprefix("unix:")
    assert listeners == [f"0 {path}"]
    for service in ("postern", "mosquitto"):
        assert path.startswith(mounts(service)["socket"] + "/")
        assert SERVICES[service]["user"] == "1883:1883"
        assert SERVICES[service]["read_only"] and SERVICES[service]["cap_drop"] == ["ALL"]
    assert "uid=1883" in COMPOSE["volumes"]["socket"]["driver_opts"]["o"]
    assert set(COMPOSE["volumes"]) == {"data", "socket"}


def test_postern_leaves_first_and_has_the_time_to():
    assert SERVICES["postern"]["depends_on"] == ["mosquitto"]
    grace = int(SERVICES["postern"]["stop_grace_period"].removesuffix("s"))
    assert grace >= int(CONFIG["drain"]["timeout"].removesuffix("s")) + 10


def test_the_files_that_are_mounted_exist_and_the_port_is_the_listener_s():
    for source, target in mounts("postern").items():
        if source.startswith("./") and source.endswith(".yaml"):
            assert (ROOT / "deploy" / source).is_file() and target == "/etc/postern/postern.yaml"
    assert (ROOT / "deploy/compose/mosquitto.conf").is_file()
    assert SERVICES["postern"]["ports"] == ["8883:8883"]
    assert CONFIG["listeners"][0]["address"].endswith(":8883")


def test_they_serve_a_client_over_the_socket(tmp_path):
    """Both with the configuration of the folder; only paths and ports are other ones."""
    home = tmp_path / "postern"
    home.mkdir()
    subprocess.run([BINARY, "certs", "init", home / "certs"], check=True, capture_output=True)
    broker = Mosquitto(tmp_path, unix=True)
    config = yaml.safe_load((ROOT / "deploy/compose/postern.yaml").read_text().replace(
        "unix:/run/mosquitto/mosquitto.sock", broker.address))
    port, admin = free_port(), free_port()
    config["listeners"][0]["address"] = f"127.0.0.1:{port}"
    config["admin"]["address"] = f"127.0.0.1:{admin}"

    class Paths:
        @staticmethod
        def path(name):
            return str(home / "certs" / {"root.crt": "root-ca.pem"}.get(name, name))

    postern = Postern(home, pki=Paths, **config)
    postern.port = port
    try:
        health = [BINARY, "health", "-c", str(postern.file)]
        wait_until(lambda: subprocess.run(health, capture_output=True, check=False).returncode == 0, "health")
        with postern.client(5, identity="client") as client:
            assert client.connect("x").code == 0
            client.subscribe("t", 1)
            client.send(mqtt.publish(5, "t", b"through"))
            assert client.expect(mqtt.PUBLISH).payload == b"through"
    finally:
        postern.stop()
        broker.stop()
