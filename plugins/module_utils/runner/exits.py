# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: the one caller of ``exit_json`` and ``fail_json``."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ..engine.errors import FabricError, reason


def guarded(module: Any, function: Callable[[], Dict[str, Any]]) -> None:
    """Exit ``module`` with the result of ``function``, or fail with its error as a message."""
    try:
        result = function()
    except FabricError as failure:
        module.fail_json(msg=str(failure), **failure.facts())
    except PermissionError as failure:
        module.fail_json(msg=f"not permitted: {failure}. This needs root on the node: set become: true")
    except OSError as failure:
        module.fail_json(msg=f"{failure.filename or 'the node'}: {reason(failure)}")
    else:
        for warning in result.pop("warnings", ()):
            module.warn(warning)
        diff = result.pop("diff", None)
        if diff is not None and (module.check_mode or module._diff):
            result["diff"] = diff() if callable(diff) else diff
        module.exit_json(**result)
