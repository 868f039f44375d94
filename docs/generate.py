"""Writes the pages that are made from the code: ``python docs/generate.py`` (`make docs` does).

``protocols.md`` from the YAML files of tasks, ``metrics.md`` from the docstrings of scorers and
metrics, ``settings.md`` from configs/config.yaml.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.config import compose
from harness.identity import describe
from harness.overrides import choices, described, top_level_text

DOCS = Path(__file__).parent
MADE = "<!-- made by docs/generate.py -->\n\n"
SCORERS = (
    "choice", "judged", "numbers", "intervals", "references", "wups", "captions", "by_group",
)  # fmt: skip
METRICS = ("harness.metrics", "harness.corpus_metrics", "tasks.videomme_v2")


def pages() -> Iterator[tuple[str, str]]:
    """Each page's file name and text."""
    yield "protocols.md", MADE + protocols()
    yield "metrics.md", MADE + metrics()
    yield "settings.md", MADE + settings()


def protocols() -> str:
    """Every benchmark under every protocol: prompt, scorer, metrics, frames, where it is from."""
    names = choices("task")
    lines = [
        "# Protocols\n",
        "A protocol is data: what is asked in which words, who reads the answer, what is averaged. "
        "`task=NAME` is the benchmark authors' own where they prescribe one; `task=NAME/WHOSE` "
        "is another's. Every field can be set: `task.prompt.template=…`.\n",
        "| `task=` | what it is |",
        "|---|---|",
        *(f"| [`{name}`](#{_anchor(name)}) | {described('task', name)} |" for name in names),
        "",
    ]
    return "\n".join([*lines, *(_protocol(name) for name in names)])


def _protocol(name: str) -> str:
    request = compose([f"task={name}", "backend=fake"])
    task: dict[str, Any] = describe(request.benchmark)
    prompt = task["prompt"]
    template = prompt.get("template", "")
    kinds = prompt.get("templates") or {}
    sampling = describe(request.sampling)
    sampled = ", ".join(f"{key} {value}" for key, value in sampling.items() if _said(key, value))
    source = task.get("source", {})
    return "\n".join(
        [
            f"## `{name}` {{ #{_anchor(name)} }}\n",
            f"{described('task', name)}\n",
            f"- data: `{source.get('repo') or source.get('path') or '–'}`"
            + (f" at `{source['revision']}`" if source.get("revision") else ""),
            f"- frames: {sampled}",
            f"- scorer: {_object(task['scorer'])}",
            f"- metrics: {'; '.join(_object(metric) for metric in task['metrics'])}",
            f"- breakdowns: {', '.join(task['breakdowns']) or '–'}; "
            f"at most {request.generation.max_new_tokens} new tokens",
            *_fenced("prompt", template),
            *(line for kind, text in kinds.items() for line in _fenced(f"prompt of {kind}", text)),
            "",
        ]
    )


def _fenced(title: str, text: str) -> list[str]:
    return ["", f"{title}:", "", "```text", text, "```"] if text else []


def _said(key: str, value: Any) -> bool:
    return key != "_target_" and value not in (None, False, "", 0, [], {})


def _object(value: dict[str, Any]) -> str:
    """A scorer or metric with the settings that are not its defaults."""
    module, _, name = value["_target_"].rpartition(".")
    made = getattr(importlib.import_module(module), name)
    usual = {
        field.name: describe(field.default)
        for field in dataclasses.fields(made)
        if field.default is not dataclasses.MISSING
    }
    usual |= {
        field.name: describe(field.default_factory())
        for field in dataclasses.fields(made)
        if field.default_factory is not dataclasses.MISSING
    }
    given = [
        f"{key}={_short(item)}"
        for key, item in value.items()
        if key != "_target_"
        and usual.get(key, ...) != item
        and not (key == "name" and item == value.get("value"))
    ]
    return f"`{name}({', '.join(given)})`"


def _short(value: Any) -> str:
    if isinstance(value, dict) and "_target_" in value:
        return _object(value).strip("`")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_short(item)}" for key, item in value.items()) + "}"
    text = str(value).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:79]}…"


def metrics() -> str:
    """Every scorer and metric, from its docstring."""
    lines = ["# Scorers and metrics\n", "## Scorers\n"]
    lines += [
        "A scorer makes a score of one response: values by name, or none where no answer can be "
        "read in it. Write its name as `task.scorer._target_`.\n"
    ]
    for module in SCORERS:
        lines += _classes(f"harness.scoring.{module}", ("score", "score_judged"))
    lines += ["## Metrics\n", "A metric makes a number with its interval of the scores of a run.\n"]
    for module in METRICS:
        lines += _classes(module, ("estimate",))
    lines += ["## Extraction rules\n", "`task.scorer.extractor=NAME` of multiple choice:\n"]
    from harness.scoring.extractors import EXTRACTORS

    for name, rule in sorted(EXTRACTORS.items()):
        lines.append(f"- `{name}`: {' '.join(inspect.cleandoc(rule.__doc__ or '').split())}")
    return "\n".join(lines) + "\n"


def _classes(module: str, methods: tuple[str, ...]) -> Iterator[str]:
    for name, found in vars(importlib.import_module(module)).items():
        own = inspect.isclass(found) and found.__module__ == module and not name.startswith("_")
        if not own or not dataclasses.is_dataclass(found):
            continue
        if any(callable(getattr(found, method, None)) for method in methods):
            text = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(found.__doc__ or ""))
            yield f"### `{module}.{name}`\n\n{text}\n"


def settings() -> str:
    """What can be set on the command line."""
    groups = ("model", "sampling", "generation", "backend", "judge")
    lines = ["# Settings\n", "Set with `KEY=VALUE`:\n", "```text", top_level_text(), "```", ""]
    for group in groups:
        lines += [f"## `{group}=`\n"]
        lines += [f"- `{name}`: {described(group, name) or '–'}" for name in choices(group)]
        lines += [""]
    return "\n".join(lines)


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name)


if __name__ == "__main__":
    for name, text in pages():
        (DOCS / name).write_text(text, encoding="utf-8")
