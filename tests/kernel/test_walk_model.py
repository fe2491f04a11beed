# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of a packet's walk against the kernel: small fabrics, changed by chance, with packets from each end to each.

``NODENET_WALKS`` is how many states are tried, ``NODENET_SEED`` the first seed; each fabric prints its own. A state of which the
model says for every packet what becomes of it, and is right, agrees.
"""

import functools
import os
import random
import subprocess
import sys
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.fabric import Fabric as States
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.hop import Place
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import NodeState, Underlay, namespace
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.walker import walk
from walk_changes import changes
from walk_fabrics import UPLINK, Fabric, Recipe
from walk_sandbox import SERVER, Probe, Sandbox, flush

CASES = int(os.environ.get("NODENET_WALKS", "300"))
# the same states in each run of all tests; those of `make walks` are by chance
SEED = int(os.environ.get("NODENET_SEED") or 0) or (
    random.randrange(1, 1 << 30) if "NODENET_WALKS" in os.environ else 1
)
STATES_OF_A_FABRIC = 25
SIZES = (84, 84, 84, 1280, 1400, 1450, 1496, 1500)
PACKETS = 24  # of a state
MACHINE = "m"
# unknown: the model says so, and is not counted as right
MOST_UNKNOWN = 0.05
# packets of one state that are looked at: they have one cause
MOST_WRONG = 2


class Count:
    """What came of all packets."""

    def __init__(self):
        self.states = self.packets = self.delivered = self.unknown = 0
        self.wrong = []


def in_one(_fabric, states):
    """Return the namespaces as one node, with what lies between the nodes among them."""
    return States([NodeState(MACHINE, {name: namespace(one) for name, one in states.items()})]), lambda name: (
        MACHINE,
        name,
    )


def as_nodes(fabric, states):
    """Return each node with its endpoints, as the collection reads them; of the underlay only the segments are known."""
    owner = {**{name: name for name in fabric.nodes}, **fabric.endpoints}

    def named(name):
        return "" if name in fabric.nodes else name

    nodes = []
    for node in fabric.nodes:
        mine = {}
        for name in (one for one in owner if owner[one] == node):
            links = [{**link, "peer": _peer(link, owner, named)} for link in states[name]["links"]]
            mine[named(name)] = namespace({**states[name], "links": links})
        nodes.append(NodeState(node, mine))
    segments = [f"192.168.{number}.0/24" for number in range(1, 4 if fabric.recipe.routed else 2)]
    return States(nodes, Underlay([*segments, "fd99::/64"])), lambda name: (owner.get(name), named(name))


def _peer(link, owner, named):
    peer = link.get("peer")
    return [named(peer[0]), peer[1]] if peer and peer[0] in owner else None


def predicted(fabric, states, probes, view):
    """Return word -> (the walk that the model predicts, where the packet is to arrive)."""
    nodes, place_of = view(fabric, states)
    names = {place_of(name): name for name in fabric.names}
    found = {}
    for word, probe in probes.items():
        holder = next((name for name, addresses in fabric.addresses.items() if probe.address in addresses), None)
        node, netns = place_of(holder)
        question = {
            "protocol": "udp",
            "port": probe.port,
            "size": probe.size,
            "from": Place(probe.source, *place_of(probe.source)),
            "to": Place(probe.address, node, netns if node else "", probe.address),
        }
        predicted_ = walk(nodes, nodes.underlay, question, trace=False)
        arrival = predicted_.forward.arrival
        found[word] = predicted_, names.get(arrival[1] or (None, UPLINK)) if arrival else None
    return found


def verdict_of(walk_, place, probe, came, answer):
    """Return "" if the packet did what was predicted, else what it did.

    :param place: where it is predicted to arrive; ``came`` is where it did.
    :param answer: where the answer arrived, and from which address.
    """
    if "unknown" in (walk_.forward.verdict, walk_.verdict):
        return ""
    if came != place:
        return f"the packet is predicted to reach {place} ({walk_.forward.reason!r}), and reached {came}"
    good = answer == f"{probe.source} {probe.address}"
    if walk_.forward.verdict == "delivered" and (walk_.verdict == "delivered") != good:
        return f"the answer is predicted {walk_.verdict} ({walk_.reverse.reason!r}), was {answer}"
    return ""


def probes_of(fabric, chance, number):
    found = {}
    pairs = fabric.pairs()
    for position, (source, _to, address) in enumerate(chance.sample(pairs, min(PACKETS, len(pairs)))):
        port = 8053 if chance.random() < 0.15 else SERVER
        size = chance.choice(SIZES)
        found[(number << 10 | position).to_bytes(4, "big")] = Probe(
            source, address, port, max(size, 104 if ":" in address else 84)
        )
    return found


def expected(walks):
    return sum((one.forward.verdict == "delivered") + (one.verdict == "delivered") for one, _place in walks.values())


def asked(sandbox, view, probes, patience):
    """Return the walks that the model predicts for packets, and of those that did otherwise what they did."""
    walks = predicted(sandbox.fabric, sandbox.state(), probes, view)
    arrived, answered = sandbox.send(probes, expected(walks), patience)
    found = {word: verdict_of(*walks[word], probes[word], arrived.get(word), answered.get(word)) for word in probes}
    return [one for one, _place in walks.values()], {word: text for word, text in found.items() if text}


def of_the_underlay(change):
    """Say whether no state of a node tells of a change: of the underlay the segments are known, and it is as it should be.

    So is what nodes have learned of its router: an entry that pretends to be learned is as one that was.
    """
    router = any("192.168.1.254 lladdr" in line and line.endswith(("reachable", "stale")) for line in change.lines)
    return router or change.netns == UPLINK


def one_state(sandbox, view, chance, number, count):
    """Change the fabric, read it, and ask the model and the kernel.

    Packets that go at once teach each other's neighbors: one that does otherwise is asked about again, alone.
    """
    made = [one for one in changes(sandbox.fabric, chance) if view is in_one or not of_the_underlay(one)]
    for change in made:
        sandbox.lines(change.netns, *change.lines)
    flush(sandbox, chance.random() < 0.7)
    probes = probes_of(sandbox.fabric, random.Random(number), number)
    if view is as_nodes:
        ends = (UPLINK, *sandbox.fabric.addresses[UPLINK])  # the router itself is no host beyond a router
        probes = {word: one for word, one in probes.items() if one.source not in ends and one.address not in ends}
    walks, wrong = asked(sandbox, view, probes, 0.05)
    doubtful, wrong = wrong, {}
    for word in doubtful:
        for patience in (0.05, 0.3):
            flush(sandbox, True)
            again = asked(sandbox, view, {word: probes[word]}, patience)[1]
            if not again:
                break
        wrong.update(again)
        if len(wrong) >= MOST_WRONG:
            break
    count.states += 1
    count.packets += len(probes)
    count.delivered += sum(one.verdict == "delivered" for one in walks)
    count.unknown += sum("unknown" in (one.verdict, one.forward.verdict) for one in walks)
    for word, text in wrong.items():
        probe = probes[word]
        count.wrong.append(
            f"{probe.source} -> {probe.address}:{probe.port} {probe.size} bytes: {text}; after {made} ({view.__name__})"
        )
    return made


def mend(sandbox, made):
    for change in reversed(made):
        sandbox.lines(change.netns, *change.undo)
    for netns in {change.netns for change in made}:
        sandbox.mend(
            netns, rules=any("nft" in line for change in made for line in change.lines if change.netns == netns)
        )


def try_fabric(seed, states, count, found=None):
    """Try a number of states of one fabric, in one thread that visits the namespaces."""
    namespaces.in_worker_thread(lambda: _try_fabric(seed, states, count, found))


@functools.lru_cache
def has_ipip():
    """Say whether the kernel has IPIP tunnels."""
    made = "ip link add nodenet-ipip type ipip local 192.0.2.1 && ip link del nodenet-ipip"
    return subprocess.run(["unshare", "-n", "sh", "-c", made], capture_output=True, check=False).returncode == 0


def _try_fabric(seed, states, count, found):
    chance = random.Random(seed)
    recipe = Recipe.by(chance, has_ipip())
    sandbox = Sandbox(Fabric(recipe))
    view = chance.choice((in_one, in_one, as_nodes))
    try:
        for number in range(states):
            before = len(count.wrong)
            made = one_state(sandbox, view, chance, number, count)
            count.wrong[before:] = [f"seed {seed} state {number} {recipe}: {one}" for one in count.wrong[before:]]
            if found is not None and len(count.wrong) > before:
                found(sandbox, number)
            mend(sandbox, made)
    finally:
        sandbox.close()


@pytest.mark.parametrize("share", range(2))
def test_the_kernel_does_what_the_model_predicts(node, share, capsys):
    count, began = Count(), time.monotonic()
    left, number = CASES // 2, 0
    while left > 0:
        seed = SEED + 1000003 * share + number
        try_fabric(seed, min(left, STATES_OF_A_FABRIC), count)
        left -= STATES_OF_A_FABRIC
        number += 1
    with capsys.disabled():
        print(
            f"\nwalks: seed {SEED}, {count.states} states, {count.packets} packets, {count.delivered} delivered,"
            f" {count.unknown} unknown, {len(count.wrong)} wrong, {time.monotonic() - began:.1f} s",
            file=sys.stderr,  # what a worker of several has of its own
        )
    assert not count.wrong, "\n".join(count.wrong[:20])
    assert count.unknown <= MOST_UNKNOWN * count.packets
    # that both happen: a model that says the same of each packet would be found out
    assert 0.1 * count.packets < count.delivered < 0.95 * count.packets
