"""The two commands of the README, the Makefile they are in, and the lock files it installs from."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
LOCKS = ["requirements/run.txt", "requirements/dev.txt"]


def locked(name: str) -> dict[str, str]:
    """Each package of a lock file with what stands after its name."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {re.split(r"[=<>!~ \[;]", line, maxsplit=1)[0].lower().replace("_", "-"): line for line in lines}


def test_the_readme_begins_with_two_commands_that_are_targets() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^make (\w+)", readme, re.MULTILINE)
    assert commands[:2] == ["run", "test"]
    assert readme.index("make test") < 200
    assert set(commands) <= TARGETS


@pytest.mark.e2e
def test_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\w+)", shown, re.MULTILINE)) == TARGETS
    assert set(MAKEFILE.partition(".PHONY:")[2].splitlines()[0].split()) == TARGETS


def test_make_alone_is_help() -> None:
    assert ".DEFAULT_GOAL := help" in MAKEFILE


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_pin_every_package_by_hash_and_name_no_address(name: str) -> None:
    packages = locked(name)
    assert len(packages) > 20
    assert [line for line in packages.values() if "==" not in line or "--hash=sha256:" not in line] == []
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|--\S*index\S*|--find-links|^-e |@ ", text, re.MULTILINE)


def test_lock_files_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    run = [re.split(r"[<>=;~ ]", line, maxsplit=1)[0].lower() for line in project["project"]["dependencies"]]
    dev = [re.split(r"[<>=;~ ]", line, maxsplit=1)[0].lower() for line in project["dependency-groups"]["dev"]]
    names = {name: {package.replace(".", "-") for package in locked(name)} for name in LOCKS}
    assert {name.replace(".", "-") for name in run} - names["requirements/run.txt"] == set()
    assert {name.replace(".", "-") for name in run + dev} - names["requirements/dev.txt"] == set()
    assert names["requirements/run.txt"] <= names["requirements/dev.txt"]


def test_what_runs_for_every_change_is_the_readmes_test_command_with_nothing_skipped() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "PENSTOCK_STRICT=1 make test" in script
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
