"""Write a benchmark's YAML from a file of rows: `harness new task mine --rows rows.csv`.

Which column is which is seen from what the columns are called and hold; say otherwise with
--video COLUMN and its like. The videos lie beside the rows, or in a folder videos/ there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.data.columns import Columns

TEMPLATE = """\
{question}
{options}
Answer with the option's letter from the given choices directly."""
_SAID = ("video", "question", "options", "answer", "id")


def parser() -> argparse.ArgumentParser:
    """The words of ``harness new``."""
    made = argparse.ArgumentParser(
        prog="harness new",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("what", choices=("task",), help="what to write")
    made.add_argument("name", help="its name, as in task=NAME")
    made.add_argument("--rows", type=Path, required=True, metavar="FILE", help="the rows")
    for name in _SAID:
        made.add_argument(f"--{name}", metavar="COLUMN", help=f"the column with the {name}")
    made.add_argument("--force", action="store_true", help="write over an existing YAML")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes configs/task/NAME.yaml and prints what was understood, with one prompt."""
    words = parser().parse_args(argv)

    from harness.data import Source
    from harness.data.columns import guess, needs_rewriting, standard
    from harness.errors import DataError

    target = _target(words.name, words.force)
    source = Source(path=str(words.rows))
    rows = source.rows()
    if not rows:
        raise DataError(f"{words.rows}: there are no rows in it")
    given = {name: getattr(words, name) for name in _SAID if getattr(words, name)}
    columns = guess(rows, given, lambda value: source.video(value).exists())
    file = words.rows
    if needs_rewriting(rows, columns):
        file = words.rows.with_name(f"{words.name}.rows.jsonl")
        lines = (json.dumps(row, ensure_ascii=False) for row in standard(rows, columns))
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{file}: the rows with their options in one list and answers as letters")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_yaml(words.name, file, columns, file == words.rows), encoding="utf-8")
    print(f"{target}: {len(rows)} questions\n{_understood(columns)}")
    print(f"\nThe first prompt:\n\n{_first_prompt(words.name)}")
    print(f"\nNext: harness try task={words.name}")
    return 0


def _target(name: str, force: bool) -> Path:
    from harness.errors import RequestError
    from harness.overrides import choices

    if not all(part.replace("-", "_").isidentifier() for part in name.split("/")):
        raise RequestError(f"{name}: a task's name has letters, digits, _ and - only")
    target = Path("configs/task") / f"{name}.yaml"
    if target.exists() and not force:
        raise RequestError(f"{target}: there already; --force writes over it")
    if name in choices("task") and not target.exists():
        raise RequestError(f"{name}: a built-in task has this name; choose another")
    return target


def _yaml(name: str, rows: Path, columns: Columns, as_they_are: bool) -> str:
    """The task as a YAML file: composition of a source, a prompt and a scorer."""
    import yaml

    source: dict[str, Any] = {"_target_": "harness.data.Source", "path": "${data}"}
    renamed = {field: own for field, own in columns.fields.items() if field != own}
    if renamed and as_they_are:
        source["columns"] = renamed
    task: dict[str, Any] = {
        "_target_": "harness.task.Task",
        "name": name.rpartition("/")[2],
        "protocol": "own",
        "source": source,
        "prompt": {
            "_target_": "harness.prompts.PromptTemplate",
            "template": TEMPLATE if _has_options(columns) else "{question}",
        },
        "scorer": {"_target_": "harness.scoring.choice.ChoiceScorer"},
        "breakdowns": list(columns.breakdowns),
    }
    settings = {"data": str(rows.resolve()), "task": task}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100)
    return f"# @package _global_\n# Rows of {rows.name}; written by `harness new`\n{text}"


def _has_options(columns: Columns) -> bool:
    return bool(columns.options) or "options" in columns.fields


def _understood(columns: Columns) -> str:
    fields: Mapping[str, str] = columns.fields
    lines = [f"  {name:<10} column {own}" for name, own in fields.items()]
    if columns.options:
        lines.append(f"  {'options':<10} columns {', '.join(columns.options)}")
    if columns.breakdowns:
        lines.append(f"  {'breakdowns':<10} columns {', '.join(columns.breakdowns)}")
    return "\n".join(lines)


def _first_prompt(name: str) -> str:
    from harness.config import compose

    request = compose([f"task={name}", "backend=fake"])
    clip = request.benchmark.clips()[0]
    times = [float(second) for second in range(request.sampling.frames)]
    return request.benchmark.write(clip, clip.questions[0], times).text
