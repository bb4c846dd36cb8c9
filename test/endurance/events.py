# SPDX-License-Identifier: GPL-3.0-or-later
"""What each event of a plan does, and what has to be true right after it."""

import os
import pathlib
import re
import threading
import time
import traceback

from world import DEVICES, PENALTY, DRAIN_TIMEOUT, PATIENCE, connect_from, policy, wait_for

BLOCK_S = float(PENALTY["block"].rstrip("s"))


class Conductor:
    """Plays a plan's lanes. An event that fails ends its lane and is a problem; `play` returns when all are done."""

    def __init__(self, world, problems, say):
        self.world, self.problems, self.say = world, problems, say
        self.done = {}
        self.blocked_until = {}  # source address to when
        self.penalties = 0

    def play(self, plan, began):
        lanes = [threading.Thread(target=self._play_lane, args=(
            [event for event in plan if event.lane == lane], began)) for lane in {event.lane for event in plan}]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()

    def _play_lane(self, events, began):
        for event in events:
            time.sleep(max(0, began + event.at - time.monotonic()))
            self.say(f"{time.monotonic() - began:7.2f} {event.name} {event.value:.3f}")
            try:
                with self.world.disturbance(event.name):
                    getattr(self, event.name)(event.value)
                self.done[event.name] = self.done.get(event.name, 0) + 1
            except Exception as error:  # pylint: disable=broad-except
                self.problems.append(f"event {event}: {error!r}")
                self.say(traceback.format_exc())

    # ------------------------------------------------------------------------------------ brokers

    def broker_ends(self, value):
        broker = self.world.brokers["abc"[int(value * 3)]]
        broker.down()
        time.sleep(1 + 5 * (value * 30 % 1))
        broker.start()

    def broker_hangs(self, value):
        broker = self.world.brokers["abc"[int(value * 3)]]
        broker.hang()
        time.sleep(1 + 5 * (value * 30 % 1))
        broker.go_on()

    def all_brokers_end(self, value):
        for broker in self.world.brokers.values():
            broker.down()
        time.sleep(1 + 3 * value)
        for broker in self.world.brokers.values():
            broker.start()

    # ------------------------------------------------------------------------------ configuration

    def good_reload(self, value):
        world = self.world
        edits = [
            lambda config: config.update(policies=policy(world.guests_are_out is not None)),
            self._toggle_listener,
            lambda config: config["listeners"][0]["limits"].update(handshakes_per_second=200 + int(value * 100)),
            lambda config: config["listeners"][0]["tls"].update(
                min_version="1.2", groups=["X25519", "P-256"] if value < 0.8 else ["P-256", "P-384", "X25519"]),
            lambda config: config["backends"][0].update(
                balance="least_connections" if config["backends"][0]["balance"] == "client_id" else "client_id"),
        ]
        world.reload(world.changed(edits[int(value * 5)]), by_signal=value * 50 % 1 < 0.5)

    def _toggle_listener(self, config):
        if len(config["listeners"]) > 2:
            del config["listeners"][2]
        else:
            config["listeners"].append({**config["listeners"][0], "name": "extra",
                                        "address": f"127.0.0.1:{self.world.extra_port}"})

    def bad_reload(self, value):
        world = self.world
        edits = [
            lambda config: config.update(nonsense=1),
            lambda config: config["listeners"].append(
                {**config["listeners"][0], "name": "taken", "address": "127.0.0.1:%d" % world.taken.getsockname()[1]}),
            lambda config: config["listeners"][0]["tls"].update(certificate="/nonexistent.pem"),
            lambda config: config["listeners"][0].update(policy="nobody knows"),
            lambda config: config["listeners"][0]["tls"].update(private_key=world.certificates.pki.path("root.key")),
        ]
        failed = self._reload_results("failure")
        world.reload(world.changed(edits[int(value * 5)]), good=False, by_signal=value * 50 % 1 < 0.5)
        wait_for(lambda: self._reload_results("failure") > failed, "the metric of failed reloads")
        assert world.api("status")["last_reload"]["error"], "a reload that failed says why"
        world.reload(world.config)

    def _reload_results(self, result):
        status = self.world.api("status")
        return status["reloads_failed" if result == "failure" else "reloads_succeeded"]

    def server_certificate(self, _):
        self.world.settled(True, self.world.certificates.swap)

    def revoke(self, value):
        device = int(value * DEVICES)
        if device not in self.world.certificates.revoked:
            self.world.revocations[device] = self.world.disturbance(f"CN=device-{device},O=Postern Test, ")
            self.world.revocations[device].__enter__()
            self.world.settled(True, lambda: self.world.certificates.revoke(device))
            # Whoever came before is judged again within the spread.
            self.world.revoked_since[device] = time.monotonic()

    def reinstate(self, _):
        self.world.revoked_since.clear()
        if self.world.certificates.revoked:
            self.world.settled(True, self.world.certificates.reinstate_all)
        for one in self.world.revocations.values():
            one.__exit__()
        self.world.revocations.clear()

    def client_ca(self, value):
        """The old one goes away for a while; later both are trusted again."""
        certificates = self.world.certificates
        self.world.settled(True, lambda: certificates.trust(certificates.other))
        time.sleep(1 + 3 * value)
        self.world.settled(True, lambda: certificates.trust(certificates.pki, certificates.other))

    def bad_crl(self, value):
        path = pathlib.Path(self.world.certificates.pki.path("clients.crl"))
        good = path.read_text()
        fresh = path.with_suffix(".next")

        def spoil():
            fresh.write_text(good[:len(good) * 2 // 3] if value < 0.5 else "nonsense\n")
            os.replace(fresh, path)

        self.world.settled(False, spoil)
        time.sleep(value)
        self.world.settled(True, self.world.certificates.write_crl)

    def missing_file(self, value):
        """Nothing is loaded meanwhile, and the last good one stays."""
        path = pathlib.Path(self.world.certificates.pki.path("clients.pem"))
        away = path.with_suffix(".away")
        path.rename(away)
        time.sleep(0.5 + value)
        self.world.settled(True, self.world.certificates.write_ca)
        away.unlink()

    def upgrade(self, _):
        world = self.world
        old = world.pid
        world.upgrade()
        # One after the other: what is seen of the old process is over when the next event begins.
        wait_for(lambda: not world.is_running(old), "the old process to end", DRAIN_TIMEOUT + PATIENCE)

    def rotate_log(self, _):
        self.world.rotate_log()

    # ---------------------------------------------------------------------------------- resources

    def descriptors(self, value):
        self.world.exhaust_descriptors(1 + 2 * value)

    def penalty(self, _):
        """A source that speaks no TLS is blocked, by a line and for its time; nobody else is."""
        self.penalties += 1
        source = f"127.9.{self.penalties // 250}.{self.penalties % 250 + 1}"
        since = time.monotonic()
        for _ in range(PENALTY["failures"]):
            try:
                with connect_from(source, self.world.port, PATIENCE) as raw:
                    raw.sendall(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
                    while raw.recv(1000):
                        pass
            except ConnectionError:
                pass  # an upgrade's old process counts for itself
        pattern = f"source blocked .*source={re.escape(source)}"
        if any(what in ("upgrade", "descriptors") for what in self.world.was_disturbed(since, time.monotonic())):
            return
        wait_for(lambda: self.world.count_log(pattern), f"{source} to be blocked")
        if time.monotonic() - since < BLOCK_S / 2:
            with connect_from(source, self.world.port, PATIENCE) as raw:
                try:
                    assert raw.recv(100) == b"", "a blocked source is told nothing"
                except ConnectionResetError:
                    pass

    def herd(self, value):
        """Connections that say nothing, all at once; all of them are closed by themselves, or by their deadline."""
        count = 50 + int(value * 100)
        held = []
        for number in range(count):
            try:
                held.append(connect_from(f"127.8.0.{number % 250 + 1}", self.world.port, 5))
            except OSError:
                break  # the queue is full while descriptors are short
        time.sleep(0.5 + 2 * value)
        for raw in held:
            raw.close()
