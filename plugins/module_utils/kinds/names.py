# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule for names of interfaces and namespaces, for modules and for the inventory alike. Pure Python.

Names reach nft, shells, unit files, XML, udev's and networkd's patterns: only characters that none of them gives a meaning
are accepted. The kernel itself takes nearly all (dev_valid_name in net/core/dev.c), and makes a0 of ``a%d``
(__dev_alloc_name).
"""

from __future__ import annotations

import re
from typing import Any, Optional

# linux/if.h: IFNAMSIZ is 16 with the closing zero; linux/limits.h: NAME_MAX
IFNAME_MAX, NETNS_MAX = 15, 255
CHARACTERS = re.compile(r"(?!-)[\w.-]+")
# folders beside those of interfaces below net/*/conf (sysctl_dev_name_is_allowed in net/ipv4/devinet.c)
SYSCTL_FOLDERS = ("all", "default")
# each namespace has them by itself: the loopback interface, and tunnels when their drivers are loaded (the kernel's
# fb_tunnels_only_for_init_net in admin-guide/sysctl/net.rst names them)
KERNELS_OWN = (
    "lo",
    "tunl0",
    "gre0",
    "gretap0",
    "erspan0",
    "ip_vti0",
    "sit0",
    "ip6tnl0",
    "ip6gre0",
    "ip6_vti0",
)


def interface_fault(name: Any) -> Optional[str]:
    """Return why ``name`` cannot be that of an interface, a sentence without its subject, or None."""
    return _characters(name, "an interface name") or _length(name, IFNAME_MAX) or _reserved(name, SYSCTL_FOLDERS)


def new_interface_fault(name: Any) -> Optional[str]:
    """Return why no interface of that name can be made, or None."""
    return interface_fault(name) or _reserved(name, KERNELS_OWN)


def netns_fault(name: Any) -> Optional[str]:
    """Return why ``name`` cannot be that of a namespace, which is a file below ``/run/netns``, or None."""
    return _characters(name, "a namespace name") or _length(name, NETNS_MAX)


def _characters(name, what):
    if isinstance(name, str) and CHARACTERS.fullmatch(name) and name not in (".", ".."):
        return None
    quotes = "; put quotes around a number" if isinstance(name, (int, float)) else ""
    return f"is not {what}: use letters, digits, '.', '_' and '-', with no '-' at the beginning{quotes}"


def _length(name, most):
    length = len(name.encode())
    unit = "characters" if length == len(name) else "bytes"
    return f"has {length} {unit}: a name has at most {most}" if length > most else None


def _reserved(name, names):
    return "is reserved by the kernel: choose another" if name in names else None
