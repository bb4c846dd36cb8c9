# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks.md from what was measured."""
import json
import pathlib
import platform
import statistics

from bench.harness import plots
from bench.harness.rows import ROWS
from bench.harness.servers import PEERS, Postern

PAGE = pathlib.Path("docs/benchmarks.md")
PLOTS = pathlib.Path("docs/benchmarks")
RUNS = PLOTS / "runs.json"


def number(value):
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def spread(values, unit):
    """Median, and between which it lay."""
    unit = f" {unit}" if unit not in ("", "×") else unit
    middle = statistics.median(values)
    if min(values) == max(values):
        return f"{number(middle)}{unit}"
    return f"{number(middle)}{unit} ({number(min(values))}–{number(max(values))})"


def judge(row, key, found):
    """Best peer, Postern beside it, what was wanted, and whether that is so."""
    figure = row.figures[key]
    ours = statistics.median(found[Postern.name][key])
    peers = {name: statistics.median(values[key]) for name, values in found.items()
             if name in {peer.name for peer in row.peers}}
    best = min(peers, key=peers.get) if peers else None
    ratio = ours / peers[best] if best and peers[best] else None
    if figure.target is not None:
        wanted = f"≤ {figure.target:g} of the best"
        met = None if ratio is None else ratio <= figure.target
    elif figure.limit is not None:
        wanted, met = f"≤ {figure.limit:g} {figure.unit}".strip(), ours <= figure.limit
    else:
        wanted, met = "", None
    return best, ratio, wanted, met


def table(results):
    lines = ["| what | Postern | the best of the others | Postern, of that | wanted | |",
             "| --- | --- | --- | --- | --- | --- |"]
    for row in ROWS:
        found = results["rows"].get(row.key)
        if found is None:
            continue
        for key, figure in row.figures.items():
            best, ratio, wanted, met = judge(row, key, found)
            other = f"{best} {spread(found[best][key], figure.unit)}" if best else "–"
            lines.append(
                f"| {figure.title} | {spread(found[Postern.name][key], figure.unit)} | {other} | "
                f"{'–' if ratio is None else f'**{ratio:.2f}**'} | {wanted} | "
                f"{'' if met is None else 'met' if met else '**not met**'} |")
    for name, what in (("publish", "messages"), ("connect", "new clients")):
        if "workers" in results:
            times = results["workers"][name]["times"]
            lines.append(f"| two workers carry so many times the {what} of one | {times:.2f}× | – | – "
                         f"| ≥ 1.8× | {'met' if times >= 1.8 else '**not met**'} |")
    return "\n".join(lines)


def everything(results):
    lines = []
    for row in ROWS:
        found = results["rows"].get(row.key)
        if found is None:
            continue
        lines += ["", f"**{next(iter(row.figures.values())).title}** (`--only {row.key}`)", "",
                  "| server | " + " | ".join(
                      f"{figure.title.removeprefix('… ') if number_ else 'median (minimum–maximum)'}"
                      for number_, figure in enumerate(row.figures.values())) + " |",
                  "| --- |" + " --- |" * len(row.figures)]
        for name, values in found.items():
            lines.append(f"| {name} | " + " | ".join(
                spread(values[key], figure.unit) for key, figure in row.figures.items()) + " |")
    return "\n".join(lines)


def growth_table(results):
    lines = ["| server | clients | memory of each | a message (server) | its median round trip |",
             "| --- | --- | --- | --- | --- |"]
    for name, sizes in results["growth"].items():
        for clients, told in sizes.items():
            lines.append(f"| {name} | {int(clients):,} | {number(told['kib'])} KiB | "
                         f"{number(told['message_us'])} µs | {number(told['p50_us'])} µs |")
    return "\n".join(lines)


def remember(results):
    """Adds this run's ratios to those of other times and machines; gives all of them."""
    runs = json.loads(RUNS.read_text()) if RUNS.exists() else []
    run = {"when": f"{results['when']} {results['began']}", "processor": processor(),
           "of": results["of"], "ratios": {}, "met": {}}
    for row in ROWS:
        for key, figure in row.figures.items():
            _, ratio, _, met = judge(row, key, results["rows"][row.key])
            if met is not None:
                ours = statistics.median(results["rows"][row.key][Postern.name][key])
                run["ratios"][f"{row.key}.{key}"] = ratio if figure.target is not None else ours
                run["met"][f"{row.key}.{key}"] = met
    runs = [other for other in runs
            if (other["when"], other["processor"]) != (run["when"], run["processor"])] + [run]
    RUNS.write_text(json.dumps(runs, indent=1) + "\n")
    return runs


def history(runs):
    titles = [f"{run['when']}, {run['processor']}, {run['of']}" for run in runs]
    lines = ["| line | wanted | " + " | ".join(titles)
             + " |", "| --- | --- |" + " --- |" * len(runs)]
    for row in ROWS:
        for key, figure in row.figures.items():
            name = f"{row.key}.{key}"
            if figure.target is None and figure.limit is None:
                continue
            wanted = figure.target if figure.target is not None else figure.limit
            lines.append(f"| {name} | ≤ {wanted:g} | " + " | ".join(
                f"{run['ratios'][name]:.2f}{'' if run['met'][name] else ' ✗'}"
                if name in run["ratios"] else "–" for run in runs) + " |")
    return "\n".join(lines)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def rounds(results):
    counts = {len(values) for row in results["rows"].values() for figures in row.values()
              for values in figures.values()}
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))


def write(results):
    PLOTS.mkdir(exist_ok=True)
    plots.draw(results, PLOTS)
    runs = remember(results)
    versions = ", ".join(kind.version() for kind in [Postern, *PEERS])
    PAGE.write_text(f"""# Benchmarks

Made by `./bench/compare`, which writes this page anew; `docs/performance.md` says what stands
behind the figures. On {results['when']}: {processor()}, Linux {platform.release()};
{versions}; all from Debian 12's packages, but for Postern.

The server has one core, and the load and a cheap echoing backend have the other one. What is
compared is the server's processor time from `/proc` for each operation, since load and server
share a machine. The servers take turns, {rounds(results)} rounds; each figure is the median with the least and the
most beside it. How each of them is set up is in `bench/harness/servers.py`.

{table(results)}

![processor time of a new client](benchmarks/connects.svg)

![processor time of messages](benchmarks/messages.svg)

![memory of an idle client](benchmarks/memory.svg)

## How it grows

The cost of a client at different numbers of them, who send {1000:,} messages a second together.

{growth_table(results)}

![memory and processor time by clients](benchmarks/growth.svg)

## Everybody
{everything(results)}

## Runs

Of the best of the others, or in the line's own unit; ✗: more than is wanted. What `--only` measured
again later that day stands in the column of its run.

{history(runs)}
""")
    print(f"wrote {PAGE}")
