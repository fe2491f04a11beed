# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers of interfaces: udev, systemd-networkd, NetworkManager."""

from __future__ import annotations

import os

from ...system import programs
from ...system.systemd import is_on
from .manager import HEAD, Manager


class Named(Manager):
    """One whose files list the fabric's interfaces in one line.

    ``names``: how that line begins, and what is between two names.
    """

    names = ("", " ")

    def union(self, there, wanted):
        """Return ``wanted`` with the names beside its own that the same line of ``there`` has."""
        word, between = self.names
        old = [line[len(word) :].split(between) for line in there.splitlines() if line.startswith(word)]

        def widened(line):
            own = line[len(word) :].split(between)
            return word + between.join([*own, *(name for name in sum(old, []) if name not in own)])

        lines = (widened(line) if line.startswith(word) else line for line in wanted.splitlines())
        return "".join(f"{line}\n" for line in lines)


class Udev(Named):
    """systemd.link(5)."""

    does = "changes the MAC address of interfaces created without one (MACAddressPolicy=persistent)"
    answer = "keeps the MAC addresses of the fabric's interfaces"
    paths = ("/etc/systemd/network/10-nodenet-fabric.link",)
    names = ("OriginalName=", " ")

    def found(self):
        return os.path.exists("/run/udev/control")

    def files(self, ours):
        if not ours.interfaces:
            return {}
        names = " ".join(ours.interfaces)
        return {self.paths[0]: f"{HEAD}[Match]\nOriginalName={names}\n\n[Link]\nMACAddressPolicy=none\n"}

    def reload(self, paths):
        return [["udevadm", "control", "--reload"]]


class Networkd(Named):
    """networkd.conf(5), systemd.network(5)."""

    does = (
        "removes foreign routes when it configures an uplink, and configures interfaces that its .network files match"
    )
    answer = "keeps foreign routes and rules, and leaves the fabric's interfaces unmanaged"
    paths = (
        "/etc/systemd/networkd.conf.d/50-nodenet-fabric.conf",
        "/etc/systemd/network/10-nodenet-fabric.network",
    )
    names = ("Name=", " ")

    def found(self):
        return is_on("systemd-networkd.service")

    def files(self, ours):
        routes = f"{HEAD}[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"
        if not ours.interfaces:
            return {self.paths[0]: routes}
        names = " ".join(ours.interfaces)
        return {self.paths[0]: routes, self.paths[1]: f"{HEAD}[Match]\nName={names}\n\n[Link]\nUnmanaged=yes\n"}

    def reload(self, paths):
        # it reads its own settings only when it starts
        restart = ["systemctl", "try-restart", "systemd-networkd.service"]
        return [restart if self.paths[0] in paths else ["networkctl", "reload"]]


class NetworkManager(Named):
    """NetworkManager.conf(5)."""

    does = "configures interfaces that other programs create"
    answer = "leaves the fabric's interfaces unmanaged"
    paths = ("/etc/NetworkManager/conf.d/50-nodenet-fabric.conf",)
    names = ("unmanaged-devices+=", ";")

    def found(self):
        return bool(programs.find("NetworkManager"))

    def files(self, ours):
        if not ours.interfaces:
            return {}
        names = ";".join(f"interface-name:{name}" for name in ours.interfaces)
        return {self.paths[0]: f"{HEAD}[keyfile]\nunmanaged-devices+={names}\n"}

    def reload(self, paths):
        return [["systemctl", "try-reload-or-restart", "NetworkManager.service"]]
