# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module config_file mean: files."""

from __future__ import annotations

from typing import List

from ..engine.errors import InputError
from ..engine.resource import Resource
from ..kinds.config_file import ConfigFile, FileKey, mode_of, path_of
from ..system import resolver
from .spec import Options, Spec

OPTIONS = {
    "path": {"type": "str"},
    "content": {"type": "str"},
    "name_servers": {"type": "bool", "default": False},
    "mode": {"type": "str", "default": "0644"},
}


def resources(options: Options) -> List[Resource]:
    """Return the file that ``options`` describe."""
    key = FileKey("", path_of(options["path"], "path"))
    mode = mode_of(options["mode"], "mode")
    if options["state"] == "absent":
        return [Resource("config_file", key)]
    content = options["content"]
    if (content is None) != options["name_servers"]:
        raise InputError("content", f"{key.path} has either content or name_servers: give one of them")
    if content is None:
        content = resolver.settings()
    if content and not content.endswith("\n"):
        content += "\n"
    return [Resource("config_file", key, {"content": content, "mode": mode})]


SPEC = Spec(
    options=OPTIONS,
    required=["path"],
    kinds=[ConfigFile()],
    resources=resources,
    purges=lambda found: found.kind == "config_file",
    netns=False,
)
