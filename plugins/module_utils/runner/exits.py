# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a module: the one place that calls ``exit_json`` and ``fail_json``."""

from __future__ import annotations

from ..engine.errors import FabricError, reason


def guarded(module, function):
    """Exit ``module`` with what ``function`` returns; each error becomes a sentence."""
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
