# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that decides about packets, as fabric_info returns it: against iproute2 and nft, and in check mode against what comes of it."""

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.modules import fabric_info
from test_overlay import VMS, entries
from test_packets import link

LOCAL = "255"


def network(promised=(), check=False, netns=None):
    """Return namespace -> record."""
    options = {"network": True, "promised": list(promised), **({"netns": netns} if netns else {})}
    spec = {
        "netns": {"type": "list", "elements": "str"},
        "ours": {"type": "bool", "default": False},
        "network": {"type": "bool"},
        "promised": {"type": "list", "elements": "dict"},
    }
    found = ArgumentSpecValidator(spec).validate(options)
    assert not found.error_messages
    result = fabric_info.perform(found.validated_parameters, check)["network"]
    assert result["source"] == ("planned" if check else "observed")
    return result["namespaces"]


FOREIGN = (
    "ip link add br0 type bridge",
    "ip link add v0 type veth peer name v1",
    "ip link set v0 master br0",
    "ip link add vx0 type vxlan id 5 dstport 8472 local 10.0.0.1 nolearning",
    *(f"ip link set {name} up" for name in ("br0", "v0", "v1", "vx0")),
    "ip address add 10.0.0.1/24 dev v1",
    "ip address add 10.0.1.1 peer 10.0.1.2/32 dev v1",
    "ip address add fd00::1/64 dev v1",
    "ip route add 10.7.0.0/16 nexthop via 10.0.0.7 dev v1 onlink weight 3 nexthop via 10.0.0.8 dev v1 onlink",
    "ip route add throw 10.8.0.0/16 table 1000",
    "ip route add blackhole 10.9.0.0/16",
    "ip route add fd01::/64 via fd00::9 dev v1 metric 7",
    "ip rule add fwmark 7 lookup 1000 priority 100",
    "ip rule add from 10.0.0.0/24 iif v1 lookup 1000 priority 101",
    "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v1 nud permanent",
    "ip neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev v1 nud reachable",
    "ip neigh add proxy 10.0.0.77 dev v1",
    "bridge fdb add 02:00:00:00:00:0a dev vx0 dst 192.0.2.10 self permanent",
    "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.11 self permanent",
    "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.12 self permanent",
    "bridge fdb add 02:00:00:00:00:0b dev v0 master static",
    "nft 'table ip foreign { chain forward { type filter hook forward priority 0; tcp dport 25 drop; }; }'",
)


@pytest.fixture
def foreign(node):
    """A node with foreign objects of every sort."""
    for command in FOREIGN:
        node.sh(command)
    return node


def shown_routes(node):
    """Return (prefix, table, metric) of the routes that ip-route(8) shows, but those of the table local."""
    found = set()
    for one in node.json("ip -j -d -4 route show table all") + node.json("ip -j -d -6 route show table all"):
        table = {"main": "254", "local": LOCAL, None: "254"}.get(one.get("table"), one.get("table"))
        anything = "::/0" if ":" in str(one.get("gateway", "")) else "0.0.0.0/0"
        prefix = one["dst"].replace("default", anything)
        prefix += "" if "/" in prefix else "/128" if ":" in prefix else "/32"
        found |= {(prefix, table, one.get("metric", 0))} if table != LOCAL else set()
    return found


def test_routes_of_any_owner_are_as_iproute2_shows_them(foreign):
    found = network()[""]
    routes = {(one["prefix"], str(one["table"]), one["metric"]): one for one in found["routes"]}
    shown = shown_routes(foreign)
    assert shown and shown == {place for place in routes if not place[0].startswith("ff")}
    several = routes["10.7.0.0/16", "254", 0]["nexthops"]
    assert [(one["via"], one["dev"], one["weight"]) for one in several] == [
        ("10.0.0.7", "v1", 3),
        ("10.0.0.8", "v1", 1),
    ]
    assert routes["10.8.0.0/16", "1000", 0]["type"] == "throw"
    assert routes["10.9.0.0/16", "254", 0]["type"] == "blackhole"
    rules = {one["priority"]: one for one in found["rules"] if one["family"] == 4}
    assert {number: one["plain"] for number, one in rules.items()} == {
        0: True, 100: False, 101: False, 32766: True, 32767: True
    }  # fmt: skip
    assert (rules[100]["table"], "fwmark 7" in rules[100]["text"]) == (1000, True)
    assert rules[101]["text"] == "101: from 10.0.0.0/24 iif v1 lookup 1000"


