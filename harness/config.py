"""The door at which Hydra stops: KEY=VALUE words and YAML files in, a checked ``Request`` out."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from harness.build import build, build_as, check
from harness.config_errors import as_request_error
from harness.errors import RequestError
from harness.names import DISTRIBUTION, nearest
from harness.overrides import GROUPS, config_folders, key_of, literal, prepared, top_level_keys
from harness.ranges import refuse_beyond
from harness.run.judge_options import judge_named, judge_options
from harness.run.request import RayOptions, Request, VideoOptions
from harness.types import Generation, Model
from harness.unused import OF_MODEL, reads, refuse_idle, refuse_idle_judge, refuse_unused
from harness.video.sampling import Sampling

_NAME = re.compile(r"[\w.\-]+(/[\w.\-]+)*")
_EXTRA_DECODERS = ("decord", "torchcodec")
_OBJECTS = ("task", "model", "backend", "judge", "sampling", "generation", "video", "ray")
_NOT_IN_REQUEST = {"data", "frames", "plan"}
_COMMITS = (
    ("model.checkpoint", "model.revision", None),
    ("judge.checkpoint", "judge.revision", None),
    ("task.source.repo", "task.source.revision", ""),
)


def compose(overrides: Sequence[str]) -> Request:
    """The request that ``python -m harness OVERRIDES`` would run. Raises RequestError.

    Hydra's global state is as before afterwards."""
    with as_request_error():
        return request_from(_composed(prepared(overrides)))


def _composed(words: Sequence[str]) -> DictConfig:
    """What Hydra makes of the words, with its own node; its global state is as before."""
    register()
    before = GlobalHydra.instance().hydra
    mine, built_in = config_folders()[:-1], config_folders()[-1]
    search = [f"hydra.searchpath=[{','.join(f'file://{path}' for path in mine)}]"] if mine else []
    try:
        GlobalHydra.instance().clear()
        with as_request_error(), initialize_config_dir(str(built_in), version_base="1.3"):
            return hydra_compose("config", [*words, *search], return_hydra_config=True)
    finally:
        GlobalHydra.instance().hydra = before


def rescoring(
    settings: Mapping[str, Any], words: Sequence[str], changeable: Sequence[str]
) -> dict[str, Any]:
    """A finished run's task and judge with some fields changed by KEY=VALUE words (``judge=NAME``).

    Raises RequestError for a key outside ``changeable``: the responses would be others."""
    for word in words:
        key = key_of(word)
        if not any(key == known or key.startswith(f"{known}.") for known in changeable):
            raise RequestError(
                f"{key}: decides the responses, which stay as they are; {', '.join(changeable)} "
                "can be changed"
            )
    told = prepared(words)
    changed = OmegaConf.create(literal(settings))
    judged = [word for word in told if key_of(word).partition(".")[0] == "judge"]
    if any(key_of(word) == "judge" for word in judged):
        changed["judge"] = _composed(judged).judge
        judged = []
    rest = [word for word in told if key_of(word).startswith("task.")]
    parse = OverridesParser.create().parse_override
    for override in map(parse, [*rest, *judged]):
        key, value = override.key_or_group, override.value()
        whole = isinstance(value, dict) and "_target_" in value
        with as_request_error():
            OmegaConf.update(changed, key, value, merge=not whole, force_add=True)
    return _plain(changed, resolve=True)


def register() -> None:
    """Tells OmegaConf the ``package:`` resolver. Safe to repeat."""
    OmegaConf.register_new_resolver("package", _package_folder, replace=True)


def request_from(config: DictConfig) -> Request:
    """Resolves and checks a composed configuration (with Hydra's node). Raises RequestError."""
    hydra = config.hydra if "hydra" in config else HydraConfig.get()
    chosen = {str(key): value for key, value in hydra.runtime.choices.items()}
    _refuse_hidden(chosen)
    said = {key_of(word) for word in hydra.overrides.task}
    keys = [str(key) for key in config if key != "hydra"]
    request = OmegaConf.masked_copy(config, keys)
    _forget_commits(request, said)
    raw, plain = _plain(request, resolve=False), _plain(request, resolve=True)
    _refuse_unknown(plain, raw)
    refuse_unused(plain, raw, said, chosen)
    names = _names(plain, chosen)
    merged = {key: with_model(plain, key) for key in ("backend", "generation", "sampling")}
    merged["backend"].pop("_name_", None)
    settings = {**plain, **merged, "video": _mapping(plain, "video")}
    refuse_idle(settings, said)
    _refuse_missing(settings)
    of_card = {key: of.keys() - _mapping(plain, key).keys() for key, of in merged.items()}
    return _request(names, settings, of_card)


def _plain(config: Any, *, resolve: bool) -> dict[str, Any]:
    settings = OmegaConf.to_container(config, resolve=resolve, throw_on_missing=resolve)
    return {str(k): v for k, v in settings.items()} if isinstance(settings, dict) else {}


