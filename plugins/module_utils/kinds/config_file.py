# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files that belong to the fabric: settings of a namespace, drop-ins of systemd's units, what engines read.

Each is ours by its first line, a comment with the label of its set: a mark that lasts as long as the file does. Files are
written only in :data:`PLACES`, in which all of ours are found again after a reboot, too.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from functools import partial
from typing import Any, Collection, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ..engine.errors import InputError
from ..engine.kind import Kind, Scope, Tie, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import DELETE, Plan, Step
from ..kernel.kernel import Call, Kernel
from ..ownership import ALIAS
from ..system import files, systemd
from .ties import NetnsKey

# glob(7) patterns of the paths that a file of ours may have
PLACES = (
    "/etc/netns/*/*",  # ip-netns(8)
    "/etc/nodenet/*",
    f"{systemd.UNITS}/*.d/*.conf",  # systemd.unit(5)
    f"{systemd.TMPFILES}/*.conf",
    "/run/flannel/*",
)
# the folders that are removed with the last file in them
FOLDERS = re.compile(rf"/etc/netns(/[^/]+)?|/etc/nodenet|{systemd.UNITS}/[^/]+\.d|/run/flannel")
MARK = re.compile(rf"# {re.escape(ALIAS)}([^\s/]+)\n")
MODE = re.compile(r"0?[0-7]{3}")
OF_NETNS = re.compile(r"/etc/netns/([^/]+)/")
NAMESPACE = re.compile(r"^NetworkNamespacePath=/run/netns/(\S+)$", re.M)  # systemd.exec(5)


class FileKey(NamedTuple):
    netns: str  # always "": files are the node's
    path: str


class ConfigFile(Kind[FileKey]):
    """``values``: content (with its mark), mode (three digits of octal)."""

    name = "config_file"
    title = "file"
    key = FileKey
    durable = True
    needs_ledger_mark = False
    tied_to = ("netns",)

    def ties(self, resource: Resource[FileKey]) -> Ties:
        """A file that is about a namespace comes after it, and goes before it."""
        found = OF_NETNS.match(resource.key.path) or NAMESPACE.search(resource.values.get("content") or "")
        return (Tie(("netns", NetnsKey(found[1])), binds=False),) if found else ()

    def claimed(self, resource: Resource[FileKey], owner: str) -> Resource[FileKey]:
        if resource.values.get("content") is not None:
            text = (
                MARK.sub("", resource.values["content"], count=1) if is_ours(resource) else resource.values["content"]
            )
            resource = resource.merged({"content": f"# {ALIAS}{owner}\n{text}"})
        return super().claimed(resource, owner)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[FileKey]]:
        asked = {key.path for kind, key in scope.refs if kind == self.name}
        for path in sorted({*asked, *(path for place in PLACES for path in glob.glob(place))}):
            found = _read(path)
            if found is not None and (path in asked or found.owner is not None):
                yield found

    def create(self, resource: Resource[FileKey], companions: Collection[Resource[FileKey]]) -> List[Request]:
        content, mode = resource.values["content"], int(resource.values["mode"], 8)
        return [Request("", Call(partial(_write, resource.key.path, content, mode)))]

    def change(self, before: Resource[FileKey], after: Resource[FileKey], fields: Collection[str]) -> List[Request]:
        return self.create(after, ())

    def delete(self, resource: Resource[FileKey]) -> List[Request]:
        return [Request("", Call(partial(_remove, resource.key.path)))]

    def commands(self, step: Step) -> List[str]:
        path = step.resource.key.path
        if step.action == DELETE:
            made = [f"rm {path}", *(f"rmdir --ignore-fail-on-non-empty {folder}" for folder in _folders(path))]
        else:
            values = step.after.values
            made = [f"printf {_as_format(values['content'])} | install -D -m {values['mode']} /dev/stdin {path}"]
        return made + [" ".join(words) for words in _programs([(path, step.after is not None)])]

    def applied(self, kernel: Kernel, plan: Plan) -> Optional[Iterable[str]]:
        """Have systemd read what changed; say which services run elsewhere until they are restarted."""
        steps = [step for step in plan.steps if step.resource.kind == self.name]
        warnings = []
        for words in _programs([(step.resource.key.path, step.after is not None) for step in steps]):
            failure = systemd.failure_of(words)
            if failure:
                warnings.append(failure)
        return [*warnings, *filter(None, map(_elsewhere, steps))]

    def is_gone(self, kernel: Kernel, resource: Resource[FileKey]) -> bool:
        return not os.path.lexists(resource.key.path)


