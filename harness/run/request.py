"""A request: everything a run needs, built and checked, with no trace of how it was configured."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.controls import Control
from harness.errors import RequestError
from harness.identity import describe, digest
from harness.run.judge_options import PLAIN, JudgeOptions, judge_named
from harness.task import Task
from harness.types import Generation, Model
from harness.video.sampling import Sampling

_SHARD = re.compile(r"\d+/[1-9]\d*")


@dataclass(frozen=True)
class VideoOptions:
    """How frames are read.

    ``size``: "full" hands frames over as they were filmed, as papers did; "model" lets the
    decoder bring them to the size that the model's processor makes of them: by the processor's own
    function where it knows videos (the same to the bit, a clip never in memory at full size), by
    the decoder's for LLaVA-NeXT's own ways (faster, pixels differ slightly).
    ``decoder``: pyav, or torchcodec | decord to reproduce numbers made with those.
    ``damaged``: "fail" or "partial". ``timeout``: seconds one clip may take.
    ``workers``: decoding processes (null: one per core; 0: none, read in this process).
    ``in_flight``: clips decoded ahead
    (null: two more than the workers). ``store``: a folder that keeps decoded frames, of at most
    ``store_gb`` gigabytes.
    """

    size: Literal["full", "model"] = "full"
    decoder: Literal["pyav", "torchcodec", "decord"] = "pyav"
    damaged: Literal["fail", "partial"] = "fail"
    timeout: float = 300.0
    workers: int | None = None
    in_flight: int | None = None
    store: str | None = None
    store_gb: float = 50.0


@dataclass(frozen=True)
class RayOptions:
    """How ``workers`` models run on a Ray cluster, each in an actor of its own.

    ``address`` of the cluster (null: the one of this machine, started where there is none);
    ``gpus`` and ``cpus`` that one model needs.
    """

    address: str | None = None
    gpus: float = 0.0
    cpus: float = 1.0


@dataclass(frozen=True)
class Request:
    """One run: a benchmark under a protocol, a model behind a backend, and how it is asked."""

    task: str
    model: str
    benchmark: Task
    backend: Model
    sampling: Sampling
    generation: Generation
    video: VideoOptions
    settings: Mapping[str, Any]
    judge: Model | None = None
    judging: JudgeOptions = PLAIN
    results: Path = Path("results")
    limit: int | None = None
    control: Control = "none"
    permute_options: int = 1
    repeats: int = 1
    workers: int = 1
    runner: Literal["local", "ray"] = "local"
    ray: RayOptions = RayOptions()
    shard: str | None = None
    allow_failures: bool = False
    retry_failures: bool = True
    allow_overflow: bool = False

    def __post_init__(self) -> None:
        """Raises RequestError for a shard that is none."""
        if self.shard is not None and not _SHARD.fullmatch(self.shard):
            raise RequestError(f"shard={self.shard}: write i/n, as in 0/8 for the first of eight")
        if self.part is not None and not self.part[0] < self.part[1]:
            raise RequestError(
                f"shard={self.shard}: the last of {self.part[1]} is "
                f"{self.part[1] - 1}/{self.part[1]}: they are numbered from 0"
            )

    @property
    def part(self) -> tuple[int, int] | None:
        """``shard`` as its number (from 0) and how many there are; None: all of it."""
        if self.shard is None:
            return None
        number, _, of = self.shard.partition("/")
        return int(number), int(of)

    def identity(self) -> dict[str, Any]:
        """What decides the answers and their scores, from the objects themselves: every field,
        defaults included. Equal identities share a run folder.

        Where it runs, on how many workers, which shard of it, where its data lie on this machine
        and what is done about failures are left out. Raises ModelError and DataError.
        """
        protocol = {k: v for k, v in describe(self.benchmark).items() if k != "source"}
        video = self.video
        with judge_named():
            judge = dict(self.judge.identity()) if self.judge is not None else None
        return {
            "task": self.task,
            "protocol": protocol,
            "data": dict(self.benchmark.identity()),
            "model": self.model,
            "backend": dict(self.backend.identity()),
            "sampling": dataclasses.asdict(self.sampling),
            "generation": dataclasses.asdict(self.generation),
            "video": {"size": video.size, "decoder": video.decoder, "damaged": video.damaged},
            "limit": self.limit,
            "control": self.control,
            "permute_options": self.permute_options,
            "repeats": self.repeats,
            "judge": judge,
        }

    def folder(self) -> Path:
        """``results/<task>/<model>/<run id>``: the id is a hash of the identity."""
        return self.results / self.task / self.model / run_id(self.identity())


def run_id(identity: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the identity's canonical JSON."""
    return digest(dict(identity))
