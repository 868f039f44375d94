"""The request's schema, and the door at which Hydra stops: ``DictConfig`` in, ``Request`` out."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from harness.build import build, nearest
from harness.choices import choices, folders
from harness.errors import RequestError
from harness.run.request import CONTROLS, Request, VideoOptions
from harness.types import Decoding
from harness.video.sampling import Sampling

SETTING_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
_NAME = re.compile(r"[\w.\-]+(/[\w.\-]+)*")


@dataclass
class VideoSchema:
    """See ``harness.run.request.VideoOptions``."""

    size: str = "full"
    decoder: str = "pyav"
    damaged: str = "fail"
    timeout: float = 300.0
    workers: int | None = None
    in_flight: int | None = None
    store: str | None = None
    store_gb: float = 50.0


@dataclass
class Schema:
    """Every key of a request, with its type. configs/config.yaml holds the defaults."""

    task: Any = MISSING
    model: Any = MISSING
    backend: Any = MISSING
    sampling: Any = MISSING
    decoding: Any = MISSING
    frames: int = 8
    limit: int | None = None
    data: str | None = None
    control: str = "none"
    permute_options: int = 1
    results: str = "results"
    workers: int = 1
    plan: bool = False
    allow_failures: bool = False
    retry_failures: bool = True
    allow_overflow: bool = False
    video: VideoSchema = field(default_factory=VideoSchema)


def register() -> None:
    """Tells Hydra the schema, and OmegaConf the ``package:`` resolver. Safe to repeat."""
    ConfigStore.instance().store(name="schema", node=Schema)
    OmegaConf.register_new_resolver("package", _package_folder, replace=True)


def compose(overrides: Sequence[str]) -> Request:
    """The request that ``python -m harness OVERRIDES`` would run. Raises RequestError."""
    register()
    mine, built_in = folders()[:-1], folders()[-1]
    search = [f"hydra.searchpath=[{','.join(f'file://{path}' for path in mine)}]"] if mine else []
    try:
        with initialize_config_dir(str(built_in), version_base="1.3"):
            config = hydra_compose("config", [*overrides, *search], return_hydra_config=True)
            HydraConfig.instance().set_config(config)
            return request_from(config)
    except SETTING_ERRORS as error:
        raise RequestError(explain(error)) from error


def request_from(config: DictConfig) -> Request:
    """Resolves and checks a composed configuration. Raises RequestError."""
    keys = [str(key) for key in config if key != "hydra"]
    settings = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True)
    assert isinstance(settings, dict)
    chosen = HydraConfig.get().runtime.choices
    model = settings["model"].get("name") or chosen["model"]
    names = {"task": str(chosen["task"]), "model": str(model)}
    for group, name in names.items():
        if not _NAME.fullmatch(name) or ".." in name:
            raise RequestError(f"{group}={name}: a name has letters, digits, _ - . and / only")
    return _request(names, {str(key): value for key, value in settings.items()})


def explain(error: Exception) -> str:
    """One line for what Hydra or OmegaConf said in many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.removesuffix(".yaml").partition("/")
        return f"{group}={name}: no such {group}{nearest(name, choices(group))}"
    if found := re.search(r"Could not override '([^']+)'", text):
        key = found[1]
        return f"{key}: no such key{nearest(key, _known_keys())}"
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        said = str(cause).splitlines()[0]
        return f"{cause.full_key}: {said}" if cause.full_key else said
    return text


def _request(names: dict[str, str], settings: dict[str, Any]) -> Request:
    for key, low in (("frames", 1), ("permute_options", 1), ("workers", 1), ("limit", 1)):
        if settings[key] is not None and settings[key] < low:
            raise RequestError(f"{key}={settings[key]}: write {low} or more")
    if settings["control"] not in CONTROLS:
        near = nearest(settings["control"], CONTROLS)
        raise RequestError(f"control={settings['control']}: no such control{near}")
    built = {
        "benchmark": build(settings["task"], "task"),
        "backend": build(settings["backend"], "backend"),
        "sampling": build(_as(Sampling, settings["sampling"]), "sampling"),
        "decoding": build(_as(Decoding, settings["decoding"]), "decoding"),
        "video": build(_as(VideoOptions, settings["video"]), "video"),
    }
    same = ("limit", "control", "permute_options", "workers")
    flags = ("allow_failures", "retry_failures", "allow_overflow")
    return Request(
        task=names["task"],
        model=names["model"],
        settings=settings,
        results=Path(settings["results"]),
        **built,
        **{key: settings[key] for key in (*same, *flags)},
    )


def _as(cls: type, settings: dict[str, Any]) -> dict[str, Any]:
    return {"_target_": f"{cls.__module__}.{cls.__qualname__}", **settings}


def _known_keys() -> list[str]:
    video = (f"video.{name}" for name in VideoSchema.__dataclass_fields__)
    return [*Schema.__dataclass_fields__, *video]


def _package_folder(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RequestError(f"${{package:{name}}}: no such installed package")
    return next(iter(spec.submodule_search_locations))
