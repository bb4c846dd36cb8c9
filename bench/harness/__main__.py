# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the rows, in turns over the servers, and writes down what came of it."""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

from bench.harness import growth, load, page, processes, rows, scaling
from bench.harness.servers import DEVICES, Postern, Setup

RESULTS = pathlib.Path("build/bench/results.json")
KEYS = [row.key for row in rows.ROWS] + ["workers", "growth"]


def options():
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    parser.add_argument("--only", help="rows, with commas: " + ",".join(KEYS)
                        + "; the others keep what was measured earlier on the same day")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--alone", action="store_true", help="Postern without the peers")
    return parser.parse_args()


def make_pki(folder, key):
    subprocess.run(["build/release/postern", "certs", "init", str(folder), "--key", key, "--name",
                    "localhost"], check=True, stdout=subprocess.DEVNULL)
    for number in range(DEVICES if key == "ecdsa" else 0):
        subprocess.run(["build/release/postern", "certs", "client", str(folder),
                        f"device-{number}"], check=True, stdout=subprocess.DEVNULL)
    return folder


def measure(row, told, folder, pkis):
    """One row: every server is up, and they take turns."""
    echo = load.Echo(first=row.first)
    servers = []
    found = {}
    try:
        kinds = [Postern] + ([] if told.alone else row.peers + row.floors)
        for kind in kinds:
            setup = Setup(pkis["rsa" if row.rsa else "ecdsa"], processes.free_port(), echo.port,
                          row.client_certificates)
            server = kind(setup, folder)
            servers.append(server)
            if not row.fresh:
                server.start()
            found[server.name] = {figure: [] for figure in row.figures}
        for number in range(told.rounds):
            # Nobody is always the first one.
            for server in servers[number % len(servers):] + servers[:number % len(servers)]:
                if row.fresh:
                    server.start()
                result = row.measure(server, told.seconds)
                if row.fresh:
                    server.stop()
                for figure, values in found[server.name].items():
                    values.append(result[figure])
                print(f"  {row.key:8} {server.name:18}", *(
                    f"{name} {values[-1]:,.2f}" for name, values in found[server.name].items()),
                    flush=True)
    finally:
        for server in servers:
            server.stop()
        echo.stop()
    return found


def commit():
    """What is measured, as far as this is a checkout."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                          check=False)
    return told.stdout.strip() or "no commit"


def earlier(wanted):
    """What the rows that are not measured now have given today."""
    today = time.strftime("%Y-%m-%d")
    if wanted is not None and RESULTS.exists():
        found = json.loads(RESULTS.read_text())
        if found["when"] == today:
            return found
    return {"when": today, "began": time.strftime("%H:%M"), "of": commit(), "rows": {}}


def main():
    told = options()
    wanted = told.only.split(",") if told.only else None
    results = earlier(wanted)
    with processes.before_others(), tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)  # a server may change its user
        pkis = {key: make_pki(folder / key, key) for key in ("ecdsa", "rsa")}
        for row in rows.ROWS:
            if wanted is None or row.key in wanted:
                results["rows"][row.key] = measure(row, told, folder / row.key, pkis)
        if wanted is None or "workers" in wanted:
            results["workers"] = scaling.measure(told, folder / "workers", pkis["ecdsa"])
        if wanted is None or "growth" in wanted:
            results["growth"] = growth.measure(told, folder / "growth", pkis["ecdsa"])
    print(page.table(results))
    if told.alone:
        return
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1))
    if all(key in results["rows"] or key in results for key in KEYS):
        page.write(results)


main()
