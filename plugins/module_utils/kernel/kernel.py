# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to the kernel: kinds read from it, and requests are carried out by it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from ..engine.errors import FabricError, reason
from . import namespaces, nft, procfs, wireguard
from .handover import Handover, hand_over
from .messages import RTEXT_FILTER_SKIP_STATS, Descriptor, Message
from .namespaces import Identity
from .netlink import Decoded, Netlink

# linux/net_namespace.h: NETNSA_NSID_NOT_ASSIGNED is -1, read without its sign
NO_NSID = 0xFFFFFFFF


@dataclass(frozen=True)
class Call:
    """A request that is not netlink: a function of no arguments that raises OSError if it fails.

    :param closes: the namespace whose socket is closed after the call, so that the namespace can end.
    """

    function: Callable[[], Any]
    closes: Optional[str] = None


@dataclass(frozen=True)
class Sysctls:
    """A request for settings of the namespace ``netns``.

    :param values: name -> value, in order.
    :param optional: a setting that the kernel does not have is no failure.
    """

    netns: str
    values: Dict[str, str]
    optional: bool = False


@dataclass(frozen=True)
class NewNamespace:
    """A request for a named namespace.

    :param sysctls: name -> value, set before other programs can find the namespace.
    """

    name: str
    sysctls: Dict[str, str]


