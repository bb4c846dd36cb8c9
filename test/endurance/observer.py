# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the admin address all the time, and finds what no event explains."""

import collections
import http.client
import threading
import time

import admin
from world import CONNECT_TIMEOUT, DRAIN_TIMEOUT, HANDSHAKE_TIMEOUT

SLACK = 6  # seconds: both the machine and the sanitizers are slow
# How long after its accept a session may be in that state at most.
EARLY = HANDSHAKE_TIMEOUT + SLACK
ON_THE_WAY = HANDSHAKE_TIMEOUT + CONNECT_TIMEOUT + 3 + 2 + 10 + SLACK
OLDEST = {"proxy_header": EARLY, "client_hello": EARLY, "handshake": EARLY,
          "connect": HANDSHAKE_TIMEOUT + CONNECT_TIMEOUT + SLACK, "dialling": ON_THE_WAY, "connack": ON_THE_WAY}
LEAVING = {"half_closed": 10 + SLACK, "closing": 10 + SLACK}  # since it was first seen so


class Observer:
    def __init__(self, world, problems):
        self.world, self.problems = world, problems
        self.ends = threading.Event()
        self.leaving, self.last = {}, None
        self.numbers = collections.Counter()
        self.thread = threading.Thread(target=self._run)

    def start(self):
        self.thread.start()

    def finish(self):
        self.ends.set()
        self.thread.join()

    def _run(self):
        while not self.ends.wait(1):
            begin = time.monotonic()
            try:
                self._look()
                self.numbers["looks"] += 1
            except (OSError, http.client.HTTPException, AssertionError) as error:
                # Short of descriptors, it may have none for who asks; it has to again right afterwards.
                if "descriptors" not in self.world.was_disturbed(begin, time.monotonic(), slack=2):
                    self.problems.append(f"admin: {error!r}")
                self.numbers["looks in vain"] += 1

    def _look(self):
        begin = time.monotonic()
        assert admin.get(self.world.admin, "/healthz")[0] == 200
        status, why, _ = admin.get(self.world.admin, "/readyz")
        if status != 200:
            assert status == 503 and why.strip(), (status, why)
            self.numbers["not ready"] += 1
            what = self.world.was_disturbed(begin, time.monotonic())
            if not {"all_brokers_end", "broker_ends", "broker_hangs", "upgrade", "descriptors"} & set(what):
                self.problems.append(f"/readyz says {why!r} during {what}")
        self._judge_metrics(admin.metrics(self.world))
        told = self.world.api("sessions", limit=1000)
        if told["complete"]:
            self._judge_sessions(told["sessions"])
        else:
            self.numbers["incomplete answers"] += 1

    def _judge_metrics(self, metrics):
        """Counters of a process never go down, and nothing is negative that is counted."""
        key = metrics.value("process_start_time_seconds")
        counters = {name: value for name, value in metrics.items()
                    if name[0].endswith(("_total", "_count", "_bucket", "_sum"))}
        if self.last and self.last[0] == key:
            for name, value in self.last[1].items():
                # A listener that is gone takes its counters along.
                if name in counters and counters[name] < value and "extra" not in str(name):
                    self.problems.append(f"{name} went from {value} to {counters[name]}")
        for name, value in metrics.items():
            if value < 0 and "seconds" not in name[0]:
                self.problems.append(f"{name} is {value}")
        self.numbers["most connections"] = max(self.numbers["most connections"], int(metrics.sum("postern_connections")))
        self.last = (key, counters)

    def _judge_sessions(self, sessions):
        now = time.monotonic()
        seen = {}
        for one in sessions:
            state, age = one["state"], one["duration_ms"] / 1000
            if age > OLDEST.get(state, age):
                self.problems.append(f"stuck in {state} for {age:.0f} s: {one}")
            if state in LEAVING:
                key = (one["source"], state)
                seen[key] = self.leaving.get(key, now)
                if now - seen[key] > LEAVING[state]:
                    self.problems.append(f"stuck in {state} for {now - seen[key]:.0f} s: {one}")
        self.leaving = seen
        for pid, when in self.world.left.items():
            if now - when > DRAIN_TIMEOUT + SLACK + 10 and self.world.is_running(pid):
                self.problems.append(f"process {pid} has not left {now - when:.0f} s after its drain began")
