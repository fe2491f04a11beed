# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each supported ansible-core in a virtual environment of its own, made once and kept below .cache/cores.

As a program: make those of the oldest and of the newest release that this machine has a Python for, and print a line for each:
its version, its Python's, its folder. NODENET_CORE=2.18 selects one release, NODENET_PYTHON=3.12 the Python that it runs on.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]
# ansible-core -> minor versions of Python 3 that a controller may have ("Ansible-core support matrix", docs.ansible.com)
CORES = {
    "2.16": (10, 11, 12),
    "2.17": (10, 11, 12),
    "2.18": (11, 12, 13),
    "2.19": (11, 12, 13),
    "2.20": (12, 13, 14),
    "2.21": (12, 13, 14),
}
# pyenv's shims may lead to no interpreter: those that it has built are looked for themselves
PYENV = Path(os.environ.get("PYENV_ROOT", Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv"))


def selected():
    """Return the releases that the environment selects, by default all."""
    return [os.environ["NODENET_CORE"]] if os.environ.get("NODENET_CORE") else list(CORES)


def available():
    """Return the selected releases that this machine has a Python for."""
    return [core for core in selected() if python_for(core)]


def python_for(core):
    """Return an interpreter that ``core`` runs on and that can make virtual environments, or None."""
    wanted = os.environ.get("NODENET_PYTHON")
    for minor in [minor for minor in CORES[core] if wanted in (None, "", f"3.{minor}")]:
        name = f"python3.{minor}"
        built = sorted(PYENV.glob(f"versions/3.{minor}.*/bin/{name}"))
        for candidate in [*built, shutil.which(name), "/usr/bin/python3"]:
            code = f"import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
            if candidate and os.path.exists(candidate) and not _run([candidate, "-c", code]).returncode:
                return candidate
    return None


def without_python():
    """Return the releases that this machine has no Python for, in words."""
    return [f"{core} (3.{CORES[core][0]} to 3.{CORES[core][-1]})" for core in selected() if not python_for(core)]


def home(core):
    """Return the folder of its virtual environment."""
    python = os.environ.get("NODENET_PYTHON")
    return ROOT / ".cache" / "cores" / (f"{core}-python{python}" if python else core)


def install(core):
    """Make the virtual environment, unless it is there: ansible-core and nothing else, no pyroute2 in particular."""
    home(core).parent.mkdir(parents=True, exist_ok=True)
    with open(
        home(core).parent / f"{home(core).name}.lock", "w", encoding="utf-8"
    ) as lock:  # stages of the tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home(core) / "installed").exists():
            _install(core)


def _install(core):
    shutil.rmtree(home(core), ignore_errors=True)
    words = ["install", "--quiet", "--disable-pip-version-check", f"ansible-core~={core}.0"]
    for command in ([python_for(core), "-m", "venv", home(core)], [home(core) / "bin" / "pip", *words]):
        made = _run([str(word) for word in command])
        if made.returncode != 0:
            raise RuntimeError(f"ansible-core {core}: {made.stdout}{made.stderr}")
    (home(core) / "installed").touch()


def _run(words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def main():
    possible = available()
    missing = [core for core in dict.fromkeys([selected()[0], selected()[-1]]) if core not in possible]
    if missing and possible:
        print(f"SKIPPED [1] cores: this machine has no Python for ansible-core {', '.join(missing)}", file=sys.stderr)
    if not possible:
        sys.exit("cores: this machine has no Python with ensurepip (package python3-venv) for any of them")
    for core in dict.fromkeys([*possible[:1], *possible[-1:]]):
        install(core)
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        print(core, _run([str(home(core) / "bin" / "python"), "-c", code]).stdout.strip(), home(core))


if __name__ == "__main__":
    main()