class Kernel:
    """Reads each namespace's objects once until something changes, and carries requests out.

    :param ledger: the marks of this node (ownership.Ledger), by which kinds know what is ours.
    """

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger
        self.netlink = Netlink()
        self._folders = procfs.Folders()  # of this process's namespace
        self._links: Dict[str, Dict[int, Decoded]] = {}
        self._routes: Dict[str, List[Decoded]] = {}
        self._tunnels: Dict[str, Dict[str, wireguard.Device]] = {}
        self._peers: Dict[Tuple[str, int], Tuple[str, int]] = {}
        self._searched: Set[str] = set()  # namespaces whose links' other ends were looked for
        self._identities: Optional[Dict[str, Optional[Identity]]] = None
        self._prepared = False

    def close(self) -> None:
        """Close all sockets and files."""
        self.netlink.close()
        self._folders.close()

    def forget(self) -> None:
        """Forget what was read: the next question reads it again."""
        self._links.clear()
        self._routes.clear()
        self._tunnels.clear()
        self._peers.clear()
        self._searched.clear()
        self._identities = None

    def dump(
        self,
        netns: str,
        name: str,
        fields: Optional[Dict[str, Any]] = None,
        keep: Optional[Callable[..., Any]] = None,
    ) -> List[Decoded]:
        """Return the objects of a sort (``addr``, ``route``, ``neigh``) in ``netns``; none if there is no such namespace.

        :param keep: says by the values of its fields whether an object is kept; None: all are.
        """
        return self.netlink.dump(netns, name, fields, keep=keep) if self.exists(netns) else []

    def routes(self, netns: str, keep: Callable[..., Any]) -> List[Decoded]:
        """Return the routes of ``netns``, read once for all kinds that look at them; ``keep`` is the same for all."""
        if netns not in self._routes:
            self._routes[netns] = self.dump(netns, "route", keep=keep)
        return self._routes[netns]

    def links(self, netns: str) -> Dict[int, Decoded]:
        """Return index -> ``(fields, attributes)`` of every link in ``netns``."""
        if netns not in self._links:
            found = (
                self.netlink.dump(netns, "link", attrs=[("IFLA_EXT_MASK", RTEXT_FILTER_SKIP_STATS)])
                if self.exists(netns)
                else []
            )
            self._links[netns] = {fields["index"]: (fields, attrs) for fields, attrs in found}
        return self._links[netns]

    def tunnels(self, netns: str) -> Dict[str, wireguard.Device]:
        """Return name -> device of WireGuard's devices in ``netns``."""
        if netns not in self._tunnels:
            links = [attrs for _fields, attrs in self.links(netns).values()]
            names = [attrs["IFLA_IFNAME"] for attrs in links if attrs.get("IFLA_INFO_KIND") == "wireguard"]
            self._tunnels[netns] = wireguard.devices(netns, names)
        return self._tunnels[netns]

    def link_name(self, netns: str, index: int) -> Optional[str]:
        """Return the name of the link of that index, or None."""
        found = self.links(netns).get(index)
        return found[1]["IFLA_IFNAME"] if found else None

    def has_link(self, netns: str, name: str) -> bool:
        """Say whether ``netns`` has a link of that name, now."""
        try:
            return bool(self.netlink.index(netns, name))
        except LookupError:
            return False

    def peer(self, netns: str, index: int, others: Iterable[str]) -> Optional[Tuple[str, Optional[str]]]:
        """Return (netns, name) of the other end of the link of that index, or None if it is in none of ``others``."""
        if (netns, index) not in self._peers and netns not in self._searched:
            self._searched.add(netns)
            self._find_peers(netns, others)
        found = self._peers.get((netns, index))
        return (found[0], self.link_name(*found)) if found else None

    def _find_peers(self, netns, others):
        """Find the other ends of this namespace's links, both ways.

        A link carries the index of its other end and an id of that end's namespace. The kernel is asked only for the ids of
        namespaces that have a link with this one's index: asking in each for all of them would grow with the square.
        """
        loose = {
            index: (attrs["IFLA_LINK"], attrs.get("IFLA_LINK_NETNSID"))
            for index, (_fields, attrs) in self.links(netns).items()
            if attrs.get("IFLA_LINK") and (netns, index) not in self._peers
        }
        pairs = {(other, index) for index, (other, nsid) in loose.items() if nsid is not None}
        asked = [ref for ref in others if ref != netns and not pairs.isdisjoint(self._ends(ref))] if pairs else []
        homes = {None: netns, **self._namespace_ids(netns, asked)}
        for index, (other, nsid) in loose.items():
            where = homes.get(nsid)
            if where is not None and other in self.links(where):
                self._peers[netns, index] = where, other
                self._peers[where, other] = netns, index

    def _ends(self, netns):
        """Return (index, index of its other end) of each link whose other end is elsewhere and not known yet."""
        return [
            (index, attrs["IFLA_LINK"])
            for index, (_fields, attrs) in self.links(netns).items()
            if attrs.get("IFLA_LINK_NETNSID") is not None and (netns, index) not in self._peers
        ]

    def _namespace_ids(self, netns, others):
        """Return id -> reference for those of ``others`` that ``netns`` has an id for (linux/net_namespace.h)."""
        answers = self.netlink.lookup(
            netns,
            [Message("get", "nsid", 0, {"rtgen_family": 0}, [("NETNSA_FD", Descriptor(ref))]) for ref in others],
        )
        return {
            answer[1]["NETNSA_NSID"]: ref
            for ref, answer in zip(others, answers)
            if answer and answer[1].get("NETNSA_NSID", NO_NSID) != NO_NSID
        }

    def named(self) -> Dict[str, Identity]:
        """Return name -> identity of the named namespaces, sorted."""
        return {name: found for name, found in self._known().items() if found and name and "/" not in name}

    def forget_leftovers(self, names: Iterable[str]) -> None:
        """Remove the files of those of ``names``, namespaces of ours, on which no namespace is mounted."""
        for name in names:
            if "/" not in name and not self.exists(name):
                namespaces.forget_leftover(name)

    def identity(self, netns: str) -> Optional[Identity]:
        """Return the identity of a namespace (namespaces.identity), or None if there is none."""
        known = self._known()
        if netns not in known:
            known[netns] = namespaces.identity(netns)
        return known[netns]

    def exists(self, netns: str) -> bool:
        """Say whether there is such a namespace."""
        return not netns or self.identity(netns) is not None

    def _known(self):
        if self._identities is None:
            self._identities = {**namespaces.named()}
        return self._identities

    def submit(self, requests: List[Any]) -> List[Optional[str]]:
        """Carry requests out, in order within each namespace; return for each None, or why it failed."""
        self.forget()
        answers: List[Optional[str]] = [None] * len(requests)
        batches: Dict[Tuple[type, str], List[Tuple[int, Any]]] = {}
        messages, ended = [], []
        for number, request in enumerate(requests):
            payload = request.payload
            if isinstance(payload, Message):
                messages.append((number, request.netns, payload))
            elif isinstance(payload, NewNamespace):
                answers[number] = _answer(partial(self._make, payload))
            elif isinstance(payload, Sysctls):
                answers[number] = _answer(partial(self._set, payload))
            elif isinstance(payload, Call):
                answers[number] = _answer(payload.function)
                ended.append(payload.closes)
            elif isinstance(payload, Handover):
                answers[number] = hand_over(self.netlink, request.netns, payload)
            else:
                batches.setdefault((type(payload), request.netns), []).append((number, payload))
        # all sockets before all requests: namespaces that end together are taken apart by the kernel together
        for netns in filter(None, ended):
            self.netlink.close(netns)
        self.netlink.request(messages, answers)
        for (sort, netns), batch in batches.items():
            found = _BATCHED[sort](netns, [payload for _number, payload in batch])
            for (number, _payload), answer in zip(batch, found):
                answers[number] = answer
        return answers

    def _set(self, asked):
        if not asked.netns:
            _put(asked, self._folders)
            return

        def body():
            with procfs.Folders() as folders:
                _put(asked, folders)

        namespaces.in_netns(asked.netns, body)

    def _make(self, new):
        """Make a namespace, and open the socket into it while the thread is there."""
        if not self._prepared:
            namespaces.prepare()
            self._prepared = True

        def body():
            with procfs.Folders() as folders:
                for name, value in new.sysctls.items():
                    procfs.put(name, value, folders)
            self.netlink.open(new.name)

        try:
            namespaces.create(new.name, body)
        except OSError:
            self.netlink.close(new.name)  # its namespace has no name
            raise


def _put(asked, folders):
    for name, value in asked.values.items():
        try:
            procfs.put(name, value, folders)
        except FileNotFoundError:
            if not asked.optional:
                raise


def _answer(function):
    """Call ``function``; return None, or why it failed."""
    try:
        function()
    except OSError as failure:
        return reason(failure)
    except FabricError as failure:
        return str(failure)
    return None


def _loaded(netns: str, scripts: List[nft.Script]) -> List[Optional[str]]:
    return [_answer(partial(nft.load, netns, "\n".join(line for script in scripts for line in script.lines)))]


# sort of payload -> what carries out all of one namespace, those of nft in one transaction: its answers, the first for all
_BATCHED: Dict[type, Callable[[str, List[Any]], List[Optional[str]]]] = {
    wireguard.Edit: wireguard.submit,
    nft.Script: _loaded,
    nft.Edit: lambda netns, edits: [_answer(partial(nft.edit, netns, edits))],
}
