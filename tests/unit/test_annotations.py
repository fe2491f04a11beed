# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public functions say what they take and return: mypy (``make lint``) checks only what has annotations."""

import ast
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).absolute().parents[2] / "plugins" / "module_utils"
FILES = sorted(path for room in ("engine", "kinds", "specs") for path in (MODULE_UTILS / room).glob("*.py"))


def public_functions(tree):
    """Yield the functions of a file and the methods of its classes that others may call."""
    for node in tree.body:
        for one in node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]:
            if isinstance(one, ast.FunctionDef) and (not one.name.startswith("_") or one.name == "__init__"):
                yield one


def lacking(function):
    """Return the parameters without an annotation, and "return"."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    found = [one.arg for one in every if one and one.annotation is None and one.arg not in ("self", "cls")]
    return found + (["return"] if function.returns is None else [])


def faults(source):
    return [
        f"line {function.lineno}: {function.name}: {', '.join(lacking(function))}"
        for function in public_functions(ast.parse(source))
        if lacking(function)
    ]


def test_what_lacks_an_annotation_is_found():
    source = "class A:\n    def f(self, a, b: int) -> int: pass\ndef g(): pass\ndef _h(a): pass\n"
    assert faults(source) == ["line 2: f: a", "line 3: g: return"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_public_functions_are_annotated(path):
    assert faults(path.read_text(encoding="utf-8")) == []
