# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of docs/limits.md do what the page says."""

import contextlib
import re

import pytest

from postern import ROOT
from proxy_header import V1, Visitor, closed_without_a_byte, v2
from test_limits import garbage
from test_policy_guide import Shown

FACING, BEHIND = re.findall(r"^```yaml\n(listeners:.*?)^```", (ROOT / "docs/limits.md").read_text(),
                            re.M | re.S)


@pytest.fixture
def shown(tmp_path, mosquitto):
    with contextlib.ExitStack() as stack:
        def run(text):
            postern = Shown(tmp_path, text, mosquitto().address)
            stack.callback(postern.stop)
            return postern
        yield run


def test_facing_the_internet_a_source_has_twenty_connections_and_ten_failures(shown):
    postern = shown(FACING)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(postern.client(5)) for _ in range(21)]
        codes = [client.connect(f"c{number}").code for number, client in enumerate(clients)]
        assert codes == [0] * 20 + [0x97]
        for _ in range(10):
            garbage(postern)
        postern.wait_log("source blocked.*failures=10 ")
        with postern.raw() as raw:
            assert closed_without_a_byte(raw)
        clients[0].ping()


def test_behind_a_load_balancer_clients_are_who_its_header_says(shown):
    postern = shown(BEHIND.replace("10.0.7.11", "127.0.0.1"))
    for header, source in ((V1, "192.0.2.7:40112"), (v2(), "192.0.2.7:40112")):
        with Visitor(postern, header) as client:
            assert client.connect("x").code == 0
        assert f" source={source} " in postern.wait_log("session closed")
    with pytest.raises(OSError):
        postern.client()
    postern.wait_log("reason=proxy_header_missing")
