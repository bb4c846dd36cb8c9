# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what the clients saw with what the log and the counters say."""

import collections
import re

import admin

FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
# Reason words of refusals: the codes of 3.1 and 3.1.1, and of 5. proxy/refusal.c has the table.
CODES = {"tls_version": (5, 0x87), "certificate_missing": (5, 0x87), "common_name": (5, 0x87), "certificate": (5, 0x87),
         "client_id": (2, 0x85), "no_rule": (5, 0x87), "revoked": (5, 0x87), "version_not_spoken": (1, 0x84),
         "client_id_invalid": (2, 0x85), "no_backend": (3, 0x88), "busy": (3, 0x89), "draining": (3, 0x8B)}
WELCOME = {"any", "modern", "device", "guest", "balanced", "stays", "slow_reader"}
BROKERS = {"broker_ends", "broker_hangs", "all_brokers_end"}
# Why a session of a welcome client may end although it did not want to: the events that explain it.
ENDS = {"backend_closed": BROKERS, "backend_reset": BROKERS, "no_backend": BROKERS | {"descriptors"}, "busy": BROKERS,
        "draining": {"upgrade"}, "revoked": {"revoke"}, "certificate": {"client_ca"}, "no_rule": {"no_guests"},
        "crl_missing": {"client_ca"}, "connect_timeout": BROKERS}
TRUST = {"revoke", "client_ca", "bad_crl", "missing_file", "reinstate"}


class Line:
    def __init__(self, text):
        self.text = text
        self.fields = {name: value.strip('"') for name, value in FIELD.findall(text)}
        self.what = next((what for what in ("session closed", "handshake failed", "client refused") if what in text), None)
        self.reason = self.fields.get("reason", "")


def by_source(lines):
    found = collections.defaultdict(list)
    for line in lines:
        if line.what and "source" in line.fields:
            found[line.fields["source"].rsplit(":", 1)[0]].append(line)
    return found


class Judge:
    def __init__(self, world, problems):
        self.world, self.problems = world, problems
        self.lines = [Line(text) for text in world.log_lines()]
        self.sources = by_source(self.lines)

    def visits(self, visits):
        for visit in visits:
            what = set(self.world.was_disturbed(visit.begin, visit.end))
            for complaint in self._complaints(visit, what):
                self.problems.append(f"{complaint}: {visit}; meanwhile {sorted(what)}; the log says "
                                     f"{[line.text for line in self.sources[visit.source]]}")

    def _complaints(self, visit, what):
        lines = self.sources[visit.source]
        if visit.outcome in ("error", "no listener", "admitted although revoked"):
            yield visit.outcome
            return
        if visit.outcome == "stuck":
            if not what & (BROKERS | {"descriptors", "upgrade"}):
                yield "nobody answered"
            return
        if visit.must and visit.outcome not in visit.must and visit.outcome != "done":
            yield "another answer than is due"
        if visit.must and visit.outcome == "done":
            yield "served, and should not be"
        ends = [line for line in lines if line.what in ("session closed", "handshake failed")]
        if visit.stage != "tcp" and not visit.silent and len(ends) != 1:
            yield f"{len(ends)} lines about its end"
        if visit.outcome.startswith("refused "):
            yield from self._refusal(visit, int(visit.outcome.split()[1]), lines, what)
        elif visit.outcome == "closed" and ends:
            yield from self._close(visit, ends[0], what)

    def _refusal(self, visit, code, lines, what):
        told = [line for line in lines if line.what == "client refused"]
        if len(told) != 1:
            # The broker's own refusal is passed on, and is no refusal of ours.
            yield f"refused by {code}, and {len(told)} lines say so"
            return
        line = told[0]
        due = CODES.get(line.reason, (None, None))[visit.version == 5 if visit.kind != "bad_level" else code > 100]
        if code != due:
            yield f"refused by {code}, and reason={line.reason} is {due}"
        if len(line.fields.get("error", "")) < 10:
            yield "refused without a sentence"
        if line.reason in ENDS and not what & ENDS[line.reason] and not visit.must:
            yield "refused, and nothing explains it"

    def _close(self, visit, line, what):
        if not line.reason:
            yield "closed without a reason"
        if line.what == "handshake failed" and len(line.fields.get("error", "")) < 10:
            yield "a handshake failed without a sentence"
        if visit.kind not in WELCOME:
            return
        if line.what == "handshake failed":
            revoked = line.reason == "certificate_revoked" and any(name in line.text for name in what)
            if not (visit.kind == "device" and (revoked or what & TRUST)):
                yield "the handshake of a welcome client failed"
        elif line.reason == "revoked" and visit.kind == "device" and any("CN=device" in name for name in what):
            return  # it was there when its certificate was revoked
        elif line.reason not in ENDS:
            yield "a welcome client was closed"
        elif not what & ENDS[line.reason] and not (visit.kind == "device" and line.reason == "backend_closed"):
            yield "closed, and nothing explains it"  # two devices of one name: the broker ends the first

    def counters(self):
        """Those of the last process, which has had all its logs under names of its own."""
        metrics = admin.metrics(self.world)
        mine = [Line(text) for text in self.world.log_lines(self.world.generation)]
        for what, name in (("client refused", "postern_refusals_total"),
                           ("handshake failed", "postern_handshake_failures_total")):
            logged = collections.Counter(line.reason for line in mine if line.what == what)
            counted = collections.Counter()
            for (family, labels), value in metrics.items():
                if family == name and value:
                    counted[dict(labels)["reason"]] += int(value)
            if logged != counted:
                self.problems.append(f"{name}: {dict(counted)}, and the log has {dict(logged)}")
        for listener in ("devices", "balancer"):
            total = metrics.value("postern_connections_total", listener=listener)
            ended = metrics.sum("postern_sessions_ended_total", listener=listener)
            now = metrics.value("postern_connections", listener=listener)
            if total != now + ended:
                self.problems.append(f"{listener}: {total} connections, {now} now, {ended} have ended")

    def reasons(self):
        return collections.Counter(f"{line.what}: {line.reason}" for line in self.lines if line.what)
