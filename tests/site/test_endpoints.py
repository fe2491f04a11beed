# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of one node, attached in several ways, that are added, removed and changed: the matrix, and the addresses that stay."""

import re

INVENTORY = """\
fabric:
  hosts:
    vm1:
      fabric_node_address: 192.168.32.1
      fabric_node_address6: fd32::1
      fabric_node_subnet: 10.244.1.0/24
      fabric_node_subnet6: fd00:1::/64
      fabric_endpoints:
        - {name: a}
        - {name: b}
        - {name: c}
        - {name: r, attachment: routed}
        - {name: s, attachment: routed}
        - {name: d, attachment: direct}
        - {name: e, attachment: direct}
    vm2:
      fabric_node_address: 192.168.32.2
      fabric_node_address6: fd32::2
      fabric_node_subnet: 10.244.2.0/24
      fabric_node_subnet6: fd00:2::/64
      fabric_endpoints: [{name: p}]
"""


def addresses(one, name):
    """Return the global addresses of an endpoint of vm1, of each family."""
    text = one.on("vm1", f"ip -n {name} -o address show eth0 scope global")
    return re.findall(r"inet6? (\S+)/", text)


def all_pairs_answer(printed):
    return re.search(r"^(\d+) of \1 pairs answer", printed, re.M)


def pings(one, name, targets):
    asked = "; ".join(
        f"ip netns exec {name} ping -n -c 1 -W 1 {target} >/dev/null && echo {target}" for target in targets
    )
    return one.inside("vm1", asked).stdout.split()


def test_all_pairs_of_mixed_attachments_answer_and_go_on_when_they_change(fabric):
    one = fabric("dual-stack", lambda _text: INVENTORY)
    one.play("site")
    assert all_pairs_answer(one.play("verify"))
    r, d = addresses(one, "r"), addresses(one, "d")
    assert pings(one, "a", ["10.244.1.77", "fd00:1::77"]) == []  # nobody answers for what nobody has
    one.on("vm1", "ip neigh flush all proxy; ip -6 neigh flush all proxy")
    for family in ("", "-6 "):
        listed = one.on("vm1", f"ip {family}neigh show proxy dev fabric0").split("\n")
        one.on("vm1", "; ".join(f"ip neigh del proxy {line.split()[0]} dev fabric0" for line in listed if line))
    one.on("vm1", "ip -n a neigh flush all; ip -n a -6 neigh flush all")
    assert pings(one, "a", [*r, *d]) == []
    assert "changed=1" in one.play("site")
    assert pings(one, "a", [*r, *d]) == [*r, *d]

    # three leave the bridge or come to it: they and a know each other by MAC addresses that are no longer theirs
    moving = [address for name in ("b", "c", "s", "d") for address in addresses(one, name)]
    assert pings(one, "a", moving) == moving
    for line in ("{name: b, attachment: routed}", "{name: c, attachment: direct}", "{name: s}", "{name: d}"):
        change(one, f"- {{name: {line[7]}.*", f"- {line}")
    one.play("site")
    # each within a second: a MAC address that is no longer true would cost more
    assert pings(one, "a", moving) == moving
    assert all_pairs_answer(one.play("verify"))

    # an endpoint that lives keeps its address
    a = addresses(one, "a")
    one.on("vm1", f"ip -n a address del {a[0]}/24 dev eth0 && ip -n a address add 10.244.1.9/24 dev eth0")
    reported = one.play("site", fails=True)
    assert "a from 10.244.1.9 to " + a[0] in reported and "{name: a, address: 10.244.1.9}" in reported
    assert addresses(one, "a")[0] == "10.244.1.9"
    one.play("site", "-e", "fabric_readdress=true")
    assert sorted(addresses(one, "a")) == sorted(a)


def change(one, pattern, text):
    hosts = one.inventory / "hosts.yml"
    changed, times = re.subn(pattern, text, hosts.read_text(encoding="utf-8"))
    assert times == 1
    hosts.write_text(changed, encoding="utf-8")
