# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the nodes' results as a matrix, and fails if a pair does not answer."""

from __future__ import annotations

import json
from pathlib import Path as File

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ..plugin_utils import progress
from ..plugin_utils.queue import promises
from ..plugin_utils.reachability.containers import container_faults, container_lines, registered_by, with_containers
from ..plugin_utils.reachability.expectations import Expectations
from ..plugin_utils.reachability.matrix import Path, as_data, pairs, path_lines
from ..plugin_utils.reachability.ports import port_checks, port_lines, published_ports
from ..plugin_utils.reachability.silence import nodes_of_silence, silent_lines
from ..plugin_utils.reachability.table import as_text
from ..plugin_utils.summary import counted

display = Display()
# what the probe says of a namespace that is not there
NO_NAMESPACE = "there is no network namespace"


class ActionModule(ActionBase):
    """Reads what each node registered; no node is asked anything."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            {
                "inventory": {"type": "dict", "required": True},
                "register": {"type": "str", "required": True},
                "format": {"type": "str", "choices": ["text", "json"], "default": "text"},
                "output": {"type": "path"},
                "before": {"type": "bool", "default": False},
                "earlier": {"type": "str"},
                "containers": {"type": "str"},
            }
        )
        self._refuse_strategy()
        if options["before"]:
            return {**result, "changed": False}
        model = self._task.args["inventory"]
        asked = registered_by(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], options["containers"])
        expectations = Expectations(with_containers(model, asked))
        found = _Found(model, expectations, task_vars, options["register"])
        found.containers = asked
        if options["earlier"]:
            before = _Found(model, expectations, task_vars, options["earlier"])
            return {**result, **_compared(before.pairs, found)}
        if self._task.check_mode:
            early = [node for node in found.nodes if _is_early(node, found)]
            if early:
                message = f"check mode: not arranged yet: {', '.join(early)}; no probes sent"
                _display(message)
                return {**result, "changed": False, "skipped": True, "msg": message}
        data = {**as_data(found.pairs, found.unasked, found.paths, found.ports), "causes": found.causes}
        lines = found.faults()
        text = [
            as_text(found.pairs, expectations.labels(), _paint),
            *(_paint(line, "green") for line in path_lines(found.paths)),
            *(_paint(line, "green" if found.ports_ok else "red") for line in port_lines(found.ports)),
            *(_paint(line, "red" if container_faults(asked) else "green") for line in container_lines(asked)),
        ]
        self._show(
            "\n".join(text + [_paint(f"  - {line}", "red") for line in lines]), {**data, "faults": lines}, options
        )
        # once: what is printed need not be in the result, which is printed where the task fails
        if options["format"] == "text" and display.verbosity == 0 and "json" not in C.DEFAULT_STDOUT_CALLBACK:
            data = {"asked": data["asked"], "answered": data["answered"]}
        return {**result, **found.verdict(lines), **data}

    def _refuse_strategy(self):
        """:raises AnsibleActionFail: hosts do not wait for each other, and what some found is not there yet."""
        block = self._task
        while block is not None and getattr(block, "_play", None) is None:
            block = getattr(block, "_parent", None)
        strategy = str(getattr(getattr(block, "_play", None), "strategy", "linear"))
        if strategy.rpartition(".")[2] in ("free", "host_pinned"):
            raise AnsibleActionFail(
                f"strategy {strategy}: matrix needs what all hosts of the play found; set strategy: linear for this play"
            )

    def _show(self, text, data, options):
        # on one line, the one of the output that begins with a brace
        line = json.dumps(data, ensure_ascii=False)
        if options["output"]:
            path = File(self._loader.path_dwim(options["output"]))
            path.write_text(line + "\n", encoding="utf-8")
        _display(line if options["format"] == "json" else text)


class _Found:
    """What the nodes of the play registered."""

    def __init__(self, model, expectations, task_vars, name):
        self.nodes = list(task_vars["ansible_play_hosts_all"])
        self.pairs, self.unasked, self.paths, causes, ports = [], {}, [], {}, {}
        for node in self.nodes:
            # as it was registered: what a module returned is no template, and may be large
            registered = task_vars["hostvars"].raw_get(node).get(name)
            answers, why = _answers(registered)
            self.pairs += pairs(node, expectations.probes_from(node), answers)
            if answers is None:
                self.unasked[node] = why
                continue
            ports[node] = registered.get("ports")
            causes[node] = registered.get("causes") or []
            if registered.get("paths"):
                self.paths += [Path(node, *both) for both in zip(expectations.paths_from(node), registered["paths"])]
        self.ports = published_ports({node: port_checks(model, node) for node in ports}, ports)
        met = nodes_of_silence(self.pairs)
        self.causes = {node: found for node, found in causes.items() if node in met}
        self.containers = {}
        self.absent = {pair.node for pair in self.pairs if pair.reason.startswith(NO_NAMESPACE)}

    @property
    def ports_ok(self):
        return all(port.ok for port in self.ports)

    def faults(self):
        """Return a line for each node that could not be asked, for what does not answer, and each fault of a path or port."""
        lines = [f"{node} could not be asked: {why}" for node, why in self.unasked.items()]
        lines += container_faults(self.containers)
        lines += silent_lines(self.pairs) + [fault for path in self.paths for fault in path.faults()]
        lines += [f"likely cause on {node}: {cause}" for node, causes in self.causes.items() for cause in causes]
        return lines + [port.line() for port in self.ports if not port.ok]

    def verdict(self, lines):
        """Return what the task's result says of it."""
        if not lines:
            cut = sum(not pair.must for pair in self.pairs)
            also = f", and {cut:,} that fabric_policy cuts do not" if cut else ""
            return {"changed": False, "msg": f"all {len(self.pairs) - cut:,} pairs answer{also}"}
        silent = sum(pair.asked and not pair.ok and pair.must for pair in self.pairs)
        opened = sum(pair.asked and not pair.ok and not pair.must for pair in self.pairs)
        astray = sum(1 for path in self.paths for _fault in path.faults())
        asked = sum(pair.must for pair in self.pairs)
        parts = [f"{silent:,} of {asked:,} pairs do not answer" if silent else "all pairs answer"]
        if self.unasked:
            parts = parts[: bool(silent)] + [f"{counted(len(self.unasked), 'node')} could not be asked"]
        parts += [f"{counted(opened, 'pair')} answer that fabric_policy cuts"] if opened else []
        parts += [f"{counted(astray, 'fault')} of the paths between nodes"] if astray else []
        engines = len(container_faults(self.containers))
        parts += [f"{counted(engines, 'engine')} could not be asked for containers"] if engines else []
        parts += [] if self.ports_ok else [f"{sum(not port.ok for port in self.ports)} published ports do not answer"]
        return {"failed": True, "msg": ", ".join(parts)}


