# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls: firewalld, Docker's, ufw. Each gets rules that accept the fabric's packets."""

from __future__ import annotations

import contextlib
import html
import ipaddress
import os
import re

from ...system import programs
from ...system.systemd import is_active
from ..facts import files
from .manager import HEAD, MARK, Manager

XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<!-- Written by nodenet.fabric.prepare -->\n'
DOCKER_UNIT = "nodenet-fabric-docker.service"
UFW_DEFAULTS = "/etc/default/ufw"


class Firewalld(Manager):
    """firewalld.zone(5), firewalld.policy(5)."""

    does = "rejects packets forwarded between zones, and encapsulated packets"
    answer = (
        "accepts forwarded packets of the fabric's subnets (zone nodenet)"
        " and encapsulated packets of the peers (policy nodenet-peers)"
    )
    paths = ("/etc/firewalld/zones/nodenet.xml", "/etc/firewalld/policies/nodenet-peers.xml")
    entries = re.compile("  <source .*/>$|  <rule .*</rule>$")

    def found(self):
        return bool(programs.find("firewall-cmd"))

    def files(self, ours):
        found = {}
        if ours.prefixes:
            sources = "".join(f"  <source address={_quoted(prefix)}/>\n" for prefix in ours.prefixes)
            found[self.paths[0]] = (
                f'{XML_HEAD}<zone target="ACCEPT">\n  <short>nodenet</short>\n'
                f"  <description>Subnets of the fabric: forwarded to and from</description>\n{sources}</zone>\n"
            )
        if ours.encapsulation and ours.remotes:
            rules = "".join(_accepted(remote, ours.encapsulation) for remote in ours.remotes)
            found[self.paths[1]] = (
                f'{XML_HEAD}<policy target="CONTINUE">\n  <short>nodenet-peers</short>\n'
                "  <description>Encapsulated packets of the fabric's nodes</description>\n"
                f'  <ingress-zone name="ANY"/>\n  <egress-zone name="HOST"/>\n{rules}</policy>\n'
            )
        return found

    def reload(self, paths):
        return [["firewall-cmd", "--quiet", "--reload"]] if is_active("firewalld.service") else []


class Docker(Manager):
    """Docker's documentation, "Packet filtering and firewalls": rules of other programs belong in DOCKER-USER."""

    does = "drops forwarded packets that are not its own (policy of the chain FORWARD)"
    answer = f"accepts packets from and to the fabric's subnets in its chain DOCKER-USER ({DOCKER_UNIT})"
    paths = (f"/etc/systemd/system/{DOCKER_UNIT}",)
    entries = re.compile("Exec")

    def found(self):
        return bool(programs.find("dockerd"))

    def files(self, ours):
        if not ours.prefixes:
            return {}
        lines = [line for prefix in ours.prefixes for line in _docker_lines(prefix)]
        return {
            self.paths[0]: f"{HEAD}[Unit]\nDescription=Let Docker's firewall pass the fabric\n"
            "After=docker.service\nPartOf=docker.service\n\n"
            "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
            + "\n".join(lines)
            + "\n\n[Install]\nWantedBy=docker.service\n"
        }

    def before_change(self, before, removed):
        # stopping the unit removes its rules: before its file changes
        if removed:
            return [["systemctl", "disable", "--quiet", "--now", DOCKER_UNIT]]
        return [["systemctl", "stop", DOCKER_UNIT]] if before else []

    def reload(self, paths):
        commands = [["systemctl", "daemon-reload"]]
        if os.path.exists(self.paths[0]):
            commands.append(["systemctl", "enable", "--quiet", DOCKER_UNIT])
            # its rules are in a chain of Docker's: where Docker does not run yet, they come when it starts
            commands += [["systemctl", "restart", DOCKER_UNIT]] if is_active("docker.service") else []
        return commands


class Ufw(Manager):
    """ufw(8). It reads no files of others: the program adds the rules, and a file of ours lists them."""

    does = "drops forwarded packets and encapsulated packets"
    answer = (
        "accepts forwarded packets of the fabric's subnets and encapsulated packets of the peers"
        f" (rules with the comment {MARK})"
    )
    paths = ("/etc/nodenet/ufw.rules",)
    entries = re.compile("route |allow ")

    def found(self):
        return bool(programs.find("ufw"))

    def files(self, ours):
        rules = [f"route allow {way} {prefix}" for prefix in self._filtered(ours.prefixes) for way in ("from", "to")]
        if ours.encapsulation:
            protocol, port, _encrypted = ours.encapsulation
            # ufw knows no name and no number for protocols that carry IP
            what = f"allow proto {protocol} from {{}} to any port {port}" if port else "allow from {}"
            rules += [what.format(remote) for remote in self._filtered(ours.remotes)]
        return {self.paths[0]: HEAD + "".join(f"{rule}\n" for rule in rules)} if rules else {}

    @staticmethod
    def _filtered(texts):
        """Return those that ufw filters: IPv6 only if it is configured to."""
        ipv6 = ["yes"] in [words[1:] for words in files.lines(UFW_DEFAULTS, 0, "=") if words[0] == "IPV6"]
        return [text for text in texts if ipv6 or ":" not in text]

    def before_change(self, before, removed):
        return [_ufw(rule, delete=True) for rule in _rules(before.get(self.paths[0]))] if self.found() else []

    def reload(self, paths):
        with contextlib.suppress(FileNotFoundError), open(self.paths[0], encoding="utf-8") as source:
            return [_ufw(rule) for rule in _rules(source.read())]
        return []


def _accepted(remote, encapsulation):
    family = "ipv6" if ":" in remote else "ipv4"
    protocol, port, _encrypted = encapsulation
    what = f'<port port="{port}" protocol="{protocol}"/>' if port else f'<protocol value="{protocol}"/>'
    # a line for each, see Manager.union
    return f'  <rule family="{family}"><source address={_quoted(remote)}/>{what}<accept/></rule>\n'


def _docker_lines(prefix):
    ipv6 = ipaddress.ip_network(prefix).version == 6
    name = "ip6tables" if ipv6 else "iptables"
    path = programs.find(name) or f"/usr/sbin/{name}"
    for way in ("-s", "-d"):
        rule = f"DOCKER-USER {way} {prefix} -m comment --comment {MARK} -j ACCEPT"
        # Docker has that chain for IPv6 only if it is configured to filter IPv6
        yield f"ExecStart={'-' if ipv6 else ''}{path} -w -I {rule}"
        yield f"ExecStopPost=-{path} -w -D {rule}"  # also after an interrupted start


def _quoted(text):
    """Return ``text`` as the value of an XML attribute; xml.sax.saxutils would import urllib."""
    return f'"{html.escape(text)}"'


def _rules(text):
    """Return the rules listed in a file of ours."""
    return [line for line in (text or "").splitlines() if line and not line.startswith("#")]


def _ufw(rule, delete=False):
    """Return the command that adds or deletes a rule."""
    words = rule.split()
    if not delete:
        return ["ufw", *words, "comment", MARK]
    return ["ufw", "route", "delete", *words[1:]] if words[0] == "route" else ["ufw", "delete", *words]
