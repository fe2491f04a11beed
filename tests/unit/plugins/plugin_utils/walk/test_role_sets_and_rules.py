# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' sets without Ansible are those that Ansible itself makes of the same files; rules of NAT are as nft lists them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.nat import CHAINS, _text
from ansible_collections.nodenet.fabric.plugins.module_utils.ownership import NFT_TABLE
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import described
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.nft_rules import expressions, ruleset
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.role_sets import role_sets
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model

ROOT = Path(__file__).parents[5]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if (path / "hosts.yml").exists())


def variables_of(example):
    group = yaml.safe_load((ROOT / "examples" / example / "hosts.yml").read_text(encoding="utf-8"))["fabric"]
    return {name: {**group.get("vars", {}), **own} for name, own in group["hosts"].items()}


def views():
    """Return (example, host) -> what the roles need of the node."""
    models = {example: fabric_model(variables_of(example)) for example in EXAMPLES}
    return {(name, host): node_model(model, host) for name, model in models.items() for host in model["nodes"]}


def test_the_roles_declare_what_ansible_makes_of_them():
    # a process of its own, as the loader of plugins is one for the whole process
    words = [sys.executable, str(Path(__file__).with_name("sets_by_ansible.py"))]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    by = json.loads(printed)
    found = {" ".join(key): json.loads(json.dumps(role_sets(view))) for key, view in views().items()}
    assert len(found) > 15 and found == by


def test_a_task_that_is_not_one_of_arrange_is_no_declaration(monkeypatch, tmp_path):
    (tmp_path / "toy" / "defaults").mkdir(parents=True)
    (tmp_path / "toy" / "tasks").mkdir()
    (tmp_path / "toy" / "defaults" / "main.yml").write_text("{}\n", encoding="utf-8")
    (tmp_path / "toy" / "tasks" / "main.yml").write_text("- {name: Say it, debug: {msg: it}}\n", encoding="utf-8")
    # the very dictionary that the function reads: other tests load the room anew
    monkeypatch.setitem(role_sets.__globals__, "ROLES", tmp_path)
    with pytest.raises(ValueError, match="'Say it' is not one of nodenet.fabric.arrange"):
        role_sets({"arrangement": [{"role": "toy", "tasks": "main"}]})


# --- NAT ---

NAT = {
    "masquerade": [
        {
            "source": "10.1.0.0/24",
            "exclude": ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.2.0.0/16"],
            "keep": True,
        },
        {"source": "fd00:1::/64", "exclude": [], "out_interface": "eth0", "random": False},
    ],
    "port_forward": [
        {"port": "80", "to": "10.1.0.2", "hairpin": ["10.1.0.0/24"]},
        {"port": "80", "to": "10.1.0.3", "address": "192.0.2.1", "to_port": "8080", "hairpin": ["10.1.0.3/32"]},
        {"port": "8000-8010", "to": "10.1.0.2", "protocol": "udp"},
        {"port": "9000-9002", "to_port": "1-3", "to": "fd00:1::2", "address": "fd00:2::1"},
        {"port": "443", "to_port": "8443", "to": "fd00:1::2"},
    ],
}


def declared_nat():
    sets = [{"owner": "nat", "purge": True, **NAT}]
    return described(sets, ["nat"])


def test_every_rule_of_nat_is_understood():
    rules = [rule for one in declared_nat() for chain, rule in one.values.items() if rule and chain in CHAINS]
    assert len(rules) > 15
    assert [_text(list(expressions(rule))) for rule in rules] == rules


def test_a_rule_that_is_not_understood_is_an_error():
    with pytest.raises(ValueError, match="not understood: 'queue to 3'"):
        list(expressions("ct state invalid queue to 3"))


@pytest.mark.skipif(not shutil.which("nft"), reason="nft is not installed")
def test_nft_lists_the_rules_as_the_declared_state_has_them():
    objects = declared_nat()
    lines = [f"add table inet {NFT_TABLE}"]
    lines += [f"add chain inet {NFT_TABLE} {chain} {{ {hook} }}" for chain, hook in CHAINS.items()]
    expected = ruleset(objects)
    texts = {f"{key.word} {key.name}": values for key, values in ((one.key, one.values) for one in objects)}
    lines += [
        f'add rule inet {NFT_TABLE} {rule["chain"]} {texts[rule["comment"]][rule["chain"]]} comment "{rule["comment"]}"'
        for rule in (entry["rule"] for entry in expected if "rule" in entry)
    ]
    words = ["unshare", "--net", "sh", "-c", "nft -f - && nft -j list ruleset"]
    listed = subprocess.run(words, input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    found = [entry for entry in json.loads(listed)["nftables"] if "metainfo" not in entry]
    assert len(found) > 15 and _without_handles(found) == _without_handles(expected)


def _without_handles(entries):
    """Return the entries of a ruleset in an order that does not depend on when they were made."""
    plain = [{sort: {**one, "handle": 0}} for entry in entries for sort, one in entry.items()]
    return sorted(
        plain, key=lambda entry: [(sort, one.get("chain", one.get("name", ""))) for sort, one in entry.items()]
    )