def test_entries_of_any_owner_are_as_they_were_made(foreign):
    found = network()[""]
    neighbors = {(one["address"], one["mac"], one["state"]) for one in found["neighbors"]}
    assert {
        ("10.0.0.9", "02:00:00:00:00:09", "permanent"),
        ("10.0.0.8", "02:00:00:00:00:08", "reachable"),
    } <= neighbors
    assert [(one["dev"], one["address"]) for one in found["proxies"]] == [("v1", "10.0.0.77")]
    fdb = {(one["dev"], one["mac"], one["dst"], one["state"], one["master"]) for one in found["fdb"]}
    assert {
        ("vx0", "02:00:00:00:00:0a", "192.0.2.10", "permanent", False),
        ("vx0", "00:00:00:00:00:00", "192.0.2.11", "permanent", False),
        ("vx0", "00:00:00:00:00:00", "192.0.2.12", "permanent", False),
        ("v0", "02:00:00:00:00:0b", None, "static", True),
    } <= fdb
    assert {one["address"]: one.get("peer") for one in found["addresses"]}["10.0.1.1/32"] == "10.0.1.2/32"
    assert any(entry.get("chain", {}).get("table") == "foreign" for entry in found["nftables"])
    assert all(
        one["owner"] is None for sort in ("links", "addresses", "routes", "neighbors", "fdb") for one in found[sort]
    )


def test_a_namespace_without_anything_has_only_its_loopback(node):
    found = network()[""]
    assert [one["name"] for one in found["links"]] == ["lo"]
    assert {sort: found[sort] for sort in ("neighbors", "proxies", "fdb", "nftables", "unknown")} == {
        "neighbors": [], "proxies": [], "fdb": [], "nftables": [], "unknown": []
    }  # fmt: skip


SETTINGS = ("forwarding", "proxy_arp", "rp_filter", "arp_ignore", "accept_local", "route_localnet", "arp_announce")


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_of_a_link_are_those_of_its_sysctls(node, name):
    node.sh("ip link add v0 type veth peer name v1")
    before = {one["name"]: one["ipv4"][name] for one in network()[""]["links"]}
    node.sh(f"sysctl -qw net.ipv4.conf.v0.{name}={1 - before['v0']}")
    after = {one["name"]: one["ipv4"][name] for one in network()[""]["links"]}
    assert after == {**before, "v0": 1 - before["v0"]}


def test_what_is_not_in_the_record_is_named(node):
    node.sh("ip link add v0 type veth peer name v1; ip link set v0 up")
    assert network()[""]["unknown"] == []
    node.sh("tc qdisc add dev v0 clsact")
    assert ["v0" in sentence and "clsact" in sentence for sentence in network()[""]["unknown"]] == [True]


