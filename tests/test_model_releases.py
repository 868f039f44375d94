"""What the oldest transformers that may be installed runs, and what is said of what it does not."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from harness.errors import ModelError
from harness.models.transformers import Transformers, releases
from harness.models.transformers.library import transformers
from tests import families

ROOT = Path(__file__).parents[1]


def test_the_first_release_is_what_pip_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [asked] = [each for each in project["dependencies"] if each.startswith("transformers")]
    allowed = SpecifierSet(f">={releases.spelled(releases.FIRST)},<6")
    assert SpecifierSet(asked.removeprefix("transformers")) == allowed


def test_the_lowest_versions_that_are_tested_are_those_that_pip_is_told() -> None:
    """``make test-lowest``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = dict(re.findall(r"^(\w+)>=([\d.]+)", "\n".join(project["dependencies"]), re.M))
    [packages] = re.findall(
        r"build/lowest/installed: PACKAGES := (.*)", (ROOT / "Makefile").read_text()
    )
    tried = dict(re.findall(r"(\w+)==([\d.]+)", packages))
    assert tried.keys() == {"transformers", "huggingface_hub", "datasets"}
    assert tried == {name: f"{asked[name]}.0" for name in tried}


def test_the_version_that_the_tests_run_with_runs_every_family() -> None:
    [pinned] = re.findall(r"^transformers==(.*)", (ROOT / "constraints.txt").read_text(), re.M)
    assert all(releases.runs(name, pinned) for name in families.EVERY)


def test_later_ones_are_of_families_that_are_tested() -> None:
    assert releases.SINCE.keys() <= families.EVERY.keys() | families.EVERY_UNNAMED.keys()
    assert all(since > releases.FIRST for since in releases.SINCE.values())


@pytest.mark.parametrize("kind", releases.SINCE)
def test_an_older_one_is_refused_by_a_line_that_says_which_is_needed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    major, minor = releases.SINCE[kind]
    monkeypatch.setattr(transformers, "__version__", f"{major}.{minor - 1}.2")
    with pytest.raises(ModelError) as failed:
        Transformers(str(tmp_path), frames_as="video").identity()
    assert str(failed.value) == (
        f"{tmp_path} is a {kind}, which needs transformers {major}.{minor} or later "
        f"({major}.{minor - 1}.2 is installed): pip install 'transformers>={major}.{minor},<6'"
    )
    assert not releases.runs(kind, f"{major}.{minor - 1}.2")
    assert releases.runs(kind, f"{major}.{minor}.0.dev0")


@pytest.mark.parametrize("name", sorted({"lfm3_vl", "gemma4_unified"} & {*families.UNNAMED}))
def test_one_that_no_yaml_names_is_listed_by_its_type(name: str) -> None:
    config = json.loads((families.build(name) / "config.json").read_text())
    assert config["model_type"] == name
    assert releases.SINCE[name] == (5, 23)


def test_one_that_is_not_listed_is_not_refused() -> None:
    assert releases.runs("qwen2_5_vl", "5.16.0")
    releases.check("not_known", "5.16.0", "here")


def test_families_are_built_without_classes_that_an_older_one_lacks() -> None:
    """What stands in an import fails for all families at once."""
    anyone = {"AutoModelForImageTextToText", "AutoProcessor", "PreTrainedTokenizerFast"}
    for path in (ROOT / "tests" / "families").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "transformers":
                assert {name.name for name in node.names} <= anyone, path
