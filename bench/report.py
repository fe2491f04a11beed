# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians and ratios of all rounds, as tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

MEASURES = ("wall", "gone", "user", "system", "busy", "memory")
# against whom each family's others are held
OURS = "engine"
BEST = "ip -batch, tuned"


@dataclass(frozen=True)
class Target:
    """A ratio that is to be reached: of one cell, (family, phase, contestant, size), to another.

    :param most: the ratio is to be at most this, in each of ``measures``.
    """

    words: str
    ours: tuple
    other: tuple
    most: float
    measures: tuple = ("gone",)


def _endpoints(phase, name, size):
    return "endpoints", phase, name, size


# what a way between nodes is compared with
AGAINST = {"fabric": "by hand", "with guards": "fabric"}
TARGETS = [
    Target(
        f"engine, 500 endpoints, against {other}",
        _endpoints("create", OURS, 500),
        _endpoints("create", other, 500),
        0.4,
        ("gone", "busy"),
    )
    for other in ("ip -batch", BEST)
] + [
    Target(
        "engine, 1000 endpoints, against ip -batch",
        _endpoints("create", OURS, 1000),
        _endpoints("create", "ip -batch", 1000),
        0.3,
    ),
    Target(
        "engine, nothing to do over 500 endpoints, against their making",
        _endpoints("again", OURS, 500),
        _endpoints("create", OURS, 500),
        0.25,
    ),
    Target(
        "engine, 500 removed until the last is gone, against ip netns del in a loop",
        _endpoints("delete", OURS, 500),
        _endpoints("delete", "shell of ip", 500),
        0.7,
    ),
    Target(
        "engine, 1000 peers, against ip -batch and bridge -batch",
        ("peers", "add", OURS, 1000),
        ("peers", "add", "ip -batch, bridge -batch", 1000),
        1.0,
    ),
    Target(
        "site, 100 endpoints, against Ansible's loops (reckoned)",
        _endpoints("create", "site", 100),
        _endpoints("create", "Ansible loops", 100),
        1 / 25,
    ),
    Target(
        "engine with guards, 500 endpoints, against without",
        _endpoints("create", "engine, with guards", 500),
        _endpoints("create", OURS, 500),
        1.15,
        ("gone", "busy"),
    ),
    Target(
        "site, 100 endpoints, against one task with a script",
        _endpoints("create", "site", 100),
        _endpoints("create", "Ansible script", 100),
        2.5,
    ),
    Target(
        "controller, one node out of 1000, against out of 100",
        ("controller", "one node", "site --limit", 1000),
        ("controller", "one node", "site --limit", 100),
        2.0,
    ),
    Target(
        "lab of 50 nodes against 2, over five forks",
        ("lab", "all nodes", "site, all nodes", 50),
        ("lab", "all nodes", "site, all nodes", 2),
        10.0,  # 50 nodes by five forks are ten turns, two nodes are one
    ),
    Target(
        "proof, 2000 nodes of many sorts against 1000",
        ("proof", "all pairs", "prove, nodes of many sorts", 2000),
        ("proof", "all pairs", "prove, nodes of many sorts", 1000),
        2.2,
    ),
]
# (what, cell, seconds)
LIMITS = [
    ("site, 2 nodes, first run", ("lab", "all nodes", "site, all nodes", 2), 6.0),
    ("site, 2 nodes, second run", ("lab", "all nodes again", "site, all nodes", 2), 5.0),
    ("site, 50 nodes, first run", ("lab", "all nodes", "site, all nodes", 50), 20.0),
    ("site, 50 nodes, second run", ("lab", "all nodes again", "site, all nodes", 50), 20.0),
    ("site, one node out of 5000, first run", ("controller", "one node", "site --limit", 5000), 5.0),
    ("site, one node out of 5000, second run", ("controller", "one node again", "site --limit", 5000), 5.0),
    ("proof, 1000 nodes with 4 endpoints", ("proof", "all pairs", "prove, nodes of many sorts", 1000), 5.0),
]


def medians(whole):
    """Return (family, phase) -> contestant -> size -> measure -> median over the rounds."""
    collected = defaultdict(list)
    for sample in whole["samples"]:
        collected[sample["family"], sample["phase"], sample["contestant"], sample["size"]].append(sample)
    found = {}
    for (family, phase, contestant, size), samples in collected.items():
        of_size = found.setdefault((family, phase), {}).setdefault(contestant, {})
        results = [sample.get("result") or {} for sample in samples]
        each = {
            **{name: [sample[name] for sample in samples] for name in MEASURES},
            **{name: [result[name] for result in results] for name in RATES if name in results[0]},
        }
        of_size[size] = {**{name: median(values) for name, values in each.items()}, "each": each}
    return found


RATES = ("mbit", "microseconds")


def _ratio(ours, other, name):
    """Return the median of the rounds' ratios: the machine's speed changes from round to round more than within one."""
    rounds = [cell.get("each", {}).get(name, []) for cell in (ours, other)]
    if not all(rounds) or len(rounds[0]) != len(rounds[1]):
        return ours[name] / other[name]
    # a short run may have kept the machine busy for less than a tick
    pairs = [(one, another) for one, another in zip(*rounds) if another]
    return median(one / another for one, another in pairs) if pairs else float("inf")


