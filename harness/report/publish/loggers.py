"""A run's numbers to Weights & Biases or MLflow, where these are installed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.errors import RequestError
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
    for group in summary.by:
        found |= {f"{group}/{k}": part.value for k, part in summary.part(group).items()}
    return {_name(name): float(value) for name, value in found.items() if value == value}


def wandb(run: Run, project: str) -> None:
    """One W&B run under the run's own id. Raises RequestError without wandb."""
    module = _module("wandb")
    started = module.init(
        project=project, id=run.id, name=f"{run.model} on {run.task}", config=_settings(run),
        resume="allow",
    )  # fmt: skip
    started.summary.update(numbers(run))
    started.finish()


def mlflow(run: Run, project: str) -> None:
    """One MLflow run in the experiment ``project``. Raises RequestError without mlflow."""
    module = _module("mlflow")
    module.set_experiment(project)
    with module.start_run(run_name=f"{run.model} on {run.task}", tags={"run": run.id}):
        module.log_params({key: str(value)[:500] for key, value in _settings(run).items()})
        module.log_metrics(numbers(run))


def _module(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise RequestError(f"publish --to {name} needs it: pip install {name}") from None


def _settings(run: Run) -> Mapping[str, Any]:
    return {"task": run.task, "model": run.model, "frames": run.frames, "id": run.id} | {
        key: run.request.get(key) for key in ("backend", "sampling", "generation", "data")
    }


def _name(text: str) -> str:
    """What MLflow takes for a name."""
    return re.sub(r"[^\w\-. /]", "_", text)
