# SPDX-License-Identifier: GPL-3.0-or-later
"""The same as pictures."""
import statistics

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "postern", "svg.fonttype": "none", "font.size": 9,
                            "axes.spines.top": False, "axes.spines.right": False})
from matplotlib import pyplot  # noqa: E402  (after the choice of how to draw)

from bench.harness.servers import Postern  # noqa: E402

OURS, THEIRS = "#0b7a75", "#b8bec6"


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def bars(axes, found, key, title, unit):
    medians = {name: statistics.median(values[key]) for name, values in found.items()}
    names = sorted(medians, key=medians.get, reverse=True)
    drawn = axes.barh(names, [medians[name] for name in names],
                      color=[OURS if name == Postern.name else THEIRS for name in names])
    axes.bar_label(drawn, fmt="%.4g", padding=3)
    axes.set_title(f"{title} ({unit})", loc="left", fontsize=9)
    axes.margins(x=0.15)


def sheet(results, chosen, path):
    chosen = [entry for entry in chosen if entry[0] in results["rows"]]
    figure, all_axes = pyplot.subplots(1, len(chosen), figsize=(4.2 * len(chosen), 2.4),
                                       squeeze=False)
    for axes, (row, key, title, unit) in zip(all_axes[0], chosen):
        bars(axes, results["rows"][row], key, title, unit)
    save(figure, path)


def grow(results, path):
    figure, (memory, time) = pyplot.subplots(1, 2, figsize=(8.4, 2.8))
    for name, sizes in results["growth"].items():
        clients = [int(size) for size in sizes]
        color = {"color": OURS, "linewidth": 2} if name == Postern.name else {"linewidth": 1}
        memory.plot(clients, [told["kib"] for told in sizes.values()], marker="o", label=name,
                    **color)
        time.plot(clients, [told["message_us"] for told in sizes.values()], marker="o",
                  label=name, **color)
    for axes, title in ((memory, "memory of a client (KiB)"), (time, "a message, server (µs)")):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("clients")
        axes.set_title(title, loc="left", fontsize=9)
    memory.legend(frameon=False)
    save(figure, path)


def draw(results, folder):
    sheet(results, [("full", "cost", "new client, TLS 1.3", "µs"),
                    ("mtls", "cost", "with a client certificate", "µs"),
                    ("resumed", "cost", "resumed", "µs")], folder / "connects.svg")
    sheet(results, [("publish", "cost", "100 bytes and their echo", "µs"),
                    ("bulk", "cost", "1 MB and its echo", "µs")], folder / "messages.svg")
    sheet(results, [("idle", "kib", "idle client", "KiB"),
                    ("silent", "kib", "silent TCP connection", "KiB")], folder / "memory.svg")
    grow(results, folder / "growth.svg")
