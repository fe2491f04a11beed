# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module proxy_arp mean: proxy ARP."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.fields import AF_INET6, address, family, interface
from ..kinds.neighbor import NeighborKey, Proxy
from ..kinds.sysctl import Sysctl, SysctlKey, link_sysctl
from .spec import Options, Spec

OPTIONS = {
    "interface": {"type": "str"},
    "family": {"type": "str", "choices": ["ipv4", "ipv6"], "default": "ipv4"},
    "addresses": {"type": "list", "elements": "str", "default": []},
}
SWITCH = {"ipv4": "proxy_arp", "ipv6": "proxy_ndp"}
ENDINGS = ("proxy_arp", "proxy_ndp", "proxy_delay")


def resources(options: Options) -> List[Resource]:
    """Return the sysctls and the proxied neighbors that ``options`` describe.

    IPv4 answers for the listed addresses without the switch (pneigh_lookup in arp_process, net/ipv4/arp.c), which is for all
    that the node has a route to; IPv6 answers for none without it (ndisc_recv_ns, net/ipv6/ndisc.c).
    """
    netns, link, version = options["netns"], interface(options["interface"], "interface"), options["family"]
    proxied = [address(text, "addresses") for text in options["addresses"]]
    for text in proxied:
        if (family(text) == AF_INET6) != (version == "ipv6"):
            raise InputError("addresses", f"{text} is not of the family {version}: list it with its own family")
    settings = {link_sysctl(version, "neigh", link, "proxy_delay"): "0"}
    if version == "ipv6" or not proxied:
        settings = {link_sysctl(version, "conf", link, SWITCH[version]): "1", **settings}
    return [
        *(Resource("sysctl", SysctlKey(netns, name), {"value": value}) for name, value in settings.items()),
        *(Resource("proxy", NeighborKey(netns, link, text)) for text in proxied),
    ]


SPEC = Spec(
    options=OPTIONS,
    required=["interface"],
    kinds=[Sysctl(), Proxy()],
    resources=resources,
    purges=lambda found: found.kind == "proxy" or (found.kind == "sysctl" and found.key.name.endswith(ENDINGS)),
)
