# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that boots without IPv6 in its kernel, and at first without its uplink."""

import pytest
from conftest import changed

UNIT = "systemctl show --value -p ActiveState nodenet-fabric"
UNDERLAY = "/etc/nodenet-underlay"
FOLLOWS = f"for time in $(seq 80); do test $({UNIT}) = active && exit 0; sleep 0.5; done; exit 1"


@pytest.fixture(scope="module")
def booted(site, fleet, request):
    """The example host-gw, saved by kernels that have IPv6; vm1 has booted since, and nobody has run anything."""
    one = site("host-gw")
    one.play("site")
    one.on("vm1", f"mv {UNDERLAY} {UNDERLAY}.later && sync")
    vm1 = one.machine["vm1"]
    fleet.kill(vm1)
    fleet.machines[vm1].kernel_options = "ipv6.disable=1"
    fleet.start(vm1)
    yield one
    if request.session.items[-1].path != request.path:  # else nobody wants it back
        fleet.kill(vm1)
        fleet.machines[vm1].kernel_options = ""
        fleet.start(vm1)


def test_the_endpoints_are_there_before_the_uplink_and_the_rest_follows_it(booted):
    assert "192.168.32.245" not in booted.on("vm1", "ip address")
    booted.on("vm1", "ip netns exec ns245 ping -c 1 -W 5 172.245.0.1")
    assert "172.246.0.0/24" not in booted.on("vm1", "ip route")
    assert booted.on("vm1", UNIT) == "activating\n"
    booted.on("vm1", f"mv {UNDERLAY}.later {UNDERLAY}; systemctl restart nodenet-underlay; {FOLLOWS}")
    # as it was saved, but for what this kernel does not have
    booted.on("vm1", "test ! -e /proc/sys/net/ipv6 && nodenet-fabric diff")
    assert "12 of 12 pairs answer" in booted.play("verify")


def test_a_fabric_of_ipv4_is_made_where_the_kernel_has_no_ipv6(booted):
    booted.play("teardown")
    assert changed(booted.play("site")) > 0
    assert "12 of 12 pairs answer" in booted.play("verify")
    assert changed(booted.play("site")) == 0
    booted.on("vm1", "ip netns del ns245 && systemctl restart nodenet-fabric && nodenet-fabric diff")
