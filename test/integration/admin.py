# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin address as its users see it."""

import http.client
import json
import re

from postern import DEADLINE, free_port

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)"')


def get(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def with_admin(start, **options):
    """A Postern whose admin port is `admin`."""
    port = free_port()
    postern = start(admin={"address": f"127.0.0.1:{port}"}, **options)
    postern.admin = port
    return postern


def api(postern, name, **arguments):
    query = "&".join(f"{key}={value}" for key, value in arguments.items())
    status, body, headers = get(postern.admin, f"/api/v1/{name}" + ("?" + query if query else ""))
    assert status == 200 and headers["Content-Type"] == "application/json", (status, body)
    return json.loads(body)


class Metrics(dict):
    """Samples: (name, frozenset of labels) to value."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = SAMPLE.match(line).groups()
            found = LABEL.findall(labels or "")
            assert ",".join(f'{key}="{text}"' for key, text in found) == (labels or ""), line
            unescape = lambda text: re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)
            key = (name, frozenset((label, unescape(text)) for label, text in found))
            assert key not in self, f"twice: {line}"
            self[key] = float(value)

    def value(self, name, **labels):
        return self.get((name, frozenset(labels.items())), 0)

    def sum(self, name, **labels):
        """Over all samples that have at least these labels."""
        return sum(value for (family, there), value in self.items()
                   if family == name and frozenset(labels.items()) <= there)

    def names(self):
        return {name for name, _ in self}

    def labels(self, name):
        return {frozenset(label for label, _ in labels) for family, labels in self if family == name}


def metrics(postern):
    status, body, headers = get(postern.admin, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Metrics(body)
