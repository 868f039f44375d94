"""A run's protocol in words: what was shown, asked, said, read and judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.report.runs import Run
from harness.report.tables import short

_USUAL = {"limit": None, "control": "none", "permute_options": 1, "repeats": 1}


def protocol(run: Run) -> list[tuple[str, str]]:
    """Labelled lines, from the request; a part that the request does not tell is left out."""
    lines = [
        ("Benchmark", _benchmark(run)),
        ("Frames", _frames(run)),
        ("Generation", _generation(run.request.get("generation") or {})),
        ("Answer", _scorer(run.protocol.get("scorer") or {})),
        ("Judge", _judge(run.request.get("judge"))),
        ("Asked otherwise", ", ".join(_unusual(run))),
        ("Model", _settings(run.request.get("backend") or {})),
    ]
    return [(label, line) for label, line in lines if line]


def template(run: Run) -> str:
    """The prompt's template as the protocol has it; empty where the request does not tell."""
    prompt = run.protocol.get("prompt")
    return str(prompt.get("template", "")) if isinstance(prompt, Mapping) else ""


def _benchmark(run: Run) -> str:
    variant, data = run.protocol.get("protocol"), run.request.get("data") or {}
    told = f"{run.task}, protocol {variant}" if variant else run.task
    return "; ".join([told, *(f"{k} {short(str(v), 24)}" for k, v in data.items())])


def _frames(run: Run) -> str:
    sampling, video = run.request.get("sampling") or {}, run.request.get("video") or {}
    count = sampling.get("frames", run.frames)
    parts = [f"{count} a video" if count is not None else "as many as the rule takes"]
    if rule := sampling.get("rule"):
        parts.append(f"chosen by {rule}")
    if size := video.get("size"):
        parts.append(f"size {size}")
    if decoder := video.get("decoder"):
        parts.append(f"read by {decoder}")
    return ", ".join(parts)


def _generation(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    if found.get("letters"):
        return "no text: the option letters' log-probabilities are compared"
    heat = found.get("temperature") or 0
    how = f"sampled at temperature {heat}, top_p {found.get('top_p')}" if heat else "greedy"
    if (found.get("beams") or 1) > 1:
        how = f"{found['beams']} beams"
    return f"{how}, up to {found.get('max_new_tokens')} new tokens, seed {found.get('seed', 0)}"


def _scorer(found: Any) -> str:
    if not isinstance(found, Mapping):
        return ""
    name = str(found.get("_target_", "")).rpartition(".")[2]
    extractor = found.get("extractor")
    return f"{name}, extraction rule “{extractor}”" if extractor else name


def _judge(found: Any) -> str:
    if isinstance(found, Mapping):
        return _settings(found)
    return short(json.dumps(found, ensure_ascii=False), 300) if found else ""


def _unusual(run: Run) -> list[str]:
    told = [(name, run.identity.get(name, usual), usual) for name, usual in _USUAL.items()]
    return [f"{name}={value}" for name, value, usual in told if value != usual]


def _settings(found: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in found.items() if v is not None and not isinstance(v, Mapping)}
    return ", ".join(f"{k} {short(str(v), 16)}" for k, v in plain.items())
