"""Does sharing a clip change this model's answers?

The questions of a few clips (limit=4 unless said otherwise) are asked the shared way and four other
ways; a table says how many answers flipped and by how much logits differ. Exits with 1 when
the difference is more than rounding, with 2 when the request cannot be run.
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
    from harness.models.transformers import Transformers
    from harness.run.loading import load
    from harness.subset import select
    from harness.types import Clip, Failure
    from harness.video.prefetch import Prefetcher

    def skip(clip: Clip, failure: Failure) -> None:
        complain(f"clip {clip.id} is left out: {failure.reason}")

    request = compose(words)
    backend = request.backend
    if not isinstance(backend, Transformers):
        raise RequestError("backend: the doctor examines backend=transformers only")
    clips = select(request.benchmark.clips(), request.limit or CLIPS)
    options = request.video
    from harness.models.transformers.proof import examine

    with Prefetcher(options.workers, options.timeout, options.in_flight) as reader:
        chosen = asked(clips, request.control, request.permute_options)
        samples = list(load(chosen, request, reader, skip))
    verdict = examine(backend.load(), samples, request.generation, request.model)
    print(verdict)
    return int(not verdict.sound)