def text(whole):
    """Return all tables, in Markdown."""
    found = medians(whole)
    lines = [
        f"{whole['rounds']} rounds, medians; kernel {whole['machine']['kernel']}, "
        f"{whole['machine']['processors']} processors, Python {whole['machine']['python']}"
    ]
    lines += ["\n### Targets\n", *_targets(found)]
    if any(sample["family"] == "changes" for sample in whole["samples"]):
        lines += ["\n### Lost while the fabric is changed, and segments sent again\n", *losses(whole)]
    for (family, phase), contestants in found.items():
        if family == "changes":
            continue
        lines.append(f"\n### {family}: {phase}\n")
        lines += _datapath(contestants) if family == "datapath" else _table(contestants)
    return "\n".join(lines)


def _targets(found):
    """Return the lines of the table of targets whose cells were measured."""
    yield _row(["what", "ours", "other", "ratio", "target", ""])
    yield _row(["---"] + ["---:"] * 4 + ["---"])
    for target in TARGETS:
        ours, other = _cell(found, target.ours), _cell(found, target.other)
        for name in target.measures if ours and other else ():
            ratio = _ratio(ours, other, name)
            words = target.words + (", machine busy" if name == "busy" else "")
            cells = [f"{ours[name]:.3f} s", f"{other[name]:.3f} s", f"{ratio:.3f}", f"at most {target.most:g}"]
            yield _row([words, *cells, _met(ratio <= target.most)])
    for words, place, most in LIMITS:
        ours = _cell(found, place)
        if ours:
            each = f"{ours['gone'] / place[-1]:.2f} s a node" if place[0] == "lab" else ""
            yield _row([words, f"{ours['gone']:.2f} s", each, "", f"at most {most:g} s", _met(ours["gone"] <= most)])
    ways = found.get(("datapath", "tcp"), {})
    for name, against in (
        (one, other) for one in sorted(ways) for word, other in AGAINST.items() if one.endswith(word)
    ):
        other = ways.get(f"{name.split(', ')[0]}, {against}", {})
        for size in ways[name] if other else ():
            ratio = _ratio(ways[name][size], other[size], "mbit")
            cells = [f"{one[size]['mbit']:,.0f} Mbit/s" for one in (ways[name], other)]
            yield _row(
                [f"datapath, {name}, against {against}", *cells, f"{ratio:.3f}", "at least 0.97", _met(ratio >= 0.97)]
            )


def losses(whole):
    """Return the lines of the table of losses: a row for each change, a column for each contestant."""
    samples = [sample for sample in whole["samples"] if sample["family"] == "changes"]
    contestants = list(dict.fromkeys(sample["contestant"] for sample in samples))
    rows = {}
    for sample in samples:
        for name, part in sample["result"]["parts"].items():
            words = f"{part['lost']:,} of {part['sent']:,}"
            words += f", {part['retransmissions']:,}" if sample["phase"] != "subnet" else ""
            rows.setdefault(name, {})[sample["contestant"]] = words
    yield _row(["", *contestants])
    yield _row(["---"] + ["---:"] * len(contestants))
    for name, cells in rows.items():
        yield _row([name, *(cells.get(one, "") for one in contestants)])


def _met(is_met):
    return "met" if is_met else "**missed**"


def _cell(found, place):
    """Return the measures of one cell; beyond a contestant's sizes, reckoned from its two largest."""
    family, phase, contestant, size = place
    sizes = found.get((family, phase), {}).get(contestant, {})
    if size in sizes or len(sizes) < 2 or size < max(sizes) or contestant != "Ansible loops":
        return sizes.get(size)
    low, high = sorted(sizes)[-2:]
    each = {name: (sizes[high][name] - sizes[low][name]) / (high - low) for name in MEASURES}
    return {name: sizes[high][name] + each[name] * (size - high) for name in MEASURES}


def _table(contestants):
    """Return the lines of a table: for each contestant and size its measures, and ours as a share of it."""
    columns = ["", "size", "wall ms", "until gone ms", "user ms", "system ms", "machine busy ms", "peak MiB"]
    shares = [f"{OURS} / this, wall", "busy"] if OURS in contestants else []
    yield _row([*columns, *shares])
    yield _row(["---"] + ["---:"] * (len(columns) - 1 + len(shares)))
    for size in sorted({size for sizes in contestants.values() for size in sizes}):
        for name, sizes in contestants.items():
            if size in sizes:
                yield _row(
                    [name, size, *_cells(sizes[size]), *(_shares(contestants, size, sizes[size]) if shares else [])]
                )


def _datapath(contestants):
    yield _row(["", "TCP Mbit/s", "round trip µs"])
    yield _row(["---", "---:", "---:"])
    for name, sizes in contestants.items():
        for found in sizes.values():
            yield _row([name, f"{found['mbit']:,.0f}", f"{found['microseconds']:.0f}"])


def _cells(found):
    return [f"{found[name] * 1000:,.0f}" for name in MEASURES[:-1]] + [f"{found['memory'] / 1024:.0f}"]


def _shares(contestants, size, found):
    ours = contestants.get(OURS, {}).get(size)
    return [f"{ours[name] / found[name]:.2f}" if ours and found[name] else "" for name in ("gone", "busy")]


def _row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
