# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet at the command line: ``python scripts/vm_lab up EXAMPLE``, ``ssh VM``, ``down``."""

import argparse
import os
import sys
import time

from fleet import ROOT, Fleet

NEXT = """
What to try next:
  .venv/bin/ansible-playbook {inventories} nodenet.fabric.site
  .venv/bin/ansible-playbook {inventories} nodenet.fabric.verify
  make vms-ssh VM=vm1                # a shell on one; sudo works
  make vms EXAMPLE=cross-subnet      # the same machines for another example (nodenet.fabric.teardown first)
  make vms-down"""


def up(fleet, arguments):
    """Boot the machines if they do not run, and make them the nodes of the example."""
    inventory = ROOT / "examples" / arguments.example / "hosts.yml"
    if not inventory.exists():
        there = " ".join(sorted(path.name for path in (ROOT / "examples").iterdir()))
        sys.exit(f"vms: there is no example {arguments.example}; there are: {there}")
    if not fleet.runs:
        started = time.monotonic()
        print(f"vms: booting {', '.join(fleet.machines)}", flush=True)
        fleet.up()
        print(f"vms: they answer after {time.monotonic() - started:.0f} s")
    overlay = fleet.arrange(inventory).relative_to(ROOT)
    print(f"vms: they are the nodes of {arguments.example}: {overlay}")
    print(NEXT.format(inventories=f"-i {inventory.relative_to(ROOT)} -i {overlay}"))


def ssh(fleet, arguments):
    """Open a shell on a machine."""
    if arguments.machine not in fleet.machines or not fleet.machines[arguments.machine].pid:
        sys.exit(f"vms: no machine {arguments.machine} runs; make vms boots {', '.join(fleet.machines)}")
    command = fleet.machines[arguments.machine].ssh_command()
    os.execvp(command[0], [*command, *arguments.command])


def down(fleet, _arguments):
    """End all of them."""
    fleet.down()
    print("vms: nothing runs")


def main():
    parser = argparse.ArgumentParser(prog="vm_lab", description="Virtual machines for an example's inventory.")
    parser.add_argument("--fleet", default="vms", help="name of the fleet, where several run")
    parser.add_argument("--nodes", type=int, help="how many machines beside the router; four")
    commands = parser.add_subparsers(required=True)
    adding = commands.add_parser("up", help=up.__doc__)
    adding.add_argument("example")
    adding.set_defaults(act=up)
    entering = commands.add_parser("ssh", help=ssh.__doc__)
    entering.add_argument("machine")
    entering.add_argument("command", nargs="*")
    entering.set_defaults(act=ssh)
    commands.add_parser("down", help=down.__doc__).set_defaults(act=down)
    arguments = parser.parse_args()
    arguments.act(Fleet(arguments.fleet, arguments.nodes), arguments)


if __name__ == "__main__":
    main()
