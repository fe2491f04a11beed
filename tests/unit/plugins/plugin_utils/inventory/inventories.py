# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories that several tests begin with."""

# two nodes, nothing wrong with them
SOUND = {
    f"vm{number}": {
        "fabric_node_address": f"192.168.32.{number}",
        "fabric_node_subnet": f"10.24{number}.0.0/24",
        "fabric_endpoints": [{"name": f"ns{number}", "address": f"10.24{number}.0.2"}],
    }
    for number in (5, 6)
}
