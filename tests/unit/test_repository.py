# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the repository says to hosted CI, to pre-commit and to people agrees with what is tested."""

import re
import runpy
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).absolute().parents[2]
CORES = runpy.run_path(str(ROOT / "scripts" / "cores.py"))["CORES"]
PYTHONS = {core: {f"3.{minor}" for minor in minors} for core, minors in CORES.items()}
SUITES = ["bookworm", "trixie", "jammy", "noble"]  # Debian 12 and 13, Ubuntu 22.04 and 24.04

MAKE = r"sudo (?:--preserve-env=[A-Z_,]+ env \"PATH=\$PATH\" )?make ([a-z-]+)( SUITES=\w+)?"


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def load(path):
    return yaml.safe_load(read(path))


WORKFLOW = load(".github/workflows/tests.yml")
JOBS = WORKFLOW["jobs"]
MAKEFILE = read("Makefile")
STAGES = re.search(r"^STAGES := (.*)$", MAKEFILE, re.M)[1].split()
TARGETS = {*STAGES, *re.findall(r"^([a-z-]+):", MAKEFILE, re.M)}


def matrix(job):
    return JOBS[job].get("strategy", {}).get("matrix", {})


def commands(job):
    """Return the commands of a job, each filled in with every value of the job's matrix."""
    lines = [step["run"] for step in JOBS[job]["steps"] if "run" in step]
    for name, values in matrix(job).items():
        place = "${{ matrix." + name + " }}"
        lines = [line.replace(place, str(value)) for line in lines for value in values]
    return lines


# --- hosted CI ---


def test_each_ansible_core_runs_on_each_of_its_pythons():
    found = {core: set() for core in CORES}
    for entry in matrix("cores")["include"]:
        found[entry["core"]].add(entry["python"])
    assert found == PYTHONS
    assert len(matrix("cores")["include"]) == sum(map(len, CORES.values()))


def test_these_are_the_releases_that_the_collection_admits():
    admitted = SpecifierSet(load("meta/runtime.yml")["requires_ansible"])
    tested = {entry["core"] for entry in matrix("cores")["include"]}
    assert tested == {f"2.{minor}" for minor in range(40) if f"2.{minor}.5" in admitted}


def test_each_distribution_is_tried():
    assert matrix("distributions")["suite"] == SUITES
    assert re.search(r"\|\| suites=\((.*)\)", read("scripts/fresh"))[1].split() == SUITES


def test_every_stage_of_make_test_runs():
    run = {word for job in JOBS for command in commands(job) for word in command.split()}
    assert set(STAGES) <= run and "test-vms" in run


@pytest.mark.parametrize("job", JOBS)
def test_a_job_calls_the_makefile_and_nothing_else(job):
    for command in commands(job):
        called = re.fullmatch(MAKE, command)
        assert called and called[1] in TARGETS, command
    for step in JOBS[job]["steps"]:
        assert "run" in step or re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", step["uses"])


def test_a_job_hands_over_what_it_sets():
    for command in commands("cores"):
        handed = re.search(r"--preserve-env=(\S+)", command)[1].split(",")
        assert handed == list(JOBS["cores"]["env"])
        assert all(f'"{name}"' in read("scripts/cores.py") for name in handed)


def test_it_runs_for_pull_requests_and_every_week_and_may_only_read():
    assert {"push", "pull_request", "schedule"} <= set(WORKFLOW["on"])
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in JOBS.values())


# --- pre-commit ---


def test_pre_commit_runs_the_releases_that_make_lint_runs():
    lines = [line for line in read("requirements-dev.txt").splitlines() if line and line[0] not in "#-"]
    known = {one.name: one.specifier for one in map(Requirement, lines)}
    assert "pre-commit" in known
    for hook in (hook for repo in load(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]):
        (needed,) = map(Requirement, hook["additional_dependencies"])
        assert hook["entry"].split()[0] == needed.name and known[needed.name] == needed.specifier, hook["id"]


def test_pre_commit_asks_nothing_that_make_lint_does_not_ask():
    lint = re.search(r"^lint\(\) \{\n(.*?)^\}", read("scripts/test"), re.M | re.S)[1]
    for hook in (hook for repo in load(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]):
        assert " ".join(hook["entry"].split()[:2]) in lint, hook["id"]


# --- for people ---


@pytest.mark.parametrize("name", ["CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "MAINTAINERS.md", "SECURITY.md"])
def test_the_readme_leads_to(name):
    assert f"https://github.com/nodenet/fabric/blob/main/{name}" in read("README.md") and (ROOT / name).exists()


@pytest.mark.parametrize("path", sorted(path.name for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")))
def test_an_issue_form_is_one(path):
    form = load(f".github/ISSUE_TEMPLATE/{path}")
    assert form["name"] and form["description"] and form["body"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["type"] == "textarea" and field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_texts_lead_to_files_that_exist():
    for path in ("CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "MAINTAINERS.md", "SECURITY.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", read(path)):
            assert (ROOT / target).exists(), f"{path}: {target}"


@pytest.mark.parametrize(
    "path", ["CONTRIBUTING.md", *(str(one.relative_to(ROOT)) for one in (ROOT / "docs").rglob("*.md"))]
)
def test_files_that_a_page_names_exist(path):
    named = re.findall(r"`((?:[a-z_]+/)+[\w.-]+\.(?:py|yml|md|svg))`", read(path))
    places = (ROOT, ROOT / "plugins" / "module_utils", ROOT / "plugins" / "plugin_utils")
    missing = [name for name in named if "NAME" not in name and not any((place / name).exists() for place in places)]
    assert missing == []
