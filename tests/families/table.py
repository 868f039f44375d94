"""The table of families, made from their tiny builds and from configs/model.

python -m tests.families.table > docs/families.md
"""

from __future__ import annotations

import fnmatch
import textwrap
from pathlib import Path
from typing import Any

from harness.models.transformers import Transformers, releases
from harness.types import Clip, Generation, Prompt, Question, Response, Sample, Text, Turn, Video
from tests import families

CONFIGS = Path(__file__).parents[2] / "configs" / "model"
NO_FAMILY = {"hub", "hosted"}  # any of the hub's, and a server's

NEEDED = ", ".join(f"`{kind}` {releases.spelled(since)}" for kind, since in releases.SINCE.items())
ABOUT = (
    """\
# Families of models

One engine runs them all: none is branched on by name. Each row is held in tests against plain
`generate` on a tiny build with random weights, made of the family's own configuration class and
processor: the same tokens, first logits within 1e-5 of their deviation (float32, on a CPU). No
published checkpoint was run here but the demo's; `doctor` proves one on your machine, and a
self-test at load refuses what does not agree with `generate`.

*Decoder*, *told of time* and *sharing* are read off the tiny builds; *video tokens* are those of
published checkpoints. "packed": no key or value is copied; "copied": each question copies the
prefix's cache, since some layers keep a state of another kind. This table is made by
`python -m tests.families.table`.

"""
    + textwrap.fill(
        f"All run with transformers {releases.spelled(releases.FIRST)} or later but those that "
        f"need a later one: {NEEDED}. An earlier one is refused by a line that says so.",
        width=100,
    )
    + """

| family (`model_type`) | decoder | video tokens | told of time (frames 0.5 s apart) | sharing \
| shown as | `model=` |
|---|---|---|---|---|---|---|
"""
)


def models(family: families.Family) -> list[str]:
    """The names in configs/model of this family."""
    names = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    patterns = family.models.split()
    return [n for n in names if any(fnmatch.fnmatch(n, pattern) for pattern in patterns)]


def _decoder(text: Any) -> str:
    types = set(getattr(text, "layer_types", None) or ["full_attention"])
    names = ("full", "sliding", "chunked", "linear")
    kinds = [name for name in names if f"{name}_attention" in types]
    kinds += ["conv"] if "conv" in types else []
    said = " + ".join(kinds)
    rope = getattr(text, "rope_parameters", None) or {}
    if "mrope_section" in rope:
        said += ", interleaved mrope" if rope.get("mrope_interleaved") else ", mrope"
    experts = any("experts" in name and value for name, value in _numbers(text))
    return said + (", experts" if experts else "")


def _numbers(text: Any) -> list[tuple[str, int]]:
    return [(n, v) for n, v in vars(text).items() if isinstance(v, int) and n[0] != "_"]


def row(name: str) -> str:
    """One family's row."""
    family = (families.EVERY | families.UNNAMED)[name]
    model = Transformers(
        str(families.build(name)),
        frames_as="images" if family.frames_as == "images" else "video",
        dtype="float32",
        device="cpu",
    )
    frames = families.noise(4)
    prompt = Prompt(Question("q", "Why?"), (Turn("user", (Video(), Text("Why?"))),))
    asked = Sample(Clip("c", None), families.information(frames), frames, (prompt,))
    [response] = model.generate([asked], Generation(max_new_tokens=1))
    assert isinstance(response, Response)
    told = ", ".join(f"`{text}`" for text in response.told_times[:2]) or "–"
    way = type(model.load().way).__name__.lower()
    decoder = _decoder(model.load().model.config.get_text_config())
    named = ", ".join(f"`{each}`" for each in models(family)) or "through `hub`"
    cells = (f"`{name}`", decoder, family.tokens, told, way, family.frames_as, named)
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """The page, as Markdown; all families' classes have to be there."""
    return ABOUT + "".join(f"{row(name)}\n" for name in families.EVERY | families.UNNAMED)


if __name__ == "__main__":
    print(table(), end="")
