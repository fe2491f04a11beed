# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft(8), the program, run in a namespace: it parses rules and prints JSON."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..engine.errors import FabricError, MissingSoftware
from ..system import programs
from . import namespaces
from .codec import HEADER
from .messages import NLM_F_DUMP, NLM_F_REQUEST, Dump
from .netlink import CHUNK, open_socket

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h: NFT_MSG_GETTABLE; struct nfgenmsg
NETLINK_NETFILTER, SUBSYSTEM, GET_TABLE = 12, 10, 1
NFGENMSG = bytes(4)


@dataclass(frozen=True)
class Edit:
    """A change of one object's rules in a table: those with its comment are removed, ``rules`` are added.

    :param chains: name of a chain -> its hook; a chain is made when it is needed and removed when it is empty.
    :param rules: (chain, rule with the comment in it).
    :param handle: of the rule to remove, if it has no comment.
    :param chain: a foreign chain to remove as a whole.
    :param rank: (chain, comment of a rule) -> sort key of its place among others.
    """

    table: str
    chains: Dict[str, str]
    comment: str
    rules: Tuple[Tuple[str, str], ...] = ()
    handle: Optional[int] = None
    chain: str = ""
    rank: Callable[[str, str], Any] = lambda _chain, _comment: 0


@dataclass(frozen=True)
class Script:
    """Lines of nft(8) about one table."""

    lines: Tuple[str, ...]


def setup(table: str, chains: Dict[str, str], rules: List[Tuple[str, str]]) -> List[str]:
    """Return the lines that make the table and the chains of ``rules`` if they do not exist."""
    used = [chain for chain in chains if any(chain == rule[0] for rule in rules)]
    return [f"add table inet {table}", *(f"add chain inet {table} {chain} {{ {chains[chain]} }}" for chain in used)]


def placed(table: str, chain: str, rule: str) -> str:
    """Return the line that makes ``rule`` by hand: one for a particular local address comes before those for all."""
    particular = "daddr {" in rule and "fib daddr type local" in rule
    return f"{'insert' if particular else 'add'} rule inet {table} {chain} {rule}"


def edit(netns: str, edits: List[Edit]) -> None:
    """Carry out ``edits``, all of one table, in one transaction.

    :raises FabricError: nft refused; nothing has changed.
    """
    table, chains = edits[0].table, edits[0].chains
    rules = [rule for one in edits for rule in one.rules]
    listed = list_table(netns, table)
    strays = [one.chain for one in edits if one.chain]
    there = [entry["rule"] for entry in listed if "rule" in entry and entry["rule"]["chain"] not in strays]
    # by the comment: looking through all edits for each rule would grow with the square
    comments = {one.comment for one in edits if one.handle is None}
    handles = {one.handle for one in edits if one.handle is not None}
    gone = [rule for rule in there if rule.get("comment") in comments or rule["handle"] in handles]
    going = {rule["handle"] for rule in gone}
    left = [rule for rule in there if rule["handle"] not in going]
    if not rules and not left:
        load(netns, f"delete table inet {table}" if listed else "")
        return
    # "replace" would do, if nft 1.0.6 did not stumble over a set in the new rule
    lines = setup(table, chains, rules)
    lines += [f"{verb} chain inet {table} {chain}" for chain in strays for verb in ("flush", "delete")]
    lines += [f"delete rule inet {table} {rule['chain']} handle {rule['handle']}" for rule in gone]
    lines += _in_their_places(table, edits, left)
    used = {chain for chain, _rule in rules} | {rule["chain"] for rule in left}
    lines += [
        f"delete chain inet {table} {chain}"
        for chain in dict.fromkeys(rule["chain"] for rule in gone)
        if chain not in used
    ]
    load(netns, "\n".join(lines))