def _compared(before, after):
    """Return the result for two answers of the same pairs: the nodes with pairs that have become silent have failed."""
    answered = {_key(pair) for pair in before if pair.ttl is not None}
    lost = [pair for pair in after.pairs if pair.must and pair.ttl is None and _key(pair) in answered]
    if not lost:
        return {
            "changed": False,
            "msg": f"{counted(len(answered), 'pair')} answered before, and all of them answer now",
        }
    for node in dict.fromkeys(pair.node for pair in lost):
        lines = silent_lines([pair for pair in lost if pair.node == node]) or [
            f"cannot be asked: {after.unasked[node]}"
        ]
        progress.note_failure(node, "verify", f"what answered before the change is silent after it: {'; '.join(lines)}")
    return {
        "failed": True,
        "msg": f"{len(lost):,} of the {len(answered):,} pairs that answered before the change are silent after it",
        "faults": silent_lines(lost),
    }


def _key(pair):
    return pair.node, pair.source, pair.target, pair.address


def _display(text):
    if "json" not in C.DEFAULT_STDOUT_CALLBACK:  # whose output is one document
        display.display(text)


def _is_early(node, found):
    """Say whether a run in check mode finds a node as it is before the fabric is made."""
    return node in found.absent or bool(promises(node).read())


def _answers(registered):
    """Return (answers, None) of what a node registered, or (None, why there are none)."""
    if not registered:
        return None, "it was left out earlier in this run"
    if "answers" in registered:
        return registered["answers"], None
    why = str(registered.get("msg") or "the probe returned nothing").strip()
    return None, ("unreachable: " if registered.get("unreachable") else "") + why


def _paint(text, colour):
    """Ansible's own rules say whether there are colours: a terminal, ANSIBLE_NOCOLOR, ANSIBLE_FORCE_COLOR."""
    return stringc(text, {"green": C.COLOR_OK, "red": C.COLOR_ERROR}[colour])
