# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module route mean: routes."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds import fields
from ..kinds.route import Route, RouteKey, default_scope, metric_of
from ..ownership import ROUTE_PROTOCOL
from .spec import Options, Spec

OPTIONS = {
    "prefix": {"type": "str"},
    "via": {"type": "str"},
    "dev": {"type": "str"},
    "type": {"type": "str", "choices": ["unicast", "blackhole", "unreachable", "prohibit"], "default": "unicast"},
    "scope": {"type": "str", "choices": ["global", "link", "host"]},
    "onlink": {"type": "bool"},
    "metric": {"type": "int", "default": 0},
    "table": {"type": "int", "default": 254},
    "protocol": {"type": "int"},
    "src": {"type": "str"},
    "mtu": {"type": "int"},
}


def resources(options: Options) -> List[Resource]:
    """Return the route that ``options`` describe."""
    via = fields.unicast(options["via"], "via") if options["via"] else None
    src = fields.unicast(options["src"], "src") if options["src"] else None
    prefix = _prefix(options["prefix"], via)
    if via or src:
        fields.same_family({"prefix": prefix, "via": via, "src": src})
    fields.in_range(options["metric"], 0, 2**32 - 1, "metric")
    fields.in_range(options["table"], 1, 2**32 - 1, "table")
    if options["table"] == 255:
        raise InputError("table", "255 is the local table, which the kernel manages itself")
    fields.in_range(options["protocol"], 0, 255, "protocol")
    if options["mtu"] != 0:
        fields.in_range(options["mtu"], 68, 65535, "mtu")
    dev = options["dev"] and fields.interface(options["dev"], "dev")
    if options["state"] == "present":
        _check(options, prefix, via, dev)
    key = RouteKey(options["netns"], options["table"], prefix, metric_of(prefix, options["metric"]))
    return [Resource("route", key, _values(options, prefix, via, dev, src))]


def _prefix(text, via):
    if text == "default":
        return "::/0" if via and fields.family(via) == fields.AF_INET6 else "0.0.0.0/0"
    return fields.prefix(text, "prefix")


def _check(options, prefix, via, dev):
    if options["type"] == "unicast" and not (via or dev):
        raise InputError(
            "via", f"the route to {prefix} has no gateway and no interface: set via, dev or both, or another type"
        )
    if options["type"] != "unicast" and (via or dev):
        raise InputError("type", f"a {options['type']} route has no via and no dev")
    if options["onlink"] and not (via and dev):
        raise InputError("onlink", "needs via and dev: it says that the gateway is on the link of that interface")
    if options["scope"] and fields.family(prefix) == fields.AF_INET6:
        raise InputError("scope", f"{prefix} is IPv6, whose routes have no scope: leave it out")


def _values(options, prefix, via, dev, src):
    scope = options["scope"] or default_scope(prefix, options["type"], via)
    # with a gateway alone the kernel finds the interface; with an interface alone there is no gateway
    gateway = {"via": via} if options["type"] == "unicast" else {}
    onlink = bool(options["onlink"]) if options["type"] == "unicast" else None
    protocol = ROUTE_PROTOCOL if options["protocol"] is None else options["protocol"]
    more = {"dev": dev, "scope": scope, "onlink": onlink, "src": src}
    # 0 removes a value, None leaves it
    mtu = {} if options["mtu"] is None else {"mtu": options["mtu"] or None}
    return {
        "type": options["type"],
        "protocol": protocol,
        **gateway,
        **mtu,
        **{name: value for name, value in more.items() if value is not None},
    }


SPEC = Spec(
    options=OPTIONS,
    required=["prefix"],
    kinds=[Route()],
    resources=resources,
    purges=lambda found: found.kind == "route",
)
