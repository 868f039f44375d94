"""What is set and not used is an error: the run would not be the one that was asked for.

All functions raise RequestError and read ``said``, the dotted keys of the command line; what a YAML
file sets beyond need (a card's top_p beside temperature 0) is not held against anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields
from typing import Any

from harness.errors import RequestError
from harness.names import nearest
from harness.overrides import yaml_texts
from harness.targets import locate
from harness.task import Task
from harness.types import JudgedScorer

_CARDS = ("generation", "sampling")
OF_MODEL = {"name", *_CARDS}
"""Keys of a model's YAML that are not settings of its class."""
_CARD = "harness.models.transformers.Transformers"
"""The class whose fields a model's YAML may set, whatever backend runs it."""
_DRAWING = ("top_p", "top_k", "min_p", "seed")


def refuse_unused(
    settings: Mapping[str, Any], raw: Mapping[str, Any], said: Set[str], chosen: Mapping[str, Any]
) -> None:
    """Settings that other settings are to refer to (``${data}``), and none does.

    ``raw`` is the composed configuration before references are resolved; ``chosen`` {group: name}.
    """
    task, backend = chosen.get("task"), chosen.get("backend")
    elsewhere = "data" not in said and any(key.startswith("task.source") for key in said)
    if settings.get("data") is not None and not reads(raw, "data") and not elsewhere:
        raise RequestError(
            f"data={settings['data']}: task={task} does not read it: "
            "its YAML needs path: ${data} in its source"
        )
    if "frames" in said and not reads(raw.get("sampling"), "frames"):
        raise RequestError(
            f"frames={settings['frames']}: sampling={chosen.get('sampling')} sets its own number "
            "of frames: set sampling.frames instead"
        )
    taken = "_model_" in (raw.get("backend") or {})
    for key in sorted(said):
        top, _, inner = key.partition(".")
        group = inner.partition(".")[0]
        if top != "model" or not inner:
            continue
        if group in _CARDS:
            _refuse_card(key, group, raw, chosen)
        elif inner not in OF_MODEL and not taken and not reads(raw, key):
            raise RequestError(f"{key}: backend={backend} does not use it")
    if not taken:
        _refuse_unknown(settings, raw, chosen)


def _refuse_card(key: str, group: str, raw: Mapping[str, Any], chosen: Mapping[str, Any]) -> None:
    """A setting of the model's card where the card is not what is followed."""
    own = raw.get(group)
    if not (isinstance(own, Mapping) and "_model_" in own) and not reads(raw, key):
        field = key.removeprefix(f"model.{group}").lstrip(".") or "KEY"
        known = own if isinstance(own, Mapping) else {}
        instead = f", or {group}.{field}=VALUE" if field in known else nearest(field, known)
        raise RequestError(
            f"{key}: {group}={chosen.get(group)} does not use the model's card: write "
            f"{group}=card too{instead}"
        )


def _refuse_unknown(
    settings: Mapping[str, Any], raw: Mapping[str, Any], chosen: Mapping[str, Any]
) -> None:
    """A key of the model's YAML that neither a checkpoint's card has, nor any setting refers to,
    nor another backend: beside a fake one the card waits for its own."""
    model = settings.get("model")
    if not isinstance(model, Mapping) or reads(raw, "model"):
        return
    keys = [key for key in map(str, model) if key not in OF_MODEL and key[0] != "_"]
    if left := [key for key in keys if not reads(raw, f"model.{key}")]:
        known = {field.name for field in fields(locate(_CARD, "model"))}
        others = yaml_texts("backend")
        for key in left:
            if key not in known and not reads(others, f"model.{key}"):
                raise RequestError(
                    f"model.{key}: configs/model/{chosen.get('model')}.yaml sets it, and "
                    f"backend={chosen.get('backend')} does not use it{nearest(key, known, few=0)}"
                )


def refuse_idle(settings: Mapping[str, Any], said: Set[str]) -> None:
    """Settings that have no effect beside the others."""
    generation, video = settings["generation"], settings.get("video") or {}
    if generation.get("letters"):
        why = "letters are compared, nothing is generated: use another generation"
        _refuse(said, generation, "generation", ("temperature", "beams", *_DRAWING), why)
    elif not generation.get("temperature"):
        why = "nothing is drawn at temperature 0: set generation.temperature too"
        _refuse(said, generation, "generation", _DRAWING, why)
    if not video.get("store"):
        _refuse(said, video, "video", ("store_gb",), "no frames are kept: set video.store too")
    if video.get("workers") == 0:
        why = "nothing is read ahead without workers: set video.workers too"
        _refuse(said, video, "video", ("in_flight",), why)
    if video.get("decoder", "pyav") != "pyav":
        why = f"video.decoder={video['decoder']} cannot tell a damaged video from a sound one"
        _refuse(said, video, "video", ("damaged",), why)


def refuse_idle_judge(task: Task) -> None:
    """A judge beside a scorer that asks none."""
    if not isinstance(task.scorer, JudgedScorer):
        scorer = type(task.scorer).__name__
        raise RequestError(f"judge: {scorer}, the scorer of task {task.name}, asks no judge")


def _refuse(
    said: Set[str], settings: Mapping[str, Any], group: str, keys: tuple[str, ...], why: str
) -> None:
    for key in keys:
        if f"{group}.{key}" in said:
            raise RequestError(f"{group}.{key}={settings.get(key)}: {why}")


def reads(raw: Any, key: str) -> bool:
    """Whether any value refers to a key: ``${data}``, ``${oc.select:data,null}``."""
    pattern = re.compile(rf"(?<!\\)\$\{{(oc\.select:\s*)?{re.escape(key)}\s*[,}}]")
    return any(pattern.search(text) for text in _texts(raw))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
