# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nodenet-fabric: keeps what the fabric made on this node in a file, and brings it back, in the manner of iptables-save."""

from __future__ import annotations

import argparse
import json
import sys

from ..engine.errors import FabricError
from . import snapshot

DESCRIPTION = """\
Keep the fabric of this node over a reboot.

What the playbook nodenet.fabric.site makes (namespaces, links, addresses, routes, neighbors, forwarding entries, sysctls,
NAT rules) lives in the kernel and goes with it. This program saves what is the fabric's to a file and makes it again. It uses
the engine of the collection's modules: it knows what is there and does what is missing; what is not the fabric's it leaves
alone.
"""
EPILOG = """\
commands:
  save      write what is the fabric's in the kernel to the file, atomically
  restore   bring what is the fabric's in the kernel to what the file says: make what is missing, remove what the file does
            not have. The usual file is not restored if the fabric changed since it was saved, so that nothing comes back
            that the playbook removed
  diff      say what the file and the kernel do not have in common: - is missing, ! is otherwise, + is the fabric's and not
            in the file
  show      list the objects of the file

exit status:
  0   done; for diff: no difference; for restore --check: nothing to do
  1   for diff and restore --check: there is something to do
  2   it could not be done; a line on standard error says why
  3   for restore: the fabric changed since the usual file was saved, and nothing was done
  4   for restore: what stands alone is as the file says; the rest waits for something that others make, such as the
      address of the uplink, and a line on standard error names it

files:
  /etc/nodenet/fabric.json    what is restored, at boot by nodenet-fabric.service
  /run/nodenet/state.json     what the kernel keeps no mark of, while the node runs

examples:
  nodenet-fabric diff
  nodenet-fabric restore --check
  nodenet-fabric save --file /root/before-the-change.json
"""
MOST_NAMED = 10


def main(arguments=None):
    """Be the program; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return {"save": _save, "restore": _restore, "diff": _diff, "show": _show}[options.command](options)
    except snapshot.Outdated as failure:
        _say(f"nodenet-fabric: {failure}", sys.stderr)
        return 3
    except (FabricError, OSError) as failure:
        _say(f"nodenet-fabric: {failure}", sys.stderr)
        return 2


def _say(line, stream=None):
    (stream or sys.stdout).write(line + "\n")


def _parser():
    parser = argparse.ArgumentParser(
        prog="nodenet-fabric",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["save", "restore", "diff", "show"])
    parser.add_argument("--file", default=snapshot.FILE, help=f"the file, {snapshot.FILE} unless it is said otherwise")
    parser.add_argument("--check", action="store_true", help="with restore: only say what would be done")
    parser.add_argument(
        "--force", action="store_true", help="with restore: though the fabric changed since the file was saved"
    )
    return parser


def _save(options):
    _say(f"saved {len(snapshot.save(options.file))} objects to {options.file}")
    return 0


def _restore(options):
    done = snapshot.restore(options.file, options.check, options.force)
    described = [f"{step.action} {snapshot.described(step.resource)}" for step in done.steps]
    if described:
        verb = "to do" if options.check else "restored"
        _say(f"{len(described)} of {len(done.resources)} objects {verb}: {_listed(described)}")
    if done.waiting:
        waiting = _listed([snapshot.described(resource) for resource in done.waiting])
        what = " and ".join(done.causes) or "addresses that others set"
        verb = "object waits" if len(done.waiting) == 1 else "objects wait"
        _say(f"nodenet-fabric: {len(done.waiting)} {verb} for {what}: {waiting} ({done.reason})", sys.stderr)
    return 1 if described and options.check else 4 if done.waiting else 0


def _listed(names):
    """Return the first of ``names``, and how many more there are."""
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _diff(options):
    missing, other, stray = snapshot.differences(snapshot.read(options.file))
    for resource in missing:
        _say(f"- {snapshot.described(resource)}")
    for resource, fields in other:
        _say(f"! {snapshot.described(resource)}: {', '.join(fields)}")
    for resource in stray:
        _say(f"+ {snapshot.described(resource)}")
    return 1 if missing or other or stray else 0


def _show(options):
    for resource in snapshot.read(options.file):
        values = {name: value for name, value in resource.values.items() if value not in (None, "")}
        _say(f"{snapshot.described(resource)}  {json.dumps(values, sort_keys=True)}")
    return 0
