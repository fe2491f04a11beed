# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site in build/docs/html, from docs/site, docs/variables.yml, the examples and the plugins' documentation.

A warning of Sphinx is an error, and so is a link that leads to no page or no anchor. Nothing is fetched.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import links
import support
import variables

ROOT = Path(__file__).resolve().parents[2]
SOURCE, HTML = ROOT / "build" / "docs" / "source", ROOT / "build" / "docs" / "html"


def _run(*words):
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # antsibull-docs starts ansible-doc
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    found = subprocess.run([sys.executable, *map(str, words)], env={**os.environ, **own}, check=False)
    if found.returncode != 0:
        sys.exit(found.returncode)


def _reference():
    """Write a page for each module, plugin and role."""
    options = ["--use-current", "--fail-on-error", "--no-indexes", "--no-add-antsibull-docs-version"]
    _run(Path(sys.executable).parent / "antsibull-docs", "collection", *options, "--dest-dir", SOURCE, "nodenet.fabric")
    # of all collections together; here is one
    (SOURCE / "collections" / "environment_variables.rst").unlink()
    for page in (SOURCE / "collections").rglob("*.rst"):
        text = page.read_text(encoding="utf-8")
        # the theme lists a page's sections beside it
        text = re.sub(r"\n\.\. contents::\n(   :\w+:.*\n)*", "\n", text)
        # a comment before a title keeps its label from it, and references without words of their own need the title
        page.write_text(text.replace("\n.. Title\n", "\n"), encoding="utf-8")


def _inventories():
    """Write the inventories of the examples, without their license."""
    (SOURCE / "inventories").mkdir()
    for folder in sorted((ROOT / "examples").iterdir()):
        text = (folder / "hosts.yml").read_text(encoding="utf-8").partition("---\n")[2]
        (SOURCE / "inventories" / f"{folder.name}.yml").write_text(text, encoding="utf-8")


def main():
    """Build the site; exit with a status and say what is wrong."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(HTML, ignore_errors=True)
    shutil.copytree(ROOT / "docs" / "site", SOURCE)
    SOURCE.chmod(0o755)  # antsibull-docs writes into no folder that others may write to
    _reference()
    (SOURCE / "variables.rst").write_text(variables.page(), encoding="utf-8")
    (SOURCE / "generated").mkdir()
    for name, table in support.tables().items():
        (SOURCE / "generated" / name).write_text(table, encoding="utf-8")
    shutil.copy(ROOT / "docs" / "bench.svg", SOURCE)
    _inventories()
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", ROOT / "build" / "docs" / "doctrees"]
    _run("-m", "sphinx", *options, SOURCE, HTML)
    broken = links.broken(HTML)
    if broken:
        sys.exit("\n".join(["links that lead nowhere:", *broken]))
    print(f"{len(list(HTML.rglob('*.html')))} pages: {HTML.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    main()
