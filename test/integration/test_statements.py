# SPDX-License-Identifier: GPL-3.0-or-later
"""Every scenario of test/conformance, in each version of MQTT that it is for, with `postern broker`
in plaintext and behind Postern over TLS. They run side by side, all that were selected at once;
each test then says how its own one ended."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import scenarios
from postern import DEADLINE, Broker, Postern

SIDE_BY_SIDE = 32
ALL = scenarios.load_all()


class Plain:
    def __init__(self, directory, limits, pki):
        del pki
        self.server = Broker(directory, scenarios.yaml.safe_dump(limits) if limits else "")

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.server.port), DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def stop(self):
        self.server.stop()


class OverTls:
    def __init__(self, directory, limits, pki):
        self.server = Postern(directory, pki=pki, backends=[{"builtin_broker": limits or True}],
                              workers=2, log={"level": "warn", "access": False})
        self.context = self.server.context()

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.server.port), DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=True)

    def stop(self):
        self.server.stop()


PLACES = {"plain": Plain, "tls": OverTls}
CASES = [pytest.param(place, scenario, version, id=f"{place}-{scenarios.NAMES[version]}-{scenario.name}")
         for scenario in ALL for version in scenario.versions for place in scenario.places]


class Everything:
    """Runs the cases that were selected, and keeps what became of each."""

    def __init__(self, cases, tmp_path_factory, pki):
        self.cases, self.new_directory, self.pki = cases, tmp_path_factory.mktemp, pki
        self.servers, self.locks, self.failures = {}, {}, {}
        try:
            for place, scenario, _ in cases:
                self._server_for(place, scenario)
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                list(pool.map(self._run, cases))
        finally:
            self.stop()

    def _server_for(self, place, scenario):
        """Those with the same limits share one; who is alone is so on a server with its like."""
        key = (place, str(scenario.limits), scenario.alone)
        if key not in self.servers:
            self.servers[key] = PLACES[place](self.new_directory("server"), scenario.limits, self.pki)
            self.locks[key] = threading.Lock()
        return key

    def _run(self, case):
        place, scenario, version = case
        key = self._server_for(place, scenario)
        run = scenarios.Run(scenario, version, self.servers[key].connect)
        try:
            if scenario.alone:
                with self.locks[key]:
                    run.run()
            else:
                run.run()
        except Exception as error:  # told by the test whose case it is
            self.failures[place, scenario.name, version] = error

    def stop(self):
        for server in self.servers.values():
            server.stop()


@pytest.fixture(scope="module")
def everything(request, tmp_path_factory, pki):
    cases = [tuple(item.callspec.params[name] for name in ("place", "scenario", "version"))
             for item in request.session.items if item.function.__name__ == "test_scenario"]
    return Everything(cases, tmp_path_factory, pki)


@pytest.mark.parametrize("place,scenario,version", CASES)
def test_scenario(everything, place, scenario, version):
    failure = everything.failures.get((place, scenario.name, version))
    if failure is not None:
        pytest.fail(f"{scenario.title}\n{type(failure).__name__}: {failure}", pytrace=False)
