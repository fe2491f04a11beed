# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let ansible-test set up its virtual environments from the package index alone.

It downloads a bootstrap script for pip from a host of its own. The cache that it looks in first is filled here with a
script that does the same with pip's wheel.
"""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

BOOTSTRAP = '''"""Install pip from the wheel beside this file."""
import glob, os, sys
folder = os.path.dirname(os.path.abspath(__file__))
wheel = glob.glob(os.path.join(folder, "pip-{version}-*.whl"))[0]
sys.path.insert(0, wheel)
from pip._internal.cli.main import main
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(main(["install", "--upgrade", "--force-reinstall", "--find-links", folder] + words))
'''


def main():
    source = Path(find_spec("ansible_test").origin).parent / "_internal" / "python_requirements.py"
    version = re.search(r"pip='([0-9.]+)'", source.read_text(encoding="utf-8"))[1]
    cache = Path.home() / ".ansible" / "test" / "cache"
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    if script.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache), f"pip=={version}"],
        check=True,
    )
    script.write_text(BOOTSTRAP.replace("{version}", version), encoding="utf-8")


if __name__ == "__main__":
    main()
