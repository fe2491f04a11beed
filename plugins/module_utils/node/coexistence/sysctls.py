# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctl files of others that stop what the fabric forwards."""

from __future__ import annotations

import os
import re

from ...kernel import procfs
from ..expected import FORWARDING
from ..facts.files import OURS_LAST, sysctl_settings, undoing
from .manager import HEAD, Manager


class ReversePath(Manager):
    """rp_filter in ip-sysctl (the kernel's documentation): the larger value counts, of ``all`` and the interface."""

    does = "drops packets of a tunnel whose reply would leave by another interface (rp_filter is strict)"
    answer = "is loose on the fabric's tunnels"
    # read after files of others, which may set all interfaces by a pattern; earlier versions wrote the second path
    paths = ("/etc/sysctl.d/99-zzz-nodenet-fabric-tunnels.conf", "/etc/sysctl.d/50-nodenet-fabric.conf")
    entries = re.compile("net/")

    def found(self):
        return "1" in procfs.read("", [f"net.ipv4.conf.{name}.rp_filter" for name in ("all", "default")]).values()

    def files(self, ours):
        if not ours.tunnels:
            return {}
        # udev applies them to interfaces that come later (99-systemd.rules)
        lines = "".join(f"net/ipv4/conf/{name}/rp_filter = 2\n" for name in ours.tunnels)
        return {self.paths[0]: HEAD + lines}

    def reload(self, paths):
        if not os.path.exists(self.paths[0]):
            return []
        return [["/usr/lib/systemd/systemd-sysctl", self.paths[0]]]


class SysctlFiles(Manager):
    """sysctl.d(5): files are read in the order of their names, at boot and by ``sysctl --system``."""

    does = "turns forwarding off at the next boot or 'sysctl --system' (a file in /etc/sysctl.d)"
    answer = "turns it on again in a file that is read later"
    paths = (f"/etc/sysctl.d/{OURS_LAST}",)
    entries = re.compile("net/")

    def found(self):
        return bool(self._undone())

    def _undone(self):
        others = [setting for setting in sysctl_settings() if setting.path != self.paths[0]]
        return [version for version, name in FORWARDING.items() if undoing(others, name, "1")]

    def files(self, ours):
        versions = {6 if ":" in prefix else 4 for prefix in ours.prefixes}.intersection(self._undone())
        lines = "".join(f"{FORWARDING[version].replace('.', '/')} = 1\n" for version in sorted(versions))
        return {self.paths[0]: HEAD + lines} if lines else {}