def planned_tasks():
    """The tasks of two VTEPs: (module, options), in order; of no task the next one needs a packet."""
    yield "netns", {"config": [{"name": name, "ipv6": False} for name in VMS]}
    yield "veth", {"config": [link(("vm1", "eth0"), ("vm2", "eth0"))]}
    for vm, (number, mac) in VMS.items():
        yield "bridge", {"netns": vm, "name": "br0"}
        addresses = [("eth0", f"192.168.32.{number}/24"), ("br0", f"172.{number}.0.1/24")]
        yield "address", {"netns": vm, "config": [{"dev": dev, "address": text} for dev, text in addresses]}
        options = {"name": "vxlan1", "vni": 1, "local": f"192.168.32.{number}", "dev": "eth0", "mac": mac}
        yield "vxlan", {"netns": vm, **options, "addrgenmode": "none"}
        yield "address", {"netns": vm, "dev": "vxlan1", "address": f"172.{number}.0.0/32"}
        yield "forwarding", {"netns": vm, "family": "ipv4"}
        yield from entries(vm)
        yield "masquerade", {"netns": vm, "source": f"172.{number}.0.0/24", "exclude": ["172.16.0.0/12"]}


# what the kernel decides when an object is made
BY_KERNEL = ("index", "mac", "handle", "running")


def comparable(record, planned):
    """Return what of a record a plan can know: of a link what it says in the record ``planned``."""
    known = {one["name"]: one.keys() - BY_KERNEL for one in planned["links"]}
    return {
        "links": {
            one["name"]: {name: value for name, value in one.items() if name in known.get(one["name"], one)}
            for one in record["links"]
        },
        **{
            sort: sorted(str({name: one.get(name) for name in names}) for one in record[sort])
            for sort, names in {
                "addresses": ("dev", "address", "scope", "owner"),
                "routes": ("table", "prefix", "type", "via", "dev", "metric", "onlink", "src", "owner"),
                "neighbors": ("dev", "address", "mac", "state", "owner"),
                "rules": ("family", "priority", "table", "plain", "text"),
            }.items()
        },
        "fdb": sorted(str(one) for one in record["fdb"] if one["dst"]),
        "forward": record["sysctls"]["net.ipv4.ip_forward"],
        "nft": [
            (one["rule"]["chain"], one["rule"]["expr"], one["rule"]["owner"])
            for one in record["nftables"]
            if "rule" in one
        ],
    }


def plan(node, tasks, promised=()):
    """Run ``tasks`` in check mode, one after the other; return what they promise."""
    promises = list(promised)
    for module, options in tasks:
        promises += node.task(module, True, promised=promises, **options).get("_promises", [])
    return promises


def test_what_check_mode_says_is_what_the_tasks_leave(node):
    tasks = list(planned_tasks())
    where = ["", *VMS]
    promises = plan(node, tasks)
    planned = network(promises, check=True)  # the promised namespaces are looked at without their names
    assert set(network(netns=where)) == {""}
    for module, options in tasks:
        node.task(module, **options)
    observed = network(netns=where)
    assert planned.keys() == observed.keys()
    for vm in where:
        before, after = comparable(planned[vm], planned[vm]), comparable(observed[vm], planned[vm])
        assert [(sort, before[sort], after[sort]) for sort in after if before[sort] != after[sort]] == []
    # a part goes again, another changes
    number, mac = VMS["vm2"]
    back = [
        ("vxlan_fdb", {"netns": "vm1", "dev": "vxlan1", "mac": mac, "dst": "192.168.32.9"}),
        ("masquerade", {"netns": "vm1", "source": "172.245.0.0/24", "state": "absent"}),
        ("address", {"netns": "vm1", "dev": "br0", "address": "172.245.0.1/24", "state": "absent"}),
        ("neighbor", {"netns": "vm1", "dev": "vxlan1", "address": f"172.{number}.0.0", "state": "absent"}),
    ]
    planned = network(plan(node, back), check=True, netns=where)
    assert planned["vm1"]["fdb"] != observed["vm1"]["fdb"] and planned["vm1"]["routes"] != observed["vm1"]["routes"]
    for module, options in back:
        node.task(module, **options)
    observed = network(netns=where)
    assert planned.keys() == observed.keys()
    for vm in where:
        before, after = comparable(planned[vm], planned[vm]), comparable(observed[vm], planned[vm])
        assert [(sort, before[sort], after[sort]) for sort in after if before[sort] != after[sort]] == []
