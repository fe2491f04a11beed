# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a walk on one node, or what comes of it: tasks of the playbook walk, one for each step."""

from __future__ import annotations

import json
import os
import re
import shlex

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR, stringc
from ansible.utils.display import Display

from ..plugin_utils.declared.states import declared_states
from ..plugin_utils.queue import promises
from ..plugin_utils.reader import InventoryError, model_of
from ..plugin_utils.summary import counted
from ..plugin_utils.trace import notes
from ..plugin_utils.trace.ends import EndFault, Ends
from ..plugin_utils.trace.plan import (
    DECLARED,
    MOST_WALKS,
    OBSERVED,
    PLANNED,
    PROTOCOLS,
    Asked,
    Walks,
    findings,
    results,
)
from ..plugin_utils.walk import mermaid, terminal
from ..plugin_utils.walk.hop import DELIVERED

display = Display()
CAPTURE, INFO = "nodenet.fabric.capture", "nodenet.fabric.fabric_info"
OPTIONS = {
    "step": {"type": "str", "choices": ["read", "send", "collect", "show"], "required": True},
    "from": {"type": "str"},
    "to": {"type": "str"},
    "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "icmp"},
    "port": {"type": "int"},
    "size": {"type": "int"},
    "family": {"type": "int", "choices": [4, 6]},
    "source": {"type": "str", "choices": [OBSERVED, PLANNED, DECLARED], "default": OBSERVED},
    "format": {"type": "str", "choices": ["text", "json", "mermaid"], "default": "text"},
    "path": {"type": "path"},
}
# what the playbook walk calls them, where it is not walk_NAME
VARIABLES = {"source": "walk_state", "path": "walk_file"}


