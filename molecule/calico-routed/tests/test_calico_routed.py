# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the kernel that the example calico-routed describes, the packets that cross, and what each part is for."""

import pytest
from conftest import ttl, without


@pytest.fixture
def calico1(node):
    return node("calico1")


@pytest.mark.parametrize("endpoint, address", [("wl1", "10.2.0.1"), ("wl2", "10.2.0.2")])
def test_each_endpoint_has_an_address_and_a_route_of_its_own_and_no_bridge(calico1, endpoint, address):
    assert f"inet {address}/32" in calico1.check_output(f"ip -n {endpoint} -4 -o address show eth0")
    assert calico1.check_output(f"ip -n {endpoint} route").split("\n") == [
        "default via 169.254.1.1 dev eth0 proto 178 ",
        "169.254.1.1 dev eth0 proto 178 scope link ",
    ]
    assert calico1.check_output(f"ip route show {address}") == f"{address} dev veth-{endpoint} proto 178 scope link "
    assert calico1.check_output("ip -o link show type bridge") == ""
    for name, value in (("conf/{}/proxy_arp", "1"), ("neigh/{}/proxy_delay", "0")):
        assert calico1.check_output(f"cat /proc/sys/net/ipv4/{name.format(f'veth-{endpoint}')}") == value


def test_endpoints_reach_each_other_the_node_and_the_world(calico1):
    assert [ttl(calico1, "wl1", target) for target in ("10.2.0.2", "192.168.32.245", "8.8.8.8")] == [63, 64, 62]


def forget(host):
    host.check_output("ip -n wl1 neigh flush all")


def test_without_proxy_arp_nobody_answers_for_the_gateway(calico1):
    switch = "sysctl -qw net.ipv4.conf.veth-wl1.proxy_arp"
    with without(calico1, f"{switch}=0", f"{switch}=1"):
        forget(calico1)
        assert ttl(calico1, "wl1", "10.2.0.2") is None
    forget(calico1)
    assert ttl(calico1, "wl1", "10.2.0.2") == 63


def test_it_works_on_a_node_without_a_default_route(calico1):
    default = calico1.check_output("ip route show default").strip()
    with without(calico1, f"ip route del {default}", f"ip route add {default}"):
        forget(calico1)
        assert ttl(calico1, "wl1", "10.2.0.2") == 63
        assert ttl(calico1, "wl1", "192.168.32.245") == 64
        # what makes it work: a route of our own that covers the gateway
        covers = "169.254.1.1 dev lo proto 178 scope link"
        with without(calico1, f"ip route del {covers}", f"ip route add {covers}"):
            forget(calico1)
            assert ttl(calico1, "wl1", "10.2.0.2") is None


def learned(host):
    return host.check_output("ip -n wl1 -4 neigh show dev eth0 | grep -c lladdr || true")


def test_the_arp_table_holds_one_entry_however_many_the_endpoint_talks_to(calico1):
    ask = "for n in $(seq 10 30); do ip netns exec wl1 ping -n -c 1 -W 0.01 8.8.8.$n; done >/dev/null 2>&1; true"
    forget(calico1)
    calico1.check_output(ask)
    assert learned(calico1) == "1"
    # the naive form: each address is asked for on the link, and the node answers for each
    own = ["169.254.1.1 dev eth0 proto 178 scope link", "default via 169.254.1.1 dev eth0 proto 178"]
    back = f"ip -n wl1 route del default; ip -n wl1 route add {own[0]}; ip -n wl1 route add {own[1]}"
    naive = "ip -n wl1 route flush table main; ip -n wl1 route add default dev eth0"
    with without(calico1, naive, back):
        forget(calico1)
        calico1.check_output(ask)
        assert int(learned(calico1)) > 15
        forget(calico1)
