# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook walk, and what is held of each walk that it returns."""

import json

SIGHTINGS = ("in", "out")


def walks(one, *options, fails=False):
    """Return all walks of a fabric's pairs, or of those that ``options`` name, as the playbook prints them."""
    printed = one.play("walk", "-e", "walk_format=json", *options, fails=fails)
    found = json.loads(next(line for line in printed.splitlines() if line.startswith(("[{", '{"'))))
    return found if isinstance(found, list) else [found]


def place(hop):
    return hop["node"], hop["netns"], hop["device"], hop["action"]


def can_be_seen(hop):
    """Say whether a capture knows the packet there: one that is encrypted must not be seen."""
    return hop["action"] in SIGHTINGS and not any(header["type"] == "wireguard" for header in hop["packet"] or ())


def alike(found):
    """Return the ends of walks that arrive. All of them were asked and captured and are as predicted; what is not so fails."""
    for one in found:
        name = f"{one['from']['label']} -> {one['to']['label']} {one['to']['address']}"
        assert one["differences"] == [], (name, one["differences"])
        for direction in ("forward", "reverse"):
            predicted = {place(hop) for hop in (one[direction] or {"hops": []})["hops"] if can_be_seen(hop)}
            seen = [hop for hop in one["captured"] if hop["direction"] == direction]
            assert predicted <= {place(hop) for hop in seen}, (name, direction)
            # a bridge's ports see what is for others, too
            assert {place(hop) for hop in seen if hop["to"] != "otherhost"} <= predicted, (name, direction)
        if one["verdict"] == "delivered":
            assert one["kernel"] and any(hop["direction"] == "reverse" for hop in one["captured"]), name
    return [(one["from"]["label"], one["to"]["label"]) for one in found if one["verdict"] == "delivered"]
