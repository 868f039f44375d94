"""inspect_ai's ``.eval`` log, for ``inspect view``; needs inspect_ai (an optional dependency)."""

from __future__ import annotations

import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.report import tables
from harness.report.publish import facts
from harness.report.runs import Run
from harness.types import Record, Response


def write(run: Run, path: Path) -> None:
    """Writes the log. Raises RequestError without inspect_ai."""
    try:
        log: Any = importlib.import_module("inspect_ai.log")
    except ImportError:
        raise RequestError(
            "publish --to inspect needs inspect_ai: pip install inspect-ai"
        ) from None
    summary = run.summary
    took = timedelta(seconds=summary.seconds + summary.waited)
    value = facts.worth(run)
    scored = sum(value(record) is not None for record in run.records)
    log.write_eval_log(
        log.EvalLog(
            status="success" if run.complete else "error",
            eval=_spec(log, run),
            results=log.EvalResults(
                total_samples=len(run.records),
                completed_samples=len(run.records) - summary.failed,
                scores=[
                    log.EvalScore(
                        name=summary.headline,
                        scorer=_scorer(run),
                        scored_samples=scored,
                        unscored_samples=len(run.records) - scored,
                        metrics=_numbers(log, run),
                    )
                ],
            ),
            stats=log.EvalStats(  # without an end the viewer shows no number: NaN
                started_at=facts.started(run).isoformat(timespec="seconds"),
                completed_at=(facts.started(run) + took).isoformat(timespec="seconds"),
            ),
            samples=[_sample(log, run, record) for record in run.records],
        ),
        str(path),
    )


def _spec(log: Any, run: Run) -> Any:
    """What was evaluated, on what."""
    return log.EvalSpec(
        created=facts.started(run).isoformat(timespec="seconds"),
        task=run.task,
        task_id=run.id,
        run_id=run.id,
        dataset=log.EvalDataset(name=facts.data_set(run) or run.task, samples=len(run.records)),
        model=facts.checkpoint(run),
        config=log.EvalConfig(),
        metadata={"protocol": facts.protocol_hash(run), "frames": run.frames} | facts.unusual(run),
    )


def _numbers(log: Any, run: Run) -> dict[str, Any]:
    """Every metric with the ends of its interval, where they are known."""
    numbers = {}
    for name, value in run.summary.metrics.items():
        low, high = value.estimate.ci95
        for label, found in (("", value.estimate.value), (" low", low), (" high", high)):
            if found == found:
                numbers[name + label] = log.EvalMetric(name=name + label, value=found)
    return numbers


def _output(outputs: Any, run: Run, response: Response | None) -> Any:
    """What the model said (nothing where it failed), with its tokens where they were counted."""
    model = facts.checkpoint(run)
    if response is None:
        return outputs.ModelOutput(model=model)
    cut = response.finish in ("length", "thinking")
    made = outputs.ModelOutput.from_content(
        model, response.text, stop_reason="max_tokens" if cut else "stop"
    )
    used = response.usage
    if used is not None and used.input is not None and used.output is not None:
        made.usage = outputs.ModelUsage(
            input_tokens=used.input - (used.cached or 0),  # theirs are without the cached
            output_tokens=used.output,
            total_tokens=used.input + used.output,
            input_tokens_cache_read=used.cached,
        )
    return made


def _scorer(run: Run) -> str:
    scorer = run.protocol.get("scorer") or {}
    return str(scorer.get("_target_", "scorer")).rpartition(".")[2]


def _error(log: Any, record: Record) -> Any:
    return log.EvalError(message=str(record.reason or "failed"), traceback="", traceback_ansi="")


def _sample(log: Any, run: Run, record: Record) -> Any:
    """One question; what was not scored has no score, and a failure its reason as the error."""
    outputs: Any = importlib.import_module("inspect_ai.model")
    scorers: Any = importlib.import_module("inspect_ai.scorer")
    question, response, score = record.question, record.response, record.score
    scores, value = None, facts.worth(run)(record)
    if value is not None:
        found = score.answer if score else None
        answer = None if found is None else tables.plain(found)
        told = (score.explanation if score else "") or None
        scores = {run.summary.headline: scorers.Score(value=value, answer=answer, explanation=told)}
    output, wanted = _output(outputs, run, response), facts.targets(question.target)
    said = [outputs.ChatMessageUser(content=record.prompt)]
    said += [output.message] if response else []
    return log.EvalSample(
        id=record.key,
        epoch=1,
        input=record.prompt,
        choices=list(question.options) or None,
        target=wanted[0] if len(wanted) == 1 else wanted,
        messages=said,
        output=output,
        model_usage={facts.checkpoint(run): output.usage} if output.usage else {},
        scores=scores,
        metadata={
            "video": record.video,
            "status": record.status,
            "reason": record.reason,
            "thinking": response.thinking if response else "",
            "frame_times": list(record.times),
            "groups": {name: list(values) for name, values in question.groups.items()},
        },
        total_time=response.seconds if response else None,
        error=None if response else _error(log, record),
    )
