"""Does sharing a clip change this model's answers? Is a served model the one it is named after?

The questions of a few clips (limit=4 unless said otherwise) are asked the shared way and four other
ways; a table says how many answers flipped and by how much logits differ. With
backend=openai or backend=vllm they are asked of the served model and of the same checkpoint on
transformers. What was found is kept beside the run (doctor.json), where the leaderboard finds it.
Exits with 1 when the difference is more than rounding, with 2 when the request cannot
be run.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.cli.completion import add_settings

if TYPE_CHECKING:
    from harness.models.transformers import Transformers
    from harness.run.request import Request
    from harness.types import Clip, Failure, Sample

    Found = tuple[bool, dict[str, Any]]

CLIPS = 4


def parser() -> argparse.ArgumentParser:
    """The words of ``harness doctor``."""
    formatter = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        prog="harness doctor", description=__doc__, formatter_class=formatter
    )
    add_settings(made)
    return made


def main(argv: Sequence[str]) -> int:
    """Examines the request's model, prints what was found and keeps it beside the run. 0: sound;
    1: it is not."""
    words = parser().parse_args(argv).settings

    from harness.config import compose
    from harness.models.openai import OpenAI
    from harness.models.vllm import VLLM
    from harness.report import serving

    request = compose(words)
    ours = _ours(request)
    samples = _samples(request)
    if isinstance(request.backend, OpenAI | VLLM):
        sound, found = _served(request, ours, samples)
    else:
        sound, found = _shared(request, ours, samples)
    for path in serving.keep(found, request.identity(), request.folder()):
        print(f"kept in {path}")
    return int(not sound)


def _ours(request: Request) -> Transformers:
    """The model on transformers. Raises RequestError where there is none."""
    from harness.errors import RequestError
    from harness.models.openai import OpenAI
    from harness.models.transformers import Transformers
    from harness.models.vllm import VLLM

    backend = request.backend
    ours = backend.reference if isinstance(backend, OpenAI | VLLM) else backend
    if not isinstance(ours, Transformers):
        raise RequestError(
            "backend: the doctor examines backend=transformers, and served models whose checkpoint "
            "model= names"
        )
    return ours


def _samples(request: Request) -> list[Sample]:
    """A few clips with their frames and prompts; one that cannot be read is said and left out."""
    from harness.cli.ending import complain
    from harness.controls import asked
    from harness.run.loading import load
    from harness.subset import select
    from harness.video.prefetch import Prefetcher

    def skip(clip: Clip, failure: Failure) -> None:
        complain(f"clip {clip.id} is left out: {failure.reason}")

    clips = select(request.benchmark.clips(), request.limit or CLIPS)
    options = request.video
    with Prefetcher(options.workers, options.timeout, options.in_flight) as reader:
        chosen = asked(clips, request.control, request.permute_options)
        return list(load(chosen, request, reader, skip))


def _served(request: Request, ours: Transformers, samples: list[Sample]) -> Found:
    from harness.models.openai.proof import compare

    found = compare(request.backend, ours, samples, request.generation, request.model)
    print(found)
    counts = {name: len(getattr(found, name)) for name in ("flips", "failed")}
    told = {"questions": found.questions, **counts, "largest": found.largest}
    return found.sound, {"clips": len(samples), "served": told | {"sound": found.sound}}


def _shared(request: Request, ours: Transformers, samples: list[Sample]) -> Found:
    from harness.models.transformers.proof import examine

    verdict = examine(ours.load(), samples, request.generation, request.model)
    print(verdict)
    ways = [dataclasses.asdict(found) for found in verdict.comparisons]
    return verdict.sound, {"clips": len(samples), "shared": ways, "sound": verdict.sound}