def _request(
    names: Mapping[str, Any], settings: dict[str, Any], of_card: Mapping[str, Collection[str]]
) -> Request:
    refuse_beyond(settings)
    given = {
        key: value
        for key, value in settings.items()
        if key not in _NOT_IN_REQUEST and key not in _OBJECTS
    }
    task = build(_mapping(settings, "task"), "task")
    if settings["generation"].get("max_new_tokens") is None:
        settings["generation"]["max_new_tokens"] = task.max_new_tokens
    built: dict[str, Any] = {"benchmark": task}
    with _named_as_the_card("backend", of_card):
        built["backend"] = _model(settings["backend"], "backend")
    for group, cls in (("sampling", Sampling), ("generation", Generation)):
        with _named_as_the_card(group, of_card):
            built[group] = build_as(cls, _mapping(settings, group), group)
    built |= {
        "video": build_as(VideoOptions, _mapping(settings, "video"), "video"),
        "ray": build_as(RayOptions, _mapping(settings, "ray"), "ray"),
    }
    if settings.get("judge") is not None:
        model, built["judging"] = judge_options(_mapping(settings, "judge"))
        with judge_named():
            built["judge"] = _model(model, "judge")
        refuse_idle_judge(task)
    return Request(**names, **built, settings=settings, **check(Request, given))


def _model(settings: Mapping[str, Any], where: str) -> Model:
    """A model, built. Raises RequestError for a class that lacks a member which a model has."""
    made = build(settings, where)
    if lacking := [name for name in ("identity", "generate") if not hasattr(made, name)]:
        name = type(made).__name__
        raise RequestError(f"{where}: {name} has no {' and no '.join(lacking)}(): a model has both")
    return cast("Model", made)


@contextmanager
def _named_as_the_card(group: str, of_card: Mapping[str, Collection[str]]) -> Iterator[None]:
    """What is wrong with a key of the group that the model's card has set is said by the name that
    it has there. Raises RequestError."""
    try:
        yield
    except RequestError as error:
        key = re.split(r"[.:=]", str(error).removeprefix(f"{group}."), maxsplit=1)[0]
        if key in of_card[group]:
            there = "model" if group == "backend" else f"model.{group}"
            raise RequestError(str(error).replace(f"{group}.", f"{there}.")) from error
        raise


def with_model(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A group's settings over what the model's own YAML says of them (``_model_: ${model}``)."""
    own = _mapping(settings, key)
    if "_model_" not in own:
        return own
    model = own.pop("_model_")
    if not isinstance(model, Mapping):
        raise RequestError(f"{key}: this model's YAML has no {key} settings of its card")
    given = {k: v for k, v in model.items() if k not in OF_MODEL}
    return {**given, **own}


def _names(settings: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, str]:
    """What the run's folders and tables call the task and the model."""
    model = settings["backend"].get("_name_") or settings["model"].get("name") or chosen["model"]
    names = {"task": str(chosen["task"]), "model": str(model)}
    for group, name in names.items():
        if not _NAME.fullmatch(name) or ".." in name:
            raise RequestError(f"{group}={name}: a name has letters, digits, _ - . and / only")
    return names


def _mapping(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = settings.get(key)
    if not isinstance(value, dict):
        raise RequestError(f"{key}={value!r}: write {key}=NAME, or set its keys: {key}.KEY=VALUE")
    return dict(value)


def _refuse_unknown(settings: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """A top-level key from a YAML file that nothing knows and nothing refers to."""
    for key in settings:
        if key not in top_level_keys() and key not in GROUPS and not reads(raw, key):
            raise RequestError(f"{key}: no such setting{nearest(key, top_level_keys())}")
    if "task" in _mapping(settings, "task"):
        raise RequestError(
            "task.task: no such setting: the first line of the task's YAML has to be "
            "# @package _global_"
        )


def _forget_commits(config: DictConfig, said: Set[str]) -> None:
    """A YAML's revision is a commit of what the YAML names: of another checkpoint or data set,
    named by KEY=VALUE, the newest is taken unless its revision is named too."""
    for named, revision, newest in _COMMITS:
        if named in said and revision not in said and OmegaConf.select(config, revision):
            OmegaConf.update(config, revision, newest)


def _refuse_hidden(chosen: Mapping[str, Any]) -> None:
    """A file of the working folder that a built-in one of the same name would hide."""
    *mine, built_in = config_folders()
    for group, name in chosen.items():
        file = f"{group}/{name}.yaml"
        if group in GROUPS and mine and all((p / file).is_file() for p in (mine[0], built_in)):
            raise RequestError(
                f"{group}={name}: configs/{file} has the name of a built-in one; rename it"
            )


def _refuse_missing(settings: Mapping[str, Any]) -> None:
    """Optional packages that the request needs, before anything is fetched or planned."""
    decoder = settings["video"].get("decoder")
    if decoder in _EXTRA_DECODERS and importlib.util.find_spec(decoder) is None:
        raise RequestError(
            f"video.decoder={decoder}: {decoder} is not installed: "
            f"pip install '{DISTRIBUTION}[{decoder}]', or write video.decoder=pyav"
        )


def _package_folder(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RequestError(f"${{package:{name}}}: no such installed package")
    return next(iter(spec.submodule_search_locations))
