"""Write a benchmark's YAML from a file of rows: `harness new task mine --rows rows.csv`.

Which column is which is seen from what the columns are called and hold; say otherwise with
--video COLUMN and its like. On a terminal you are asked for what cannot be seen. The videos lie
beside the rows, or in a folder videos/ there. Answers may be options, yes or no, numbers, moments
(start and end in seconds) or texts; what they are decides how they are asked for and scored.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.names import several

if TYPE_CHECKING:
    from harness.cli.new_kinds import Recipe
    from harness.data import Source
    from harness.data.columns import Columns, Rows

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
    made.add_argument(
        "--answers", choices=("letter", "text", "from-0", "from-1", "yes-no", "number", "moment",
        "judged"), help="what all answers are: the right option's letter, text or number; without "
        "options yes or no, numbers, moments, texts to be equal to, or texts for a judge",
    )  # fmt: skip
    made.add_argument("--force", action="store_true", help="write over an existing YAML")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes configs/task/NAME.yaml and prints what was understood, with one prompt."""
    words = parser().parse_args(argv)

    from harness.cli.new_kinds import recipe
    from harness.data import Source
    from harness.data.answers import standard
    from harness.errors import RequestError

    target = _target(words.name, words.force)
    if not words.rows.exists():
        raise RequestError(f"--rows {words.rows}: no such file")
    source = Source(path=str(words.rows))
    rows = source.rows()
    given = {name: getattr(words, name) for name in _SAID if getattr(words, name)}
    columns = _columns(source, given)
    made = standard(
        rows, columns, words.answers, source.place, lambda name: source.video(name).exists()
    )
    file = _rewritten(words.name, words.rows, made.rows) if made.changed else words.rows
    answers = [row["answer"] for row in made.rows if row.get("answer") not in (None, "")]
    chosen = recipe(made.kind, answers)
    _write(target, _yaml(words.name, words.rows, file, columns, chosen))
    print(f"{target}: {several(len(rows), 'question')}\n{_understood(columns)}")
    print(f"  {'answers':<10} {chosen.note}")
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


def _rewritten(name: str, file: Path, rows: Rows) -> Path:
    """A file beside the one given, of its rows as a task reads them."""
    made = file.with_name(f"{name.replace('/', '_')}.rows.jsonl")
    _write(made, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{made}: the rows with their options in one list, and their answers as they are scored")
    return made


def _write(path: Path, text: str) -> None:
    from harness.report.tables import folder
    from harness.run.journal import write_atomically

    folder(path.parent)
    write_atomically(path, text)


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


def _yaml(name: str, given: Path, rows: Path, columns: Columns, recipe: Recipe) -> str:
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
        **recipe.settings(),
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
