"""A run's numbers to Weights & Biases or MLflow, where these are installed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness.errors import RequestError
from harness.names import one_line
from harness.report.publish import facts
from harness.report.runs import Run


def numbers(run: Run) -> dict[str, float]:
    """Every number of the summary by name: value, its interval and n, counts, breakdowns."""
    summary = run.summary
    found: dict[str, float] = {}
    for name, value in summary.metrics.items():
        low, high = value.estimate.ci95
        told = {name: value.estimate.value, f"{name}/low": low, f"{name}/high": high}
        found |= told | {f"{name}/n": value.estimate.n}
    for name in ("scored", "unparsed", "truncated", "failed", "unscored", "seconds"):
        found[f"count/{name}" if name != "seconds" else name] = getattr(summary, name)
    if summary.energy is not None:
        found["energy_joules"] = summary.energy
    for group in summary.by:
        found |= {f"{group}/{k}": part.value for k, part in summary.part(group).items()}
    return {_name(name): float(value) for name, value in found.items() if value == value}


def wandb(run: Run, project: str) -> None:
    """One W&B run under the run's own id, also when it is logged again.

    Raises RequestError without wandb, and for what wandb itself refuses (no login, no network).
    """
    module = _module("wandb")
    with _refusals("wandb", module.errors.Error):
        started = module.init(
            project=project, id=run.id, name=f"{run.model} on {run.task}", config=_settings(run),
            resume="allow",
        )  # fmt: skip
        started.summary.update(numbers(run))
        started.finish()


def mlflow(run: Run, project: str) -> None:
    """One MLflow run in the experiment ``project``, the same when it is logged again.

    Raises RequestError without mlflow, and for what mlflow itself refuses (no such store).
    """
    module = _module("mlflow")
    with _refusals("mlflow", module.exceptions.MlflowException):
        experiment = module.set_experiment(project).experiment_id
        found = module.search_runs(
            [experiment], filter_string=f"tags.run = '{run.id}'", output_format="list"
        )
        known: dict[str, Any] = (
            {"run_id": found[0].info.run_id}
            if found
            else {"run_name": f"{run.model} on {run.task}", "tags": {"run": run.id}}
        )
        with module.start_run(**known):
            module.log_params({key: str(value)[:500] for key, value in _settings(run).items()})
            module.log_metrics(numbers(run))


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise RequestError(f"publish --to {name} needs it: pip install {name}") from None


@contextmanager
def _refusals(name: str, refusal: type[Exception]) -> Iterator[None]:
    try:
        yield
    except refusal as error:
        raise RequestError(f"publish --to {name}: {one_line(error)}") from error


def _settings(run: Run) -> Mapping[str, Any]:
    told = {"task": run.task, "model": run.model, "frames": run.frames, "id": run.id}
    told |= {key: run.request.get(key) for key in ("backend", "sampling", "generation", "data")}
    return {key: value for key, value in told.items() if value is not None} | facts.unusual(run)


def _name(text: str) -> str:
    """What MLflow takes for a name."""
    return re.sub(r"[^\w\-. /]", "_", text)
