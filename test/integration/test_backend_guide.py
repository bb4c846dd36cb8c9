# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of docs/backends.md do what the page says."""

import re

import yaml

from name_server import NameServer
from postern import ROOT, Postern, wait_until

FILES = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/backends.md").read_text(), re.M | re.S)


def shown(number, pki, directory, **instead):
    """Runs a file of the page; only ports, certificates and addresses are other ones."""
    text = FILES[number]
    for old, new in instead.items():
        assert old in text, old
        text = text.replace(old, new)
    config = yaml.safe_load(text)
    config.pop("listeners")
    return Postern(directory, pki=pki, **config)


def code(postern, client_id, version=4):
    with postern.client(version) as client:
        return client.connect(client_id).code


def test_every_file_of_the_page_is_run_here():
    assert len(FILES) == 3


def test_two_brokers_keep_their_clients_and_stand_in_for_each_other(tmp_path, pki, mosquitto):
    brokers = [mosquitto() for _ in range(2)]
    postern = shown(0, pki, tmp_path, **{"127.0.0.1:1883": brokers[0].address,
                                         "127.0.0.1:1884": brokers[1].address})
    try:
        ids = [f"meter-{number}" for number in range(8)]
        assert [code(postern, client_id) for client_id in ids] == [0] * 8
        used = {one for one in brokers if f"server={one.address} connack" in postern.text}
        assert len(used) == 2
        brokers[1].stop()
        assert [code(postern, client_id) for client_id in ids] == [0] * 8
        brokers[0].stop()
        wait_until(lambda: postern.text.count("server down") == 2, "both to be down")
        assert code(postern, "x") == 3 and code(postern, "x", 5) == 0x88
        said = postern.wait_log('backend unreachable .*server="all of them"')
        assert all(f"{one.address} is down for" in said for one in brokers)
        for one in brokers:
            one.start()
        wait_until(lambda: code(postern, "x") == 0, "a broker to be found again")
    finally:
        postern.stop()


def test_a_cluster_is_found_by_its_name(tmp_path, pki, mosquitto):
    broker = mosquitto()
    names = NameServer(emqx_internal=(["127.0.0.1"], 1))
    postern = shown(1, pki, tmp_path, **{"127.0.0.1:53": names.address,
                                         "emqx.internal:1883": f"emqx.internal:{broker.port}"})
    try:
        assert code(postern, "x") == 0
        assert "addresses=127.0.0.1" in postern.wait_log("name resolved")
        wait_until(lambda: names.count("emqx_internal") > 1, "a second question after the TTL")
    finally:
        postern.stop()
        names.close()


def test_limits_weights_queue_and_source_addresses(tmp_path, pki, mosquitto):
    brokers = [mosquitto() for _ in range(2)]
    postern = shown(2, pki, tmp_path, **{
        "127.0.0.1:1883": brokers[0].address, "127.0.0.1:1884": brokers[1].address,
        "max_connections: 50000": "max_connections: 2", "max_connections: 25000": "max_connections: 1",
        "timeout: 10s": "timeout: 200ms"})
    try:
        clients = [postern.client() for _ in range(12)]
        codes = [client.connect(f"c{number}").code for number, client in enumerate(clients)]
        for client in clients:
            client.socket.close()
        assert sorted(codes) == [0] * 3 + [3] * 9
        log = (tmp_path / "mosquitto-0/mosquitto.log").read_text()
        sources = set(re.findall(r"New client connected from ([0-9.]+):", log))
        assert sources <= {"127.0.0.2", "127.0.0.3"} and sources
    finally:
        postern.stop()