def is_ours(resource: Resource[FileKey]) -> bool:
    """Say whether the content begins with the mark of a set."""
    return MARK.match(resource.values.get("content") or "") is not None


def path_of(path: str, option: str) -> str:
    """Return the path of a file that a task may write.

    :raises InputError: no file of ours lies there.
    """
    plain = path.isprintable() and os.path.normpath(path) == path and not set(path) & set("*?[]'\"\\ ")
    if not (plain and any(_matches(place, path) for place in PLACES)):
        raise InputError(option, f"{path!r} is none of {', '.join(PLACES)}: other files are not the fabric's")
    return path


def mode_of(mode: str, option: str) -> str:
    """Return the three digits of a mode.

    :raises InputError: it is none.
    """
    if not MODE.fullmatch(mode):
        raise InputError(option, f"{mode!r} is no mode such as '0644'; put quotes around it")
    return mode[-3:]


def _matches(place: str, path: str) -> bool:
    parts, names = place.split("/"), path.split("/")
    return len(parts) == len(names) and all(
        re.fullmatch(re.escape(part).replace(r"\*", r"[^.].*"), name) for part, name in zip(parts, names)
    )


def _read(path: str) -> Optional[Resource[FileKey]]:
    """Return the file at ``path``, or None: there is none. What is no file has no content, and is foreign."""
    try:
        found = os.lstat(path)
        values: Dict[str, Any] = {"content": None, "mode": f"{stat.S_IMODE(found.st_mode):03o}"}
        if stat.S_ISREG(found.st_mode):
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as source:
                values["content"] = source.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    mark = MARK.match(values["content"] or "")
    return Resource("config_file", FileKey("", path), values, mark[1] if mark else None)


def _write(path: str, content: str, mode: int) -> None:
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise FileExistsError(17, f"{path} is no regular file: remove it, or move it away")
    files.write(path, content.encode("utf-8", "surrogateescape"), mode)


def _remove(path: str) -> None:
    os.unlink(path)
    for folder in _folders(path):
        try:
            os.rmdir(folder)
        except OSError:  # others have files there
            return


def _folders(path: str) -> List[str]:
    """Return the folders that go with the last file in them, the innermost first."""
    found = []
    while FOLDERS.fullmatch(os.path.dirname(path)):
        path = os.path.dirname(path)
        found.append(path)
    return found


def _as_format(text: str) -> str:
    """Return ``text`` as a word of a shell that printf(1) prints, in one line."""
    for plain, written in (("\\", "\\\\"), ("%", "%%"), ("\n", "\\n"), ("'", "'\\''")):
        text = text.replace(plain, written)
    return f"'{text}'"


def _programs(changed: List[Tuple[str, bool]]) -> Iterator[List[str]]:
    """Yield the programs to run after files at these paths came or changed (True), or went.

    Without systemd nobody has read them.
    """
    if systemd.has_systemd():
        if any(path.startswith(f"{systemd.UNITS}/") for path, _there in changed):
            yield ["systemctl", "daemon-reload"]
        for path, there in changed:
            if there and path.startswith(f"{systemd.TMPFILES}/"):
                yield ["systemd-tmpfiles", "--create", path]


def _elsewhere(step: Step) -> Optional[str]:
    """Return a warning if a service runs in another namespace than its drop-in says from now on."""
    folder, _slash, _name = step.resource.key.path.rpartition("/")
    unit = folder[len(systemd.UNITS) + 1 : -len(".d")]
    before, after = (
        NAMESPACE.search((one.values.get("content") if one else None) or "") for one in (step.before, step.after)
    )
    if not folder.startswith(f"{systemd.UNITS}/") or not (before or after) or not systemd.has_systemd():
        return None
    pid = systemd.main_pid(unit)
    wanted = f"/run/netns/{after[1]}" if after else "/proc/1/ns/net"
    if not pid or _same(f"/proc/{pid}/ns/net", wanted):
        return None
    where = f"in the namespace of the endpoint {after[1]}" if after else "in the node's own namespace"
    return f"{unit} is not {where} until it is restarted: systemctl restart {unit}"


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
