"""every_eval_ever's record of an evaluation, with intervals and every sample.

Format 0.3.0: evaleval/every_eval_ever commit 9bce413, schemas/eval.schema.json and
instance_level_eval.schema.json; checked in the tests by its own validator.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.metrics import Summing
from harness.names import DISTRIBUTION
from harness.report import serving, tables
from harness.report.publish import facts
from harness.report.runs import Run
from harness.report.value import Value
from harness.run.journal import write_atomically
from harness.types import Estimate, Metric, Record

VERSION = "0.3.0"


def write(
    run: Run, folder: Path, *, organization: str, relationship: str = "third_party"
) -> tuple[Path, int]:
    """Writes ``data/<collection>/<developer>/<model>/<uuid>.json`` and its samples below
    ``folder``; returns the former and how many questions have no score, which the format cannot
    say and the samples therefore leave out.

    ``relationship`` to the model's maker: first_party, third_party, collaborative or other.
    """
    model = facts.checkpoint(run)
    developer, _, name = model.rpartition("/")
    place = Path("data") / _portable(run.task) / _portable(developer or "unknown") / _portable(name)
    stem = str(uuid.UUID(bytes=hashlib.sha256(run.id.encode()).digest()[:16], version=4))
    lines = list(_samples(run, model))
    body = "".join(map(facts.json_line, lines))
    samples = place / f"{stem}_samples.jsonl"
    made = _aggregate(run, model, organization, relationship)
    made["detailed_evaluation_results"] = {
        "format": "jsonl",
        "file_path": samples.as_posix(),
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(body.encode()).hexdigest(),
        "total_rows": len(lines),
        "additional_details": {"without a score": str(len(run.records) - len(lines))},
    }
    (folder / place).mkdir(parents=True, exist_ok=True)
    write_atomically(folder / samples, body)
    path = folder / place / f"{stem}.json"
    write_atomically(path, json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return path, len(run.records) - len(lines)


def _aggregate(run: Run, model: str, organization: str, relationship: str) -> dict[str, Any]:
    versions = (run.request.get("environment") or {}).get("packages") or {}
    return {
        "schema_version": VERSION,
        "evaluation_id": _id(run, model),
        "evaluation_timestamp": facts.started(run).isoformat(timespec="seconds"),
        "retrieved_timestamp": str(facts.started(run).timestamp()),
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": relationship,
        },
        "eval_library": {
            "name": DISTRIBUTION,
            "version": str(versions.get(DISTRIBUTION, "unknown")),
            "additional_details": {"run": run.id, "protocol": facts.protocol_hash(run)},
        },
        "model_info": _model_info(run, model),
        "evaluation_results": list(_results(run)),
    }


def _model_info(run: Run, model: str) -> dict[str, Any]:
    """Who ran the model is known where no server did, its weights are by a name on the hub."""
    backend = run.request.get("backend") or {}
    server, elsewhere = serving.served_by(run), "dialect" in backend or "imported" in backend
    named = "/" in model and not elsewhere
    told: dict[str, Any] = {"name": run.model, "id": model}
    name, _, version = server.partition(" ")
    if name and name != "openai":  # that is any server of that API
        told["inference_engine"] = {"name": name} | ({"version": version} if version else {})
    told["additional_details"] = {
        "deployment_type": "unknown" if elsewhere else "self_deployed",
        "model_availability": "open_weights" if named else "unknown",
        "settings": json.dumps(backend, sort_keys=True, ensure_ascii=False),
    }
    return told


def _results(run: Run) -> Iterator[dict[str, Any]]:
    metrics = {metric.name: metric for metric in run.metrics}
    for name, value in run.summary.metrics.items():
        yield from _result(run, run.task, name, value, value.estimate, metrics.get(name))
    headline, main = run.summary.headline, run.summary.main
    for group, parts in run.summary.by.items():
        for part, found in parts.items():
            title = f"{run.task}/{group}={part}"
            yield from _result(run, title, headline, main, found[headline], metrics.get(headline))


def _result(
    run: Run, title: str, name: str, value: Value, found: Estimate, metric: Metric | None
) -> Iterator[dict[str, Any]]:
    """One number; none where it is not known."""
    if math.isnan(found.value):
        return
    doubt: dict[str, Any] = {"num_samples": found.n}
    if not any(map(math.isnan, found.ci95)):
        low, high = found.ci95
        doubt["confidence_interval"] = {"lower": low, "upper": high, "confidence_level": 0.95}
        doubt["confidence_interval"]["method"] = f"clustered by video ({found.clusters} videos)"
    bounds = (metric.low, metric.high) if isinstance(metric, Summing) else (None, None)
    config: dict[str, Any] = {
        "metric_id": name,
        "metric_name": name,
        "metric_unit": "proportion" if value.unit == "%" else value.unit or "score",
        "lower_is_better": not value.higher_is_better,
        "score_type": "continuous",
        "min_score": "-Infinity" if bounds[0] is None else bounds[0],
        "max_score": "Infinity" if bounds[1] is None else bounds[1],
    }
    if judge := facts.judge_model(run):
        kind = {"deployment_type": "unknown", "model_availability": "unknown"}
        config["llm_scoring"] = {
            "judges": [{"model_info": {"name": judge, "id": judge, "additional_details": kind}}],
            "input_prompt": json.dumps(run.protocol.get("scorer"), ensure_ascii=False),
        }
    yield {
        "evaluation_result_id": f"{run.id}:{title}:{name}",
        "evaluation_name": title,
        "source_data": _source(run),
        "metric_config": config,
        "score_details": {"score": found.value, "uncertainty": doubt},
        "generation_config": _generation(run),
    }


def _source(run: Run) -> dict[str, Any]:
    if repo := facts.data_set(run):
        return {"dataset_name": run.task, "source_type": "hf_dataset", "hf_repo": repo}
    return {"dataset_name": run.task, "source_type": "other"}


def _generation(run: Run) -> dict[str, Any]:
    asked: Mapping[str, Any] = run.request.get("generation") or {}
    names = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}
    told = {ours: asked[theirs] for ours, theirs in names.items() if asked.get(theirs) is not None}
    if asked.get("max_new_tokens") is not None:
        told["max_tokens"] = asked["max_new_tokens"]
    prompt = run.protocol.get("prompt")
    if isinstance(prompt, Mapping) and prompt.get("template"):
        told["prompt_template"] = str(prompt["template"])
    details = {key: str(value) for key, value in facts.unusual(run).items()}
    if run.frames is not None:
        details["frames"] = str(run.frames)
    if sampling := run.request.get("sampling"):
        details["sampling"] = json.dumps(sampling)
    return {"generation_args": told, "additional_details": details}


def _samples(run: Run, model: str) -> Iterator[dict[str, Any]]:
    value, scorer = facts.worth(run), run.protocol.get("scorer") or {}
    best = facts.best(run)
    rule = str(scorer.get("extractor") or str(scorer.get("_target_", "custom")).rpartition(".")[2])
    for record in run.records:
        score = value(record)
        if score is not None and record.response is not None:
            line = _sample(record, score, best, rule, "llm_judge" if facts.judge_model(run) else "")
            ids = {"schema_version": VERSION, "evaluation_id": _id(run, model), "model_id": model}
            ids["evaluation_name"] = run.task
            ids["evaluation_result_id"] = f"{run.id}:{run.task}:{run.summary.headline}"
            yield ids | line


def _sample(
    record: Record, score: float, best: float | None, rule: str, judge: str
) -> dict[str, Any]:
    question, response = record.question, record.response
    assert response is not None  # the caller's condition
    wanted = facts.targets(question.target)
    raw = "\n".join([question.text, *question.options])
    used = response.usage
    tokens = None
    if used and used.input is not None and used.output is not None:
        tokens = {"input_tokens": used.input, "output_tokens": used.output}
        tokens["total_tokens"] = used.input + used.output
    answer = record.score.answer if record.score else None
    attributed = {
        "turn_idx": 0,
        "source": "output.raw",
        "extracted_value": "" if answer is None else tables.plain(answer),
        "extraction_method": judge or rule,
        "is_terminal": True,
    }
    return {
        "sample_id": record.key,
        "sample_hash": hashlib.sha256(
            (raw + "".join(wanted)).encode("utf-8", "replace")
        ).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": raw, "formatted": record.prompt, "reference": wanted,
                  "choices": list(question.options) or None},
        "output": {"raw": [response.text],
                   "reasoning_trace": [response.thinking] if response.thinking else None},
        "messages": None,
        "answer_attribution": [attributed],
        "evaluation": {"score": score, "is_correct": score == best},
        "token_usage": tokens,
        "performance": {"latency_ms": 1000 * response.seconds},
        "metadata": {"video": record.video, "status": record.status,
                     "frame_times": json.dumps(record.times)},
    }  # fmt: skip


def _id(run: Run, model: str) -> str:
    return f"{run.task}/{model.replace('/', '_')}/{facts.started(run).timestamp()!s}"


def _portable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "unknown"