def _in_their_places(table, edits, left):
    """Return the lines that make the rules of ``edits``, each before those of ``left`` with a higher rank."""
    rank = edits[0].rank
    new = [(rank(chain, one.comment), chain, rule) for one in edits for chain, rule in one.rules]
    ranks, handles = {}, {}
    for chain in {chain for _rank, chain, _rule in new}:
        there = [rule for rule in left if rule["chain"] == chain]
        # the highest so far: in order even if somebody put a rule elsewhere
        ranks[chain] = list(accumulate((rank(chain, rule.get("comment", "")) for rule in there), max))
        handles[chain] = [rule["handle"] for rule in there]
    lines = []
    for place, chain, rule in sorted(new, key=lambda one: one[0]):
        number = bisect_right(ranks[chain], place)
        before = handles[chain][number : number + 1]
        word = f"insert rule inet {table} {chain} handle {before[0]}" if before else f"add rule inet {table} {chain}"
        lines.append(f"{word} {rule}")
    return lines


def list_table(netns: str, table: str, family: str = "inet") -> List[Dict[str, Any]]:
    """Return what ``nft -j list table FAMILY TABLE`` prints (libnftables-json(5)), [] if there is no such table."""
    found = _run(netns, ["-j", "list", "table", family, table])
    if found.returncode == 0:
        try:
            return json.loads(found.stdout)["nftables"]
        except (ValueError, KeyError) as failure:  # nft 1.0.6 breaks off at the flags of a dormant table
            raise FabricError(
                f"the fabric's table {family} {table} was altered, and nft cannot list it as JSON ({failure}): look at it"
                f" (nft list table {family} {table}), remove it (nft delete table {family} {table}) and run again"
            ) from failure
    if "No such file or directory" in found.stderr:
        return []
    raise FabricError(f"nft cannot list the table {table}: {_last_line(found.stderr)}")


def listed(netns: str, what: List[str]) -> List[Dict[str, Any]]:
    """Return what ``nft -j list`` prints for the words ``what``, [] if that does not exist."""
    text = output(netns, ["nft", "-j", "list", *what])
    return json.loads(text)["nftables"] if text.strip() else []


def ruleset(netns: str) -> Optional[List[Dict[str, Any]]]:
    """Return what ``nft -j list ruleset`` prints, or None: there are rules, and nft is missing or cannot print them as JSON."""
    if not namespaces.in_netns(netns, _has_tables):  # to start nft takes longer than to read all else
        return []
    try:
        found = _run(netns, ["-j", "list", "ruleset"])
        return json.loads(found.stdout)["nftables"] if found.returncode == 0 else None
    except (MissingSoftware, ValueError, KeyError):
        return None


def _has_tables():
    """Say whether the namespace of the calling thread has any table; a kernel without nf_tables refuses the question."""
    request = HEADER.pack(HEADER.size + len(NFGENMSG), SUBSYSTEM << 8 | GET_TABLE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
    try:
        with open_socket(NETLINK_NETFILTER) as link:
            link.send(request + NFGENMSG)
            return any(Dump(partial(link.recv, CHUNK), 1))
    except OSError:
        return False


def output(netns: str, command: List[str]) -> str:
    """Return what a program prints in ``netns``, "" if it fails."""
    found = _run(netns, command[1:], program=command[0])
    return found.stdout if found.returncode == 0 else ""


def load(netns: str, script: str) -> None:
    """Load ``script`` in one transaction; an empty one changes nothing.

    :raises FabricError: nft refused; nothing has changed.
    """
    if not script:
        return
    found = _run(netns, ["-f", "-"], script)
    if found.returncode != 0:
        raise FabricError(f"nft: {_last_line(found.stderr)}")


def _run(netns, arguments, text="", program="nft"):
    try:
        return namespaces.in_netns(netns, lambda: programs.run([program, *arguments], text))
    except FileNotFoundError as failure:
        if failure.filename == "nft":
            raise MissingSoftware(
                "the program nft is missing on this node: install the package nftables"
                " (the role nodenet.fabric.prepare does)"
            ) from failure
        raise


def _last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "rror" in line), lines[-1] if lines else "nft failed")