class ActionModule(ActionBase):
    """Reads the nodes, sends the packets, collects what was seen, and shows the walks."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        self._options = self._validated()
        self._vars = task_vars or {}
        self._node = str(self._vars.get("inventory_hostname", ""))
        only_planned = self._task.check_mode and bool(context.CLIARGS.get("check"))
        self._source = PLANNED if only_planned and self._options["source"] == OBSERVED else self._options["source"]
        try:
            done = getattr(self, f"_{self._options['step']}")()
        except (EndFault, InventoryError) as fault:
            return {**result, "failed": True, "msg": str(fault)}
        return {**result, "changed": False, **done}

    def _validated(self):
        """Return the options; what is wrong is said of the playbook's variable, which is what a person has set."""
        try:
            return self.validate_argument_spec(OPTIONS)[1]
        except AnsibleError as error:
            names = "|".join(OPTIONS)
            said = re.sub(
                rf"((?:value of|argument) '?)({names})\b",
                lambda found: found[1] + VARIABLES.get(found[2], f"walk_{found[2]}"),
                str(error),
            )
            raise AnsibleActionFail(said) from None

    # on each node

    def _read(self):
        if self._source == DECLARED:
            return _skipped("the walk is over what the inventory says")
        self._asked()
        if self._source == PLANNED:
            arguments = {"network": True, "promised": promises(self._node).read()}
            found = self._module(INFO, arguments)
        else:
            found = self._module(CAPTURE, {"step": "listen", "network": True, **notes.mark()})
        if not found.get("failed") and "network" in found:
            notes.add("state", self._node, {"node": self._node, **found["network"]})
            return {"msg": "read"}
        return found

    def _send(self):
        if self._source != OBSERVED:
            return _skipped("nothing is sent")
        plan = notes.once("plan", self._plan)
        packets = plan["packets"].get(self._node)
        if not packets:
            return _skipped("sends nothing")
        # where no other node sends, all of this one is over when it has an answer
        more = {"collect": True, "questions": plan["questions"][self._node]} if self._node == plan["alone"] else {}
        return self._looked({"step": "send", "packets": packets, "tries": plan["tries"], **more})

    def _collect(self):
        if self._source != OBSERVED:
            return _skipped("nothing was sent")
        plan = notes.once("plan", self._plan)
        if self._node == plan["alone"]:
            return _skipped("done already")
        return self._looked({"step": "collect", "questions": plan["questions"].get(self._node, [])})

    def _looked(self, arguments):
        """Run the module capture, and leave what it says for the step that shows it."""
        found = self._module(CAPTURE, {**arguments, **notes.mark()})
        if not found.get("failed"):
            kept = ("sent", "hops", "answers")
            notes.add("seen", self._node, {"node": self._node, **{name: found[name] for name in kept if name in found}})
            return {"msg": f"{arguments['step']}: done"}
        return found

    def _module(self, name, arguments):
        found = self._execute_module(module_name=name, module_args=arguments, task_vars=self._vars)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        found.pop("invocation", None)
        return found

    # on the controller

    def _asked(self):
        names = ("from", "to", "protocol", "port", "size", "family")
        asked = Asked(*(self._options[name] or None for name in names))
        if asked.protocol != "icmp" and not asked.port:
            raise EndFault(f"walk_protocol {asked.protocol} needs walk_port: the port that the packet is for")
        self._model = model_of(self._vars)
        if asked.start or asked.end:  # a wrong name fails before a node is asked
            Ends(self._model).pairs(asked.start, asked.end, asked.family)
        return asked

    def _walks(self):
        asked = self._asked()
        is_declared = self._source == DECLARED
        states = list(declared_states(self._model).values()) if is_declared else notes.all_of("state")
        walks = Walks(self._model, states, asked)
        if len(walks.pairs) > MOST_WALKS:
            raise EndFault(f"{len(walks.pairs):,} walks are too many for one run: set walk_from or walk_to")
        return walks

    def _plan(self):
        """Return who sends what, and who is asked what."""
        walks = self._walks()
        nodes = self._model["nodes"]
        packets = {node: walks.packets(node) for node in nodes}
        sending = [node for node, several in packets.items() if several]
        return {
            "packets": packets,
            "alone": sending[0] if len(sending) == 1 else None,
            "questions": {node: walks.questions(node) for node in nodes},
            "tries": walks.tries(),
        }

    def _show(self):
        walks = self._walks()
        seen = notes.all_of("seen") if self._source == OBSERVED else []
        answers = [answer for one in seen for answer in one.get("answers", ())]
        hops = [{"node": one["node"], **hop} for one in seen for hop in one.get("hops", ())]
        found = results(walks, answers, hops if self._source == OBSERVED else None, _site())
        notes_of = {
            f"{one['node']}: {answer['note']}"
            for one in seen
            for answer in one.get("answers", ())
            if answer.get("note")
        }
        wrong = [one for one in found if one.wrong]
        unread = [f"{node} could not be read" for node in self._model["nodes"] if node not in walks.fabric.states]
        done = self._written(walks, found)
        is_shown = "json" not in C.DEFAULT_STDOUT_CALLBACK  # whose output is one document
        if is_shown:
            self._print(walks, found, sorted(notes_of))
            for line in findings(wrong):
                display.display(stringc(line, C.COLOR_ERROR))
        # a task that fails prints what it returns: nothing that is printed already, unless somebody uses it
        if self._task.register:
            done["walks"] = [one.plain() for one in found]
        if (wrong or unread) and (self._task.register or not is_shown):
            done["faults"] = [*(one.sentence() for one in wrong), *unread]
        if not wrong and not unread:
            return {**done, "msg": f"{counted(len(found), 'walk')}: as the fabric promises{_ways(self._source)}"}
        return {**done, "failed": True, "msg": _failure(found, wrong, unread)}

    def _print(self, walks, found, notes_of):
        if self._options["path"]:
            is_in = "would be in" if self._task.check_mode else "is in" if walks.is_one else "are in"
            display.display(f"the {'walk' if walks.is_one else 'walks'} {is_in} {self._path()}")
        elif self._options["format"] == "json":
            display.display(_json(walks, found))
            return
        else:
            shown = found if walks.is_one or display.verbosity else [one for one in found if one.wrong]
            for one in shown:
                display.display(self._drawn(one, terminal.style_of_terminal(ANSIBLE_COLOR)))
                if self._options["format"] == "text":
                    display.display(f"\n{stringc(one.agreement(), C.COLOR_ERROR if one.wrong else C.COLOR_OK)}")
        for note in notes_of:
            display.display(note)
        if not walks.is_one:
            for one in found:
                text = f"{one.walk.start.label} -> {one.walk.end.label} ({one.walk.end.address}): {one.walk.verdict}"
                display.display(stringc(text, C.COLOR_ERROR if one.wrong else C.COLOR_OK))

    def _drawn(self, one, style):
        if self._options["format"] == "mermaid":
            return mermaid.sequence(one.drawn(), one.differences)
        return terminal.render(one.drawn(), one.differences, style)

    # the file

    def _path(self):
        # where ansible-playbook is called, and not below the folder of the playbook, which is the collection's own
        return os.path.abspath(os.path.expanduser(self._options["path"]))

    def _written(self, walks, found):
        """Write all walks to the file that was asked for, and return what is said of it."""
        if not self._options["path"]:
            return {}
        if self._options["format"] == "json":
            texts = [_json(walks, found)]
        else:
            fence = ("```mermaid\n", "\n```") if self._options["format"] == "mermaid" and not walks.is_one else ("", "")
            texts = [self._drawn(one, terminal.Style()).strip("\n").join(fence) for one in found]
        if not self._task.check_mode:
            try:
                with open(self._path(), "w", encoding="utf-8") as file:
                    file.write("\n\n".join(texts) + "\n")
            except OSError as failure:
                raise AnsibleActionFail(
                    f"walk_file: {self._path()} cannot be written ({failure}): name a file in a folder that is there"
                ) from failure
        return {"changed": True, "path": self._path()}


def _json(walks, found):
    return json.dumps(found[0].plain() if walks.is_one else [one.plain() for one in found])


def _failure(found, wrong, unread):
    if len(found) == 1:
        verdict = found[0].walk.verdict
        head = f"the walk ends as {verdict}" if verdict != DELIVERED else "the walk is not as it should be"
    else:
        head = f"{len(wrong):,} of {counted(len(found), 'walk')} {'is' if len(wrong) == 1 else 'are'} not as the fabric promises"
    return "; ".join([*([head] if wrong else []), *unread])


def _site():
    """Return the command that makes the fabric as the inventory says, with the inventories of this run."""
    words = ["ansible-playbook"]
    for source in context.CLIARGS.get("inventory") or ():
        if source not in C.DEFAULT_HOST_LIST:  # ansible-core has made it absolute
            words += ["-i", min(source, os.path.relpath(source), key=len) if os.path.isabs(source) else source]
    return shlex.join([*words, "nodenet.fabric.site"])


def _ways(source):
    return "; predicted, the kernels' answers and captured are alike" if source == OBSERVED else f" ({source})"


def _skipped(why):
    return {"skipped": True, "msg": why}
