# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base chains of the firewall that drop by policy, in nft(8) and in the legacy iptables(8), and rules that drop."""

from __future__ import annotations

import re
from typing import List, Tuple

from ...kernel import nft
from ...ownership import NFT_TABLE
from ...system import programs
from . import files
from .model import Chain, Drop

HOOKS = {"input": "INPUT", "forward": "FORWARD"}
# prefix of a chain's name -> the program that made its table
MARKS = {"DOCKER-USER": "docker", "ufw-": "ufw", "ufw6-": "ufw"}
COUNTER = re.compile(r"counter packets \d+ bytes \d+ ?")
VERDICT = re.compile(r"\b(drop|reject)\b(?!;)")  # a policy ends with a semicolon
ALL = re.compile(r"drop|reject( with .*)?")
LEGACY = {"iptables-legacy": "ip_tables_names", "ip6tables-legacy": "ip6_tables_names"}
# what drops in these is meant; where they are altered, a walk says so
OURS = (NFT_TABLE, "nodenet_guard", "nodenet_policy")


def chains() -> List[Chain]:
    """Return a Chain for each base chain of the hooks input and forward that drops by its policy."""
    return [*_of_nft(), *_of_iptables()]


def rules_that_drop() -> Tuple[List[Chain], List[Drop]]:
    """Return (chains, drops) of nft's ruleset: base chains that end with a drop of all, and each :class:`Drop` besides."""
    found, drops, table, chain = [], [], "", None
    for line in nft.output("", ["nft", "list", "ruleset"]).splitlines():
        words = line.split()
        if words[:1] == ["table"]:
            table, chain = " ".join(words[1:3]), None
        elif words[:1] == ["chain"]:
            chain = Chain(f"{table} {words[1]}", "", "accept")
        elif chain and table.split()[-1] not in OURS:
            rule = COUNTER.sub("", line).strip()
            hook = re.match(r"type \w+ hook (\w+) ", rule)
            chain = chain._replace(hook=hook[1] if hook else chain.hook, text=f"{chain.text}\n{rule}")
            if ALL.fullmatch(rule) and chain.hook in HOOKS:
                found.append(chain._replace(policy="drop"))
            elif VERDICT.search(rule):
                drops.append(Drop(chain.place, rule))
    return found, drops


def _of_nft():
    listed = [entry["chain"] for entry in nft.listed("", ["chains"]) if "chain" in entry]
    whose = {}
    for chain in listed:
        mark = next((program for mark, program in MARKS.items() if chain["name"].startswith(mark)), None)
        if mark or chain["table"] == "firewalld":
            whose.setdefault((chain["family"], chain["table"]), mark or "firewalld")
    for chain in listed:
        place = chain["family"], chain["table"], chain["name"]
        if chain.get("hook") in HOOKS and chain.get("policy") == "drop" and chain["table"] not in OURS:
            text = str(nft.listed("", ["chain", *place]))
            yield Chain(" ".join(place), chain["hook"], "drop", whose.get(place[:2]), text)


def _of_iptables():
    for program, names in LEGACY.items():
        # if the file does not list the table, nobody used it, and listing it would load its modules
        used = ["filter"] in files.lines(f"/proc/thread-self/net/{names}", skip=0)
        if used and programs.find(program):
            text = nft.output("", [program, "-S"])
            mark = next((whose for mark, whose in MARKS.items() if f"-N {mark}" in text), None)
            for hook, name in HOOKS.items():
                if re.search(f"^-P {name} DROP$", text, re.M):
                    yield Chain(f"filter {name} ({program})", hook, "drop", mark, text)
