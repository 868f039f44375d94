"""What is used of huggingface_hub without being promised by it: in one place, and there in this
version; the range of versions is pyproject.toml's (``make test-lowest`` runs its lower end)."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from packaging.specifiers import SpecifierSet

from harness.data import hub_private

ROOT = Path(__file__).parents[1]
VERSIONS = SpecifierSet(">=1.5,<3")  # as pyproject.toml allows
LIBRARIES = ("huggingface_hub", "transformers", "datasets", "pyarrow")


def test_nothing_else_untyped_is_imported() -> None:
    silenced = {
        path.name
        for path in (ROOT / "harness").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "type: ignore" in line and any(name in line for name in LIBRARIES)
    }
    assert silenced == {"hub_private.py"}


def test_it_is_there_in_the_versions_that_may_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [asked] = [each for each in project["dependencies"] if each.startswith("huggingface_hub")]
    assert SpecifierSet(asked.removeprefix("huggingface_hub")) == VERSIONS
    assert huggingface_hub.__version__ in VERSIONS
    # what its client raises: refusals, and connections that break (some versions' own are OSErrors)
    assert issubclass(HfHubHTTPError, hub_private.HTTPError)
    assert issubclass(hub_private.HTTPError, Exception)
    assert issubclass(LocalEntryNotFoundError, FileNotFoundError)


def test_the_download_takes_what_it_is_given() -> None:
    known = inspect.signature(hub_private.http_get).parameters
    assert list(known)[:2] == ["url", "temp_file"]
    given = {"resume_size", "headers", "expected_size", "displayed_filename"}
    assert given <= known.keys()
    assert "_nb_retries" in known  # without it pauses would be made twice
    assert "user-agent" in hub_private.build_hf_headers()
    [token] = [
        value
        for name, value in hub_private.build_hf_headers(token="hf_mine").items()
        if name == "authorization"
    ]
    assert token == "Bearer hf_mine"
