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
    lost = summary.truncated + summary.failed + summary.unscored
    log.write_eval_log(
        log.EvalLog(
            status="success" if run.complete else "error",
            eval=_spec(log, run),
            results=log.EvalResults(
                total_samples=len(run.records),
                completed_samples=len(run.records) - lost,
                scores=[
                    log.EvalScore(
                        name=summary.headline, scorer=_scorer(run), metrics=_numbers(log, run)
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
        metadata={"protocol": facts.protocol_hash(run), "frames": run.frames},
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
    """What the model said, with its tokens where they were counted."""
    made = outputs.ModelOutput.from_content(
        facts.checkpoint(run), response.text if response else ""
    )
    used = response.usage if response else None
    if used is not None and used.input is not None:
        read, written = used.input, used.output or 0
        made.usage = outputs.ModelUsage(
            input_tokens=read, output_tokens=written, total_tokens=read + written
        )
    return made


def _scorer(run: Run) -> str:
    scorer = run.protocol.get("scorer") or {}
    return str(scorer.get("_target_", "scorer")).rpartition(".")[2]


def _sample(log: Any, run: Run, record: Record) -> Any:
    """One question; what was not scored has no score, and the reason as its error."""
    outputs: Any = importlib.import_module("inspect_ai.model")
    scorers: Any = importlib.import_module("inspect_ai.scorer")
    question, response, score = record.question, record.response, record.score
    scores, value = None, facts.worth(run)(record)
    if value is not None:
        answer = tables.plain(score.answer) if score else None
        told = (score.explanation if score else "") or None
        scores = {run.summary.headline: scorers.Score(value=value, answer=answer, explanation=told)}
    output = _output(outputs, run, response)
    said = [outputs.ChatMessageUser(content=record.prompt)]
    said += [output.message] if response else []
    return log.EvalSample(
        id=record.key,
        epoch=1,
        input=record.prompt,
        choices=list(question.options) or None,
        target=tables.plain(question.target),
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
    )
