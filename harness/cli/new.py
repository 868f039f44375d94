"""Write a benchmark's YAML from a file of rows: `harness new task mine --rows rows.csv`.

Which column is which is seen from what the columns are called and hold; say otherwise with
--video COLUMN and its like. On a terminal you are asked for what cannot be seen. The videos lie
beside the rows, or in a folder videos/ there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.data import Source
    from harness.data.columns import Columns, Rows

TEMPLATE = """\
{question}
{options}
Answer with the option's letter from the given choices directly."""
ANSWERS = ("letter", "text", "from-0", "from-1")
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
    made.add_argument("--answers", choices=ANSWERS, help="how all answers are written")
    made.add_argument("--force", action="store_true", help="write over an existing YAML")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes configs/task/NAME.yaml and prints what was understood, with one prompt."""
    words = parser().parse_args(argv)

    from harness.data import Source

    target = _target(words.name, words.force)
    source = Source(path=str(words.rows))
    rows = source.rows()
    given = {name: getattr(words, name) for name in _SAID if getattr(words, name)}
    columns = _columns(source, given)
    file = _rewritten(words.name, words.rows, rows, columns, words.answers)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_yaml(words.name, words.rows, file, columns), encoding="utf-8")
    print(f"{target}: {len(rows)} questions\n{_understood(columns)}")
    print(f"\nThe first prompt:\n\n{_first_prompt(words.name)}")
    print(f"\nNext: harness try task={words.name}")
    return 0


def _columns(source: Source, given: dict[str, str]) -> Columns:
    """The columns' meaning; on a terminal, a person is asked for what cannot be seen."""
    from harness.data.columns import UnknownColumn, guess

    while True:
        try:
            return guess(source.rows(), given, lambda value: source.video(value).exists())
        except UnknownColumn as error:
            if not sys.stdin.isatty():
                raise
            said = input(f"Which column holds the {error.field}? ({', '.join(error.columns)}) ")
            given[error.field] = said.strip()


def _rewritten(name: str, file: Path, rows: Rows, columns: Columns, answers: str | None) -> Path:
    """The file of rows as a task can read it: the one given, or one made of it beside it."""
    from harness.data.columns import needs_rewriting, standard

    if answers in (None, "letter") and not needs_rewriting(rows, columns):
        return file
    made = file.with_name(f"{name.replace('/', '_')}.rows.jsonl")
    lines = (json.dumps(row, ensure_ascii=False) for row in standard(rows, columns, answers))
    made.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{made}: the rows with their options in one list and answers as letters")
    return made


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


def _yaml(name: str, given: Path, rows: Path, columns: Columns) -> str:
    """The task as a YAML file: composition of a source, a prompt and a scorer."""

    source: dict[str, Any] = {"_target_": "harness.data.Source", "path": "${data}"}
    renamed = {field: own for field, own in columns.fields.items() if field != own}
    if renamed and rows == given:
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
    text = _dumped({"data": str(rows), "task": task})
    return f"# @package _global_\n# The rows of {given}; written by `harness new`\n{text}"


def _dumped(settings: dict[str, Any]) -> str:
    """YAML with texts of several lines as blocks, as a person would write them."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(settings, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


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
    from harness.task import BadRow

    request = compose([f"task={name}", "backend=fake"])
    bad: list[BadRow] = []
    clips = request.benchmark.clips(bad)
    if not clips:
        return f"no row can be asked: {bad[0].reason}"
    clip = clips[0]
    times = [float(second) for second in range(request.sampling.frames)]
    return request.benchmark.write(clip, clip.questions[0], times).text
