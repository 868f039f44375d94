"""What is used of transformers without being promised by it: listed, and there in this version."""

from __future__ import annotations

import ast
import inspect
import tomllib
from pathlib import Path

import transformers
from packaging.specifiers import SpecifierSet

import harness.models.transformers.library  # noqa: F401
from harness.models.transformers import attention

ROOT = Path(__file__).parents[1]
VERSIONS = SpecifierSet(">=5.16,<6")  # as pyproject.toml allows
PRIVATE = {"_attn_implementation", "_is_stateful"}


def others_private(path: Path) -> set[str]:
    """Underscored attributes of anything but ``self``, and those asked for by ``getattr``, that no
    code in the same folder defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        ):
            found.add(node.attr)
        is_getattr = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr"
        if is_getattr and isinstance(node.args[1], ast.Constant):
            found.add(str(node.args[1].value))
    return {name for name in found if name.startswith("_") and not name.startswith("__")}


def test_nothing_else_private_is_used() -> None:
    used = set()
    for path in (ROOT / "harness" / "models" / "transformers").glob("*.py"):
        used |= others_private(path)
    assert used == PRIVATE


def test_it_is_there_in_the_versions_that_may_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [asked] = [each for each in project["dependencies"] if each.startswith("transformers")]
    assert SpecifierSet(asked.removeprefix("transformers")) == VERSIONS
    assert transformers.__version__ in VERSIONS
    config = transformers.LlamaConfig(attn_implementation="sdpa")
    assert config._attn_implementation == "sdpa"
    assert isinstance(transformers.PreTrainedModel._is_stateful, bool)


def test_attention_and_masks_are_called_as_ours_are_written() -> None:
    """The two interfaces that ours are registered with: public, their arguments are not."""
    known = transformers.AttentionInterface()
    assert known[attention.IMPLEMENTATION] is attention._attention
    usual = inspect.signature(known["sdpa"]).parameters
    assert list(usual)[:5] == ["module", "query", "key", "value", "attention_mask"]
    masks = transformers.masking_utils.AttentionMaskInterface()
    assert {"mask_function", "device"} <= set(inspect.signature(masks["sdpa"]).parameters)
