# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program nodenet-fabric: saves the fabric of this node to a file and restores it, as iptables-save and -restore do."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Callable, Dict, List, Optional

from ..engine.errors import FabricError
from ..ownership import STATE_FILE
from ..system import pending
from ..system.files import FILE
from ..system.lock import STATE_DIR
from ..system.pending import CommitPending
from . import commit, snapshot

DESCRIPTION = """\
Keep the fabric of this node over a reboot.

The playbook nodenet.fabric.site makes namespaces, links, addresses, routes, neighbors, forwarding entries, sysctls and NAT
rules in the kernel, which loses them at a reboot. This program saves the fabric's objects to a file and makes them again. It
uses the engine of the collection's modules: it makes only what is missing, and never changes foreign objects.
"""
EPILOG = f"""\
commands:
  save      write the fabric's objects in the kernel to the file, atomically
  restore   make the objects of the file that are missing, and remove the fabric's objects that the file does not have. An
            endpoint that is a container or a process is left out while that does not run, and plugged in when it runs. The
            usual file is not restored if the fabric changed since it was saved: it may have objects that the playbook removed
  diff      compare the file with the kernel: - is missing, ! differs, + is the fabric's and not in the file
  show      list the objects of the file
  pending   describe the commit that waits for its confirmation: a change of the fabric that is undone by itself unless it is
            confirmed in time
  confirm   make the pending commit final: its change stays, and the file is saved if the playbook saves it
  cancel    undo the pending commit now
  expire    wait for the end of the commit's time and undo it; the pending commit's timer runs this

exit status:
  0   done; for diff: no difference; for restore --check: nothing to do
  1   for diff: a difference; for restore --check: something to do
  2   failed; standard error has the reason
  3   for restore: the fabric changed since the usual file was saved, or a commit is pending; nothing was changed
  4   for restore: some objects wait for what others make, such as the address of the uplink; standard error names it. All
      other objects are as in the file

files:
  {FILE}    the usual file; nodenet-fabric.service restores it at boot
  {STATE_DIR}/{STATE_FILE}     marks of the fabric's objects that the kernel cannot mark; it ends with the kernel's state

examples:
  nodenet-fabric diff
  nodenet-fabric restore --check
  nodenet-fabric save --file /root/before-the-change.json
  nodenet-fabric cancel
"""
MOST_NAMED = 10


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except (snapshot.Outdated, CommitPending) as failure:
        _say(f"nodenet-fabric: {failure}", sys.stderr)
        return 3 if options.command == "restore" else 2
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
    parser.add_argument("command", choices=[*COMMANDS])
    parser.add_argument("id", nargs="?", metavar="ID", help="with confirm, cancel and expire: the id of the commit")
    parser.add_argument("--file", default=FILE, help=f"the file to save or restore (default: {FILE})")
    parser.add_argument("--check", action="store_true", help="with restore: change nothing, print what would change")
    parser.add_argument(
        "--force", action="store_true", help="with restore: even if the fabric changed since the file was saved"
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
    for sentence in done.stopped:
        _say(f"nodenet-fabric: {sentence}", sys.stderr)
    if done.stopped:
        _say(f"nodenet-fabric: {len(done.left_out)} objects stay as they are until these run", sys.stderr)
    return 1 if described and options.check else 4 if done.waiting else 0


def _listed(names):
    """Return the first of ``names``, and the number of the others."""
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


def _pending(options):
    found = pending.read()
    _say(found.described() if found else "no commit is pending")
    for entry in pending.history()[-1:]:
        _say(commit.sentence(entry))
    return 0


def _confirm(options):
    return _ended(commit.confirm(options.id), options.id)


def _cancel(options):
    return _ended(commit.cancel(options.id), options.id)


def _ended(result, id):
    """Print how a commit ended, and what was undone."""
    if not result["changed"]:
        entry = pending.ended(id) if id else None
        _say(commit.sentence(entry) if entry else f"commit {id} is not pending" if id else "no commit is pending")
        return 0
    for line in result["undone"]:
        _say(line)
    _say(commit.sentence(pending.history()[-1]))
    return 2 if result["left"] else 0


def _expire(options):
    if not options.id:
        raise FabricError("expire takes the id of a commit")
    commit.expire(options.id)
    return 0


COMMANDS: Dict[str, Callable[[argparse.Namespace], int]] = {
    "save": _save,
    "restore": _restore,
    "diff": _diff,
    "show": _show,
    "pending": _pending,
    "confirm": _confirm,
    "cancel": _cancel,
    "expire": _expire,
}
