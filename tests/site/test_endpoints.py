# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of one node, attached in several ways, that come, go and change: who reaches whom, and which address stays."""

import re
import time

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


def pings(one, name, targets):
    asked = "; ".join(
        f"ip netns exec {name} ping -n -c 1 -W 1 {target} >/dev/null && echo {target}" for target in targets
    )
    return one.inside("vm1", asked).stdout.split()


def test_all_pairs_of_mixed_attachments_answer_and_go_on_when_they_change(fabric):
    one = fabric("dual-stack", lambda _text: INVENTORY)
    one.play("site")
    assert "136 of 136 pairs answer" in one.play("verify")
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

    # b leaves the bridge, and s comes to it: a knows both by MAC addresses that are no longer theirs
    b, s = addresses(one, "b"), addresses(one, "s")
    assert pings(one, "a", [*b, *s]) == [*b, *s]
    change(one, ("{name: b}", "{name: b, attachment: routed}"), ("{name: s, attachment: routed}", "{name: s}"))
    one.play("site")
    since = time.monotonic()
    assert pings(one, "a", [*b, *s]) == [*b, *s]
    assert time.monotonic() - since < 1
    assert "136 of 136 pairs answer" in one.play("verify")

    # an endpoint that lives keeps its address
    a = addresses(one, "a")
    one.on("vm1", "ip -n a address add 10.244.1.9/24 dev eth0; ip -n a address del %s/24 dev eth0" % a[0])
    told = one.play("site", fails=True)
    assert "a from 10.244.1.9 to " + a[0] in told and "{name: a, address: 10.244.1.9}" in told
    assert addresses(one, "a")[0] == "10.244.1.9"
    one.play("site", "-e", "fabric_readdress=true")
    assert sorted(addresses(one, "a")) == sorted(a)


def change(one, *pairs):
    hosts = one.inventory / "hosts.yml"
    text = hosts.read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    hosts.write_text(text, encoding="utf-8")
