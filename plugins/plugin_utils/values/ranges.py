# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a node's subnets each engine hands out to its containers: the one place that says so. Pure Python.

No address of a range is given to an endpoint. Whether the ranges are sound is for :mod:`engines.faults` to say: here a range
that cannot be is left out.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from .networks import Values, ip_network, subnets_of

# engines whose own address management gives containers their addresses, on the node's bridge
HANDING_OUT = ("docker", "podman", "cni")
ENGINES = (*HANDING_OUT, "systemd")
# the bits that divide a prefix among so many engines
BITS = (0, 0, 1, 2)

# the length of the largest IPv6 prefix that engines hand out by default: four billion addresses
MOST_OF_IPV6 = 96

# engine -> key of a family (``address``, ``address6``) -> its range
Ranges = Dict[str, Dict[str, Any]]


def hands_out(values: Values) -> List[str]:
    """Return the engines of a node that hand out addresses, in the order in which they divide a range."""
    return [engine for engine in dict.fromkeys(values["fabric_engines"]) if engine in HANDING_OUT]


def ranges_of(values: Values) -> Ranges:
    """Return what each engine of a node hands out: as ``fabric_engine_range`` says, else as :func:`usual_range`."""
    engines = hands_out(values)
    found: Ranges = {engine: {} for engine in engines}
    given = values["fabric_engine_range"]
    for subnet, key in subnets_of(values):
        version = 6 if key == "address6" else 4
        whole = None if isinstance(given, dict) else _of_family(given, version)
        shares = divided(whole or usual_range(subnet), len(engines)) or []
        for engine, share in zip(engines, shares):
            found[engine][key] = share
        if isinstance(given, dict):
            for engine in engines:
                own = _of_family(given.get(engine), version)
                if own:
                    found[engine][key] = own
    return found


def kept_ranges(values: Values, key: str) -> List[Any]:
    """Return the ranges of one family, of which no endpoint gets an address that the inventory does not write."""
    return [ranges[key] for ranges in ranges_of(values).values() if key in ranges]


def written(given: Any) -> Iterator[Tuple[Optional[str], str]]:
    """Yield (engine, None: all of them; prefix) of each prefix in a value of ``fabric_engine_range``."""
    parts: Iterable[Tuple[Optional[str], Any]] = given.items() if isinstance(given, dict) else [(None, given)]
    for engine, prefixes in parts:
        for prefix in _listed(prefixes):
            yield engine, prefix


def usual_range(subnet: str) -> Any:
    """Return the upper half of ``subnet``, or of a larger IPv6 subnet the first /96 of that; of a single address that."""
    network: Any = ip_network(subnet)
    if network.prefixlen == network.max_prefixlen:
        return network
    half: Any = list(network.subnets(1))[1]
    return (
        next(half.subnets(new_prefix=MOST_OF_IPV6)) if network.version == 6 and half.prefixlen < MOST_OF_IPV6 else half
    )


def divided(network: Any, count: int) -> Optional[List[Any]]:
    """Return ``count`` equal parts of ``network``, each of at least two addresses, or None: it is too small."""
    bits = BITS[min(count, len(BITS) - 1)]
    if network.prefixlen + bits >= network.max_prefixlen:
        return None
    parts = network.subnets(bits)
    return [next(parts) for _number in range(count)]


def _of_family(given: Any, version: int) -> Any:
    networks = (ip_network(prefix) for prefix in _listed(given))
    return next((network for network in networks if network.version == version), None)


def _listed(given: Any) -> List[str]:
    return [] if given is None else [given] if isinstance(given, str) else list(given)
