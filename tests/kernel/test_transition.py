# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is only there between the phases of a change."""

import pytest
from test_arrange import run

OLD = {"route": [{"prefix": "10.9.0.0/16", "via": "10.8.0.9"}]}
NEW = {
    "bridge": [{"name": "br9", "mac": "02:00:00:00:00:09", "addrgenmode": "none", "side": "node"}],
    "address": [{"dev": "br9", "address": "10.7.0.1/24"}],
    "route": [{"prefix": "10.9.0.0/16", "via": "10.7.0.9", "dev": "br9"}],
}


def rp_filter(node, dev):
    return node.sh(f"cat /proc/sys/net/ipv4/conf/{dev}/rp_filter").strip()


@pytest.mark.parametrize("strict", [0, 1])
def test_a_device_that_comes_has_a_loose_filter_until_contract_and_then_its_own(node, strict):
    node.sh(f"for name in all default; do echo {strict} > /proc/sys/net/ipv4/conf/$name/rp_filter; done")
    node.sh(
        "ip link add d0 type veth peer name d1; ip link set d1 up; ip link set d0 up; ip address add 10.8.0.1/24 dev d0"
    )
    run(OLD)
    filters = []
    for phase in ("expand", "switch", "contract"):
        run(NEW, phase=phase)
        filters.append([rp_filter(node, dev) for dev in ("d0", "br9")])
    own = [str(strict), "0"]  # the bridge leaves it to "all"
    assert filters == ([["2", "2"], ["2", "2"], own] if strict else [own] * 3)
    assert not run(NEW, phase="expand")["changed"]
    assert "10.9.0.0/16 via 10.7.0.9 dev br9" in node.sh("ip route")
