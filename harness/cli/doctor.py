"""Does sharing a clip change this model's answers? Is a served model the one it is named after?

The questions of a few clips (limit=4 unless said otherwise) are asked the shared way and four other
ways; a table says how many answers flipped and by how much logits differ. With
backend=openai or backend=vllm they are asked of the served model and of the same checkpoint on
transformers. Exits with 1 when the difference is more than rounding, with 2 when the request cannot
be run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from harness.cli.completion import add_settings

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
    """Examines the request's model. 0: sound; 1: it is not."""
    words = parser().parse_args(argv).settings

    from harness.cli.ending import complain
    from harness.config import compose
    from harness.controls import asked
    from harness.errors import RequestError
    from harness.models.openai import OpenAI
    from harness.models.transformers import Transformers
    from harness.models.vllm import VLLM
    from harness.run.loading import load
    from harness.subset import select
    from harness.types import Clip, Failure
    from harness.video.prefetch import Prefetcher

    def skip(clip: Clip, failure: Failure) -> None:
        complain(f"clip {clip.id} is left out: {failure.reason}")

    request = compose(words)
    backend = request.backend
    served = isinstance(backend, OpenAI | VLLM)
    ours = backend.reference if isinstance(backend, OpenAI | VLLM) else backend
    if not isinstance(ours, Transformers):
        raise RequestError(
            "backend: the doctor examines backend=transformers, and served models whose checkpoint "
            "model= names"
        )
    clips = select(request.benchmark.clips(), request.limit or CLIPS)
    options = request.video
    with Prefetcher(options.workers, options.timeout, options.in_flight) as reader:
        chosen = asked(clips, request.control, request.permute_options)
        samples = list(load(chosen, request, reader, skip))
    if served:
        from harness.models.openai.proof import compare

        found = compare(backend, ours, samples, request.generation, request.model)
        print(found)
        return int(not found.sound)
    from harness.models.transformers.proof import examine

    verdict = examine(ours.load(), samples, request.generation, request.model)
    print(verdict)
    return int(not verdict.sound)
