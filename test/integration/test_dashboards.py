# SPDX-License-Identifier: GPL-3.0-or-later
"""The Grafana dashboard and the alert rules ask for what /metrics has."""

import json
import re
import subprocess

import pytest
import yaml

from admin import metrics, with_admin
from postern import ROOT
from test_metrics import CONTRACT

DASHBOARD = ROOT / "deploy/grafana/postern.json"
ALERTS = ROOT / "deploy/prometheus/postern-alerts.yaml"


def dashboard_queries():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    found += [one["expr"] for one in json.loads(DASHBOARD.read_text())["annotations"]["list"]]
    return [text.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$job", ".*")
            for text in found]


def alert_queries():
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def check_rules(file):
    return subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)


@pytest.fixture
def known(start, pki):
    postern = with_admin(start, tls={"client_certificate": "optional", "client_ca": pki.path("ca.pem"),
                                     "client_crl": [pki.path("ca.crl")]})
    return set(re.findall(r"^# TYPE (\S+)", metrics(postern).text, re.M))


@pytest.mark.parametrize("queries", [dashboard_queries, alert_queries])
def test_every_metric_that_is_asked_for_is_there(known, queries):
    assert len(queries()) >= 10
    for query in queries():
        names = re.findall(r"\b(?:postern|process)_\w+", query)
        assert names or query.startswith("up{"), query
        for name in names:
            assert re.sub(r"_(bucket|sum|count)$", "", name) in known, query


def test_the_dashboard_shows_what_the_contract_names():
    asked = " ".join(dashboard_queries())
    for name in CONTRACT:
        if name not in ("postern_connections_total", "postern_handshake_seconds_sum",
                        "postern_handshake_seconds_count"):
            assert name in asked, name


def test_promtool_accepts_the_alerts():
    done = check_rules(ALERTS)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path):
    file = tmp_path / "queries.yaml"
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(dashboard_queries())]
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = check_rules(file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_panels_of_the_dashboard_do_not_overlap():
    taken = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
