"""A run in the form in which others look for results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.runs import Run

FORMS = ("hub", "every_eval_ever", "inspect", "lmms", "wandb", "mlflow")


def parser() -> argparse.ArgumentParser:
    """The words of ``harness publish``."""
    made = argparse.ArgumentParser(prog="harness publish", description=__doc__)
    made.add_argument("run", help="a run's folder, or its id")
    made.add_argument("--to", choices=FORMS, required=True)
    made.add_argument("-o", "--out", type=Path, help="the folder to write; default: the run's own")
    made.add_argument("--results", type=Path, default=Path("results"))
    made.add_argument("--dataset", default="", help="hub: the benchmark's data set")
    made.add_argument(
        "--board", type=Path, help="hub: the data set's eval.yaml, instead of its own"
    )
    made.add_argument("--task-id", default="", help="hub: which task of eval.yaml")
    made.add_argument("--url", default="", help="hub: where the run's page can be read")
    made.add_argument("--push", metavar="MODEL_REPO", help="hub: open a pull request there")
    made.add_argument("--organization", default="", help="every_eval_ever: who evaluated")
    made.add_argument("--relationship", default="third_party", help="every_eval_ever: to its maker",
                      choices=("first_party", "third_party", "collaborative", "other"))  # fmt: skip
    made.add_argument("--project", default="video", help="wandb, mlflow: the project")
    return made


def main(argv: Sequence[str]) -> int:
    """Writes (or sends) the run and prints where to."""
    words = parser().parse_args(argv)

    from harness.report import tables
    from harness.report.finding import run_named

    run = run_named(words.run, words.results)
    out = tables.folder(words.out or run.folder)
    makers = {"hub": _hub, "every_eval_ever": _every_eval, "inspect": _inspect, "lmms": _lmms}
    if words.to in makers:
        print(makers[words.to](run, out, words))
        return 0
    from harness.report.publish import loggers

    (loggers.wandb if words.to == "wandb" else loggers.mlflow)(run, words.project)
    print(f"{run.id} logged to {words.to}, project {words.project}")
    return 0


def _hub(run: Run, out: Path, words: argparse.Namespace) -> str:
    import yaml

    from harness.errors import RequestError
    from harness.report import tables
    from harness.report.plots import slug
    from harness.report.publish import facts, hub
    from harness.run.journal import write_atomically

    dataset = words.dataset or facts.data_set(run)
    if not dataset:
        raise RequestError(f"{run.folder}: the data set is not known; name it with --dataset")
    if words.board:
        try:
            board = yaml.safe_load(words.board.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise RequestError(f"--board {words.board}: cannot be read ({error})") from error
    else:
        board = hub.board_of(dataset)
    made = hub.entry(
        run,
        board if isinstance(board, dict) else {},
        dataset=dataset,
        task_id=words.task_id,
        url=words.url,
    )
    path = out / ".eval_results" / f"{slug(run.task)}.yaml"
    tables.folder(path.parent)
    write_atomically(path, hub.text(made))
    return hub.push(path, words.push) if words.push else str(path)


def _every_eval(run: Run, out: Path, words: argparse.Namespace) -> str:
    from harness.cli.ending import complain
    from harness.errors import RequestError
    from harness.report.publish import every_eval

    if not words.organization:
        raise RequestError("publish --to every_eval_ever: say who evaluated with --organization")
    path, without = every_eval.write(
        run, out, organization=words.organization, relationship=words.relationship
    )
    if without:
        complain(f"{without} questions have no score; the samples leave them out")
    return str(path)


def _inspect(run: Run, out: Path, words: argparse.Namespace) -> str:
    from harness.report.publish import inspect_log

    path = out / f"{run.id}.eval"
    inspect_log.write(run, path)
    return str(path)


def _lmms(run: Run, out: Path, words: argparse.Namespace) -> str:
    from harness.report.plots import slug
    from harness.report.publish import lmms
    from harness.run.journal import write_atomically

    path = out / f"{run.id}_samples_{slug(run.task)}.jsonl"
    write_atomically(path, "".join(lmms.lines(run)))
    return str(path)
