# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says of itself in several places is the same in all of them, and true."""

import re
import runpy
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import all_kinds
from ansible_collections.nodenet.fabric.plugins.modules import fabric_info
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).absolute().parents[2]
CORES = list(runpy.run_path(str(ROOT / "scripts" / "cores.py"))["CORES"])
ROLES = sorted((ROOT / "roles").iterdir())


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def requirements(path):
    lines = [line for line in read(path).splitlines() if line and line[0] not in "#-"]
    return {one.name: one.specifier for one in map(Requirement, lines)}


def releases(specifier):
    """Return which releases of ansible-core ``specifier`` admits."""
    return [f"2.{minor}" for minor in range(40) if f"2.{minor}.5" in specifier]


@pytest.mark.parametrize(
    "specifier",
    [
        SpecifierSet(yaml.safe_load(read("meta/runtime.yml"))["requires_ansible"]),
        requirements("requirements.txt")["ansible-core"],
    ],
    ids=["meta/runtime.yml", "requirements.txt"],
)
def test_the_releases_that_are_named_are_those_that_are_tested(specifier):
    assert releases(specifier) == CORES
    assert f"2.{int(CORES[-1][2:]) + 1}.0" not in specifier and f"{CORES[0]}.0" in specifier


def test_the_readme_names_them():
    assert f"ansible-core {CORES[0]} to {CORES[-1]}" in read("README.md")


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_has_what_galaxy_asks_for(role):
    assert (role / "README.md").read_text(encoding="utf-8").startswith(f"# nodenet.fabric.{role.name}\n")
    info = yaml.safe_load((role / "meta" / "main.yml").read_text(encoding="utf-8"))["galaxy_info"]
    assert info["min_ansible_version"] == CORES[0] and info["description"] and info["license"] == "GPL-3.0-or-later"


@pytest.mark.parametrize("path", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_no_release_to_come_breaks_the_suite(path):
    for name, specifier in requirements(path).items():
        assert any(one.operator == "<" for one in specifier), f"{path}: {name} has no upper bound"


def test_fabric_info_documents_every_kind():
    documented = " ".join(yaml.safe_load(fabric_info.RETURN)["objects"]["description"])
    assert re.findall(r"C\((\w+)\)", documented.partition(" a list of objects")[0]) == [
        kind.name for kind in all_kinds()
    ]


def test_an_execution_environment_finds_what_it_names():
    documented = yaml.safe_load(read("meta/execution-environment.yml"))["dependencies"]
    assert all((ROOT / path).exists() for path in documented.values())


def test_programs_are_started_in_one_place_of_the_modules():
    starts = re.compile(r"^(import|from) (subprocess|pty|asyncio)\b|os\.(system|popen|posix_spawn|spawn|exec)", re.M)
    found = [
        path.name
        for part in ("module_utils", "modules")
        for path in (ROOT / "plugins" / part).rglob("*.py")
        if starts.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["programs.py"]


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    """Return the names in the collection's tarball, without its CHANGELOG, which `make build` writes."""
    place = tmp_path_factory.mktemp("tarball")
    copy = place / "ansible_collections" / "nodenet" / "fabric"
    subprocess.run([ROOT / "scripts" / "collection", "copy", copy], check=True, capture_output=True)
    subprocess.run(
        ["ansible-galaxy", "collection", "build", copy, "--output-path", place], check=True, capture_output=True
    )
    (made,) = place.glob("*.tar.gz")
    with tarfile.open(made) as archive:
        return archive.getnames()


def test_the_tarball_has_what_users_need_and_nothing_that_only_the_repository_does(tarball):
    about = {"CODE_OF_CONDUCT.md", "LICENSE", "LICENSES", "MAINTAINERS.md", "README.md", "REUSE.toml", "SECURITY.md"}
    parts = {
        "FILES.json",
        "MANIFEST.json",
        "bindep.txt",
        "changelogs",
        "examples",
        "meta",
        "playbooks",
        "plugins",
        "roles",
    }
    assert {name.partition("/")[0] for name in tarball} == about | parts
    assert [name for name in tarball if name.startswith("changelogs/")] == ["changelogs/changelog.yaml"]
    assert "LICENSES/GPL-3.0-or-later.txt" in tarball
    assert not [name for name in tarball if "__pycache__" in name]
