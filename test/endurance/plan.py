# SPDX-License-Identifier: GPL-3.0-or-later
"""Which events happen when: the same for the same seed and length. They come in lanes; in each lane one event
follows the other, and those of different lanes happen at the same time."""

import dataclasses
import random

BROKERS = (("broker_ends", 4), ("broker_hangs", 2), ("all_brokers_end", 1))
CONFIGURATION = (("good_reload", 5), ("bad_reload", 4), ("server_certificate", 3), ("revoke", 3), ("reinstate", 2),
                 ("client_ca", 2), ("bad_crl", 2), ("missing_file", 1), ("upgrade", 2), ("rotate_log", 2))
RESOURCES = (("descriptors", 2), ("penalty", 3), ("herd", 3))
# Name, events, and the seconds from one to the next: at least, at most.
LANES = (("brokers", BROKERS, 3, 12), ("configuration", CONFIGURATION, 1, 6), ("resources", RESOURCES, 3, 9))


@dataclasses.dataclass(frozen=True)
class Event:
    lane: str
    at: float  # seconds since the beginning
    name: str
    value: float  # from 0 to 1, for whatever the event has to choose

    def __str__(self):
        return f"{self.at:7.2f} {self.name} {self.value:.3f}"


def make(seed, seconds):
    events = []
    for lane, choices, least, most in LANES:
        source = random.Random(f"{seed} {lane}")
        names, weights = zip(*choices)
        # In a short run each event comes once before any comes twice.
        waiting = list(names)
        source.shuffle(waiting)
        at = source.uniform(0.5, least)
        while at < seconds:
            name = waiting.pop() if waiting else source.choices(names, weights)[0]
            events.append(Event(lane, at, name, source.random()))
            at += source.uniform(least, most)
    return sorted(events, key=lambda event: event.at)
