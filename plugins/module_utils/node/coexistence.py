# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else acts on a node's network, and the files that keep the fabric out of its hands.

Each manager is told what it has to know by files of its own kind, below the folders where it looks for them.
"""

from __future__ import annotations

import contextlib
import os

from ..engine.errors import FabricError
from ..system import programs
from ..system.files import write
from ..system.systemd import has_systemd, is_on
from .files import settings
from .firewalls import Docker, Firewalld, Ufw
from .manager import HEAD, Manager, Ours
from .settings import FORWARDING, LAST_FILE, undoing

__all__ = ["MANAGERS", "Manager", "Ours", "apply", "differing", "wanted"]


class Udev(Manager):
    """systemd.link(5)."""

    does = "gives interfaces that were made without a MAC address another one (MACAddressPolicy=persistent)"
    answer = "leaves the MAC addresses of the fabric's interfaces as they are"
    paths = ("/etc/systemd/network/10-nodenet-fabric.link",)

    def found(self):
        return os.path.exists("/run/udev/control")

    def files(self, ours):
        if not ours.interfaces:
            return {}
        names = " ".join(ours.interfaces)
        return {self.paths[0]: f"{HEAD}[Match]\nOriginalName={names}\n\n[Link]\nMACAddressPolicy=none\n"}

    def reload(self, paths):
        return [["udevadm", "control", "--reload"]]


class Networkd(Manager):
    """networkd.conf(5), systemd.network(5)."""

    does = "removes routes that it did not make when it configures an uplink, and configures interfaces that it is not told of"
    answer = "leaves foreign routes and rules, and the fabric's interfaces, alone"
    paths = (
        "/etc/systemd/networkd.conf.d/50-nodenet-fabric.conf",
        "/etc/systemd/network/10-nodenet-fabric.network",
    )

    def found(self):
        return is_on("systemd-networkd.service")

    def files(self, ours):
        routes = f"{HEAD}[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"
        if not ours.interfaces:
            return {self.paths[0]: routes}
        names = " ".join(ours.interfaces)
        return {self.paths[0]: routes, self.paths[1]: f"{HEAD}[Match]\nName={names}\n\n[Link]\nUnmanaged=yes\n"}

    def reload(self, paths):
        # of its own settings it takes notice when it starts alone
        restart = ["systemctl", "try-restart", "systemd-networkd.service"]
        return [restart if self.paths[0] in paths else ["networkctl", "reload"]]


class NetworkManager(Manager):
    """NetworkManager.conf(5)."""

    does = "takes interfaces over that it finds"
    answer = "leaves the fabric's interfaces unmanaged"
    paths = ("/etc/NetworkManager/conf.d/50-nodenet-fabric.conf",)

    def found(self):
        return bool(programs.find("NetworkManager"))

    def files(self, ours):
        if not ours.interfaces:
            return {}
        names = ";".join(f"interface-name:{name}" for name in ours.interfaces)
        return {self.paths[0]: f"{HEAD}[keyfile]\nunmanaged-devices+={names}\n"}

    def reload(self, paths):
        return [["systemctl", "try-reload-or-restart", "NetworkManager.service"]]


class ReversePath(Manager):
    """rp_filter in ip-sysctl (the kernel's documentation): the larger of ``all`` and the interface's is what counts."""

    does = "drops what arrives by a tunnel and would be answered by another way (rp_filter is strict)"
    answer = "is loose on the fabric's tunnels"
    # after files of others, which may set all interfaces by a pattern; before there was this one it was the second
    paths = ("/etc/sysctl.d/99-zzz-nodenet-fabric-tunnels.conf", "/etc/sysctl.d/50-nodenet-fabric.conf")

    def found(self):
        return "1" in (_sysctl("net/ipv4/conf/all/rp_filter"), _sysctl("net/ipv4/conf/default/rp_filter"))

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


class Settings(Manager):
    """sysctl.d(5): files are read in the order of their names, at boot and by ``sysctl --system``."""

    does = "turns forwarding off again at the next boot or 'sysctl --system', by a file of /etc/sysctl.d"
    answer = "has it turned on by a file that is read after that"
    paths = (f"/etc/sysctl.d/{LAST_FILE}",)

    def found(self):
        return bool(self._undone())

    def _undone(self):
        others = [setting for setting in settings() if setting.path != self.paths[0]]
        return [version for version, name in FORWARDING.items() if undoing(others, name, "1")]

    def files(self, ours):
        versions = {6 if ":" in prefix else 4 for prefix in ours.prefixes}.intersection(self._undone())
        lines = "".join(f"{FORWARDING[version].replace('.', '/')} = 1\n" for version in sorted(versions))
        return {self.paths[0]: HEAD + lines} if lines else {}


MANAGERS = {
    "udev": Udev(),
    "networkd": Networkd(),
    "networkmanager": NetworkManager(),
    "firewalld": Firewalld(),
    "docker": Docker(),
    "ufw": Ufw(),
    "rp_filter": ReversePath(),
    "sysctl": Settings(),
}
# Nothing is set against this one, it is only told: Docker's and Kubernetes' rules need it.
BRIDGED = "br_netfilter sends what passes a bridge through the node's firewall as if it were forwarded"


def wanted(names, ours):
    """Return (path -> text of what is to be there, name of each manager that is found -> what is told of it)."""
    files, told = {}, {}
    for name in names if has_systemd() else ():  # all of their files are systemd's, or of units that it runs
        manager = MANAGERS[name]
        if manager.found():
            set_against = manager.files(ours)
            files.update(set_against)
            if set_against:
                told[name] = f"{name} {manager.does}: now it {manager.answer}"
    if _sysctl("net/bridge/bridge-nf-call-iptables") == "1":
        told["br_netfilter"] = BRIDGED
    return files, told


def differing(files):
    """Return path -> what is there, or None, of each of our files that is not as ``files`` says."""
    every = [path for manager in MANAGERS.values() for path in manager.paths]
    there = {path: _read(path) for path in every}
    return {path: there[path] for path in every if there[path] != files.get(path)}


def apply(files, changed):
    """Write and remove what ``changed`` (from :func:`differing`) names, and have each manager take notice.

    :raises FabricError: one of them did not; its files are as they were.
    """
    for manager in MANAGERS.values():
        before = {path: changed[path] for path in manager.paths if path in changed}
        if not before:
            continue
        try:
            _set(manager, {path: files.get(path) for path in before})
        except FabricError:
            with contextlib.suppress(FabricError):  # the first one is told
                _set(manager, before)
            raise


def _set(manager, texts):
    """Have ``texts`` (path -> text, or None for no file) in place, and ``manager`` take notice."""
    removed = [path for path, text in texts.items() if text is None and os.path.exists(path)]
    before = {path: _read(path) for path in texts if os.path.exists(path)}
    for command in manager.before_change(before, removed):
        _run(command)
    for path, text in texts.items():
        if text is not None:
            write(path, text)
        elif path in removed:
            os.unlink(path)
    if manager.found():
        for command in manager.reload(list(texts)):
            _run(command)


def _run(command):
    found = programs.run(command)
    if found.returncode != 0:
        raise FabricError(f"{' '.join(command)}: {found.stderr.strip() or f'exit code {found.returncode}'}")


def _sysctl(path):
    return (_read(f"/proc/sys/{path}") or "").strip()


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        return None
