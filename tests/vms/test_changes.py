# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes from and to ipip, which few kernels of labs have: no packet is lost on the way from one fabric to the other."""

import itertools
import subprocess
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import PHASES
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from conftest import FORWARDS_NO_MORE, ROOT
from loss import End, Traffic
from rendered import arranged, variables_of
from test_scenarios import near
from worker import PLACE, Worker, run_all

NODES = {"vm1": ("ns245", "172.245.0.2"), "vm2": ("ns246", "172.246.0.2")}
STATES = list(itertools.product(("host_gw", "vxlan", "ipip"), ("bridge", "routed")))
CHANGES = [pair for pair in itertools.permutations(STATES, 2) if any("ipip" in state for state in pair)]
# an emulated processor sends no thousand a second beside all else that it has to do
RATE, AT_LEAST = 250, 2000


def circuit(edges):
    """Return the states in an order that takes each change once (Hierholzer's walk: each state has as many ways in as out)."""
    left, path, found = list(edges), [edges[0][0]], []
    while path:
        onward = next((edge for edge in left if edge[0] == path[-1]), None)
        if onward:
            left.remove(onward)
            path.append(onward[1])
        else:
            found.insert(0, path.pop())
    return found


def options(state, phase=None):
    """Return node -> what ``site`` has arrange do there."""
    backend, attachment = state
    hosts = variables_of("ipip", fabric_backend=backend, fabric_attachment=attachment)
    hosts["vm2"]["fabric_node_address"] = near("192.168.33.246")
    unset = {**dict.fromkeys(SPECS), "adopt": False, "promised": [], "phase": phase}
    return {node: {**unset, **arranged(hosts, node)} for node in NODES}


@pytest.fixture(scope="module")
def workers(site):
    """Two machines on one L2, and what runs arrange on each."""
    one = site("ipip", near)
    files = [ROOT / "tests" / name for name in ("loss_agent.py", "loss_sockets.py")]
    made = {node: Worker(one.fleet.machines[one.machine[node]], files) for node in NODES}
    run_all(made, options(STATES[-1]))
    yield made
    run_all(
        made, {node: {**params, "sets": [], "remove_sets_except": []} for node, params in options(STATES[0]).items()}
    )
    for worker in made.values():
        worker.close()
    one.everywhere(FORWARDS_NO_MORE)


def traffic(workers):
    ends = [End(node, f"/run/netns/{netns}", (address,), node) for node, (netns, address) in NODES.items()]
    machines = {node: worker.words("python3", f"{PLACE}/loss_agent.py") for node, worker in workers.items()}
    return Traffic([tuple(ends)], rate=RATE, tcp=False, machines=machines)


def hung(workers):
    """Return what the machines say of their own network cards: an emulated one may hang where its emulator gets no time."""
    words = {node: worker.words("dmesg") for node, worker in workers.items()}
    logs = {
        node: subprocess.run(command, capture_output=True, text=True, check=True) for node, command in words.items()
    }
    return {node: [line for line in log.stdout.splitlines() if "WATCHDOG" in line][-1:] for node, log in logs.items()}


def losses(workers, states):
    """Take the machines from state to state in phases; return the changes that lost packets, and what there is to say of them."""
    changes = list(itertools.pairwise(states))
    run_all(workers, options(states[0]))
    with traffic(workers) as packets:
        for number, (_old, new) in enumerate(changes):
            packets.part(str(number))
            enough = time.monotonic() + AT_LEAST * 1.2 / (2 * RATE)
            for phase in PHASES:
                found = run_all(workers, options(new, phase))
            assert [result["remaining"] for result in found.values()] == [[], []]
            time.sleep(max(0, enough - time.monotonic()))
        packets.part("")
        result = packets.stop()
    parts = [result.parts[str(number)] for number in range(len(changes))]
    # a sender leaves out what a busy machine gave it no time for
    assert min(part.sent for part in parts) >= AT_LEAST / 2, result.text()
    lossy = {change: (part.lost, part.sent) for change, part in zip(changes, parts) if part.lost}
    return lossy, f"{lossy}\n{result.text()}\n{hung(workers)}"


def test_no_packet_is_lost_on_the_way_from_ipip_or_to_it(workers):
    states = circuit(CHANGES)
    assert sorted(itertools.pairwise(states)) == sorted(CHANGES)
    lossy, text = losses(workers, states)
    print(text)
    # an emulated machine may lose a packet by itself; a wrong order loses each time
    assert sum(lost for lost, _sent in lossy.values()) < len(CHANGES), text
    for change in lossy:
        again, more = losses(workers, change)
        assert not again, f"{text}\n{more}"


def test_all_at_once_and_one_node_after_the_other_loses_packets(workers):
    run_all(workers, options(("host_gw", "bridge")))
    with traffic(workers) as packets:
        for node, params in options(("ipip", "bridge")).items():
            run_all({node: workers[node]}, {node: params})
        result = packets.stop()
    assert result.lost, result.text()
