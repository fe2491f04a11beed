# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that keep other network managers away from the fabric; their effect is tested on virtual machines."""

from fnmatch import fnmatch, fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.names import new_interface_fault
from ansible_collections.nodenet.fabric.plugins.module_utils.node.coexistence import (
    firewalls,
    interfaces,
    registry,
    sysctls,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.node.coexistence.manager import Manager, Ours
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import Setting
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.encapsulation import Encapsulation
from ansible_collections.nodenet.fabric.plugins.module_utils.system.reconcile import File
from ansible_collections.nodenet.fabric.plugins.plugin_utils.backends.ipip import PAIRS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.naming import HOST_ENDS, named, patterns

OURS = Ours(
    ["fabric0", "veth-*", "vxlan1"],
    ["vxlan1"],
    ["10.244.0.0/24", "fd00::/64"],
    ["192.168.32.246", "fd32::246"],
    Encapsulation("udp", 8472),
)


def only(name, ours=OURS):
    return list(registry.MANAGERS[name].files(ours).values())


# of inventory hosts, which Ansible does not restrict, and of endpoints
NAMES = [
    *("a", "red", "ns-123456", "a-name-of-14-ch", "one-that-is-much-longer-than-an-interface", "web", "Web", "WEB"),
    *("node1.example.org", "node2.example.org", "n.o", "192.0.2.1", "fd00::1", "[2001:db8::1]", "root@host", "1"),
    *(
        "größe",
        "größenordnung-1",
        "größenordnung-2",
        "日本語の名前です",
        "a b",
        "a%d",
        "a/b",
        "*",
        "'x\"",
        "$(id)",
        ":",
        "-",
    ),
    # of 13 and 14 characters; and names that with a short prefix equal others with a long one
    *("thirteen-char", "fourteen-chars", "eth-abcdefghi", "pip-abcdefghi", "p-abcdefghijk", "abcdefghi", "abcdefghijk"),
]


@pytest.mark.parametrize("prefixes", [HOST_ENDS, PAIRS])
def test_a_generated_name_is_valid_unique_and_matches_the_patterns(prefixes):
    made = {name: named(prefixes, name) for name in NAMES}
    assert not [name for name in made.values() if new_interface_fault(name)]
    assert len(set(made.values())) == len(NAMES)
    assert all(any(fnmatchcase(name, pattern) for pattern in patterns(prefixes)) for name in made.values())
    assert made["web"] == f"{prefixes[0]}web" and made["n.o"] == f"{prefixes[0]}n.o"


def test_patterns_leave_dockers_interfaces_alone():
    assert not any(fnmatch("veth1a2b3c4", pattern) for pattern in patterns(HOST_ENDS))


def test_the_files_of_each_manager_name_the_fabric():
    assert "OriginalName=fabric0 veth-* vxlan1\n\n[Link]\nMACAddressPolicy=none" in only("udev")[0]
    assert "ManageForeignRoutes=no" in only("networkd")[0]
    assert "Name=fabric0 veth-* vxlan1\n\n[Link]\nUnmanaged=yes" in only("networkd")[1]
    assert "+=interface-name:fabric0;interface-name:veth-*;interface-name:vxlan1\n" in only("networkmanager")[0]
    assert "\nnet/ipv4/conf/vxlan1/rp_filter = 2\n" in only("rp_filter")[0]
    unit = only("docker")[0]
    for way in ("-s", "-d"):
        assert f"iptables -w -I DOCKER-USER {way} 10.244.0.0/24" in unit
        assert f"iptables -w -D DOCKER-USER {way} 10.244.0.0/24" in unit
    assert "ip6tables -w -I DOCKER-USER -s fd00::/64" in unit


def test_firewalld_accepts_the_subnets_and_the_tunnels():
    zone, policy = (ElementTree.fromstring(text.encode()) for text in only("firewalld"))
    assert zone.get("target") == "ACCEPT"
    assert [source.get("address") for source in zone.findall("source")] == OURS.prefixes
    assert [rule.find("source").get("address") for rule in policy.findall("rule")] == OURS.remotes
    assert [rule.get("family") for rule in policy.findall("rule")] == ["ipv4", "ipv6"]
    assert {(rule.find("port").get("port"), rule.find("port").get("protocol")) for rule in policy.findall("rule")} == {
        ("8472", "udp")
    }
    ipip = Ours(prefixes=["10.0.0.0/8"], remotes=["192.168.32.246"], encapsulation=Encapsulation("ipip"))
    assert '<protocol value="ipip"/>' in only("firewalld", ipip)[1]


def test_without_tunnels_no_file_names_them():
    plain = Ours(["fabric0"], [], ["10.244.0.0/24"], [], None)
    assert len(only("firewalld", plain)) == 1
    assert only("rp_filter", plain) == []


# the same fabric after a change of its tunnels, and of a subnet
LATER = Ours(
    ["fabric0", "veth-*", "ipip0"],
    ["ipip0"],
    ["10.244.0.0/24", "10.9.0.0/24"],
    ["192.168.32.246", "192.168.32.247"],
    Encapsulation("ipip"),
)
# manager -> texts that only the old fabric has, and texts that only the new one has
OF_EACH = {
    "udev": (["vxlan1"], ["ipip0"]),
    "networkd": (["vxlan1"], ["ipip0"]),
    "networkmanager": (["interface-name:vxlan1"], ["interface-name:ipip0"]),
    "rp_filter": (["conf/vxlan1/"], ["conf/ipip0/"]),
    "firewalld": (["fd00::/64", '"8472"'], ["10.9.0.0/24", '"ipip"', "192.168.32.247"]),
    "docker": (["-I DOCKER-USER -s fd00::/64"], ["-I DOCKER-USER -s 10.9.0.0/24"]),
    "ufw": (["port 8472"], ["to 10.9.0.0/24", "allow from 192.168.32.247"]),
}


@pytest.fixture
def placed(tmp_path, monkeypatch):
    """A function that gives a manager paths of the test, with the files of a fabric; it returns path -> desired files."""
    for manager in registry.MANAGERS.values():
        paths = tuple(f"{tmp_path}{path}" for path in type(manager).paths)
        monkeypatch.setattr(manager, "paths", paths, raising=False)

    def place(name, ours, there=None):
        manager = registry.MANAGERS[name]
        for path, text in (manager.files(there) if there else {}).items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
        return {path: File(text.encode()) for path, text in manager.files(ours).items()}

    return place


@pytest.mark.parametrize("name", OF_EACH)
def test_while_a_fabric_changes_both_ways_are_accepted(name, placed):
    new = placed(name, LATER, there=OURS)
    both = registry.widened(new)
    old_parts, new_parts = OF_EACH[name]
    texts = "".join(file.text for file in both.values())
    assert all(part in texts for part in [*old_parts, *new_parts])
    # the twin: what is there at the end accepts the new way alone
    assert not [part for part in old_parts if part in "".join(file.text for file in new.values())]
    for path, file in both.items():
        Path(path).write_text(file.text, encoding="utf-8")
        if path.endswith(".xml"):
            ElementTree.fromstring(file.content)
    assert registry.differing(registry.widened(new)) == {}
    assert registry.differing(new)


@pytest.mark.parametrize("name", OF_EACH)
def test_what_a_fabric_no_longer_needs_stays_until_its_end(name, placed):
    new = placed(name, Ours(), there=OURS)
    kept = registry.widened(new)
    assert all(part in "".join(file.text for file in kept.values()) for part in OF_EACH[name][0])
    assert registry.differing(kept) == {}
    assert registry.differing(new)


@pytest.mark.parametrize("name", OF_EACH)
def test_a_fabric_that_stays_as_it_is_gets_no_other_files(name, placed):
    fresh = placed(name, OURS)
    assert registry.widened(fresh) == fresh and registry.differing(fresh)
    same = placed(name, OURS, there=OURS)
    assert registry.widened(same) == same and registry.differing(same) == {}


def test_ufw_gets_its_rules_by_its_program_and_old_ones_are_deleted(tmp_path, monkeypatch):
    defaults, rules = tmp_path / "ufw", tmp_path / "ufw.rules"
    monkeypatch.setattr(firewalls, "UFW_DEFAULTS", str(defaults))
    monkeypatch.setattr(firewalls.Ufw, "paths", (str(rules),))
    monkeypatch.setattr(firewalls.Ufw, "found", lambda self: True)
    defaults.write_text("IPV6=yes\n", encoding="utf-8")
    assert len(only("ufw")[0].splitlines()) == 7
    defaults.write_text("IPV6=no\n", encoding="utf-8")
    text = only("ufw")[0]
    assert text.splitlines()[1:] == [
        "route allow from 10.244.0.0/24",
        "route allow to 10.244.0.0/24",
        "allow proto udp from 192.168.32.246 to any port 8472",
    ]
    ran = []
    monkeypatch.setattr(registry, "run_or_fail", ran.append)
    ufw = registry.MANAGERS["ufw"]
    registry._put(ufw, {str(rules): File(text.encode())})
    assert ran[0] == ["ufw", "route", "allow", "from", "10.244.0.0/24", "comment", "nodenet.fabric"] and len(ran) == 3
    ran.clear()
    registry._put(ufw, {str(rules): None})
    assert ran[0] == ["ufw", "route", "delete", "allow", "from", "10.244.0.0/24"]
    assert ran[2][:5] == ["ufw", "delete", "allow", "proto", "udp"] and not rules.exists()


def test_dockers_old_rules_are_removed_before_the_unit_changes():
    docker = registry.MANAGERS["docker"]
    (path,) = docker.paths
    assert docker.before_change({}, []) == []
    assert docker.before_change({path: "old"}, [])[0][:2] == ["systemctl", "stop"]
    assert docker.before_change({path: "old"}, [path])[0][:2] == ["systemctl", "disable"]


def test_a_file_that_turns_forwarding_off_is_corrected_by_a_later_file(monkeypatch):
    settings = registry.MANAGERS["sysctl"]
    found = [Setting("/etc/sysctl.d/99-hard.conf", "net.ipv4.ip_forward", "0")]
    monkeypatch.setattr(sysctls, "sysctl_settings", lambda: found)
    assert settings.found() and only("sysctl")[0].splitlines()[1:] == ["net/ipv4/ip_forward = 1"]
    found.append(Setting(settings.paths[0], "net/ipv4/ip_forward", "1"))
    assert settings.found()  # as long as the other file is there
    del found[0]
    assert not settings.found()
    found.append(Setting("/etc/sysctl.d/10-on.conf", "net.ipv4.ip_forward", "1"))
    assert not settings.found()


def test_a_manager_that_is_not_listed_or_not_found_gets_no_file(monkeypatch):
    monkeypatch.setattr(registry, "has_systemd", lambda: True)
    monkeypatch.setattr(interfaces.Udev, "found", lambda self: True)
    monkeypatch.setattr(firewalls.Firewalld, "found", lambda self: False)
    files, configured = registry.wanted(["udev", "firewalld"], OURS)
    assert list(files) == list(interfaces.Udev.paths) and "udev" in configured and "firewalld" not in configured
    assert registry.wanted([], OURS)[0] == {}


def test_a_manager_that_refuses_leaves_its_files_as_they_were(tmp_path, monkeypatch):
    path = tmp_path / "zone.xml"
    path.write_text("before", encoding="utf-8")

    class Stubborn(Manager):
        paths = (str(path),)

        def found(self):
            return True

        def reload(self, paths):
            return [["sh", "-c", f"! grep -q after {path} || {{ echo a zone is in the way >&2; exit 1; }}"]]

    monkeypatch.setattr(registry, "MANAGERS", {"stubborn": Stubborn()})
    files = {str(path): File(b"after")}
    with pytest.raises(FabricError, match="a zone is in the way"):
        registry.apply(files, registry.differing(files))
    assert path.read_text(encoding="utf-8") == "before"
