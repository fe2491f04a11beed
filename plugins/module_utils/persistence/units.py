# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd units that restore the fabric: at boot, with what takes it away, and each minute. See systemd.unit(5)."""

from __future__ import annotations

from ..system.files import FILE
from ..system.systemd import UNITS

PROGRAM = "/usr/local/sbin/nodenet-fabric"
SERVICE, REPAIR, TIMER = (f"{UNITS}/nodenet-fabric{rest}" for rest in (".service", "-repair.service", "-repair.timer"))
HEAD = "# Written by nodenet.fabric.persist\n"

SERVICE_TEXT = f"""\
{HEAD}[Unit]
Description=Restore the fabric of this node
Documentation=https://github.com/nodenet/fabric
# the underlay has its addresses, and what waits for the network does not run yet
Wants=network.target
After=network.target systemd-networkd-wait-online.service NetworkManager-wait-online.service networking.service
Before=network-online.target
# engines find the bridge of their network, and services the namespace of their endpoint
Before=docker.service containerd.service podman.service podman-restart.service
# its file begins with 'flush ruleset'; nodenet-fabric-repair.service starts with it
After=nftables.service
ReloadPropagatedFrom=nftables.service
ConditionPathExists={FILE}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={PROGRAM} restore
ExecReload={PROGRAM} restore
# the uplink may come late, or its cable
Restart=on-failure
RestartSec=5
# the fabric changed since the file was saved: trying again changes nothing
SuccessExitStatus=3

[Install]
WantedBy=multi-user.target network-online.target
"""
REPAIR_TEXT = f"""\
{HEAD}[Unit]
Description=Restore missing objects of the fabric of this node
After=nodenet-fabric.service
# whenever these start: the file of nftables begins with 'flush ruleset', and when ifupdown (networking) removes the address of
# an uplink, its routes go with it
After=nftables.service networking.service
ConditionPathExists={FILE}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={PROGRAM} restore
# 3: the fabric changed since the file was saved; a playbook will save it, or was interrupted. 4: objects wait for the uplink
SuccessExitStatus=3 4

[Install]
WantedBy=nftables.service networking.service
"""
TIMER_TEXT = f"""\
{HEAD}[Unit]
Description=Look each minute for missing objects of the fabric

[Timer]
OnActiveSec=30s
OnUnitActiveSec=60s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
TEXTS = {SERVICE: SERVICE_TEXT, REPAIR: REPAIR_TEXT, TIMER: TIMER_TEXT}
# the folders in which systemctl links what these texts enable
ENABLED = [f"{UNITS}/{unit}.wants" for text in TEXTS.values() for unit in text.partition("WantedBy=")[2].split()]
