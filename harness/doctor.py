"""``python -m harness.doctor KEY=VALUE …``: does sharing a clip change this model's answers?

The questions of a few clips (limit=4 unless said otherwise) are asked the shared way and four other
ways; a table says how many answers flipped and by how much logits differ. Exits with 1 when
the difference is more than rounding, with 2 when the request cannot be run.
"""

from __future__ import annotations

import sys

from harness.report.command import complain, ends

CLIPS = 4


def main() -> int:
    """Examines the request's model. 0: sound; 1: it is not."""
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(__doc__)
        return 0

    from harness.models.transformers import Transformers
    from harness.config import compose
    from harness.errors import RequestError
    from harness.run.request import Request
    from harness.types import Clip
    from harness.video.prefetch import Prefetcher
    from harness.run.loading import arranged, select, watch

    def skip(clip: Clip, reason: str) -> None:
        complain(f"clip {clip.id} is left out: {reason}")

    request: Request = compose(words)
    backend = request.backend
    if not isinstance(backend, Transformers):
        raise RequestError("backend: the doctor examines backend=transformers only")
    clips = select(request.benchmark.clips(), request.limit or CLIPS)
    options = request.video
    from harness.models.transformers.proof import examine

    with Prefetcher(options.workers, options.timeout, options.in_flight) as reader:
        chosen = arranged(clips, request.control, request.permute_options)
        watched = list(watch(chosen, request, reader, skip))
    verdict = examine(backend.load(), watched, request.decoding, request.model)
    print(verdict)
    return int(not verdict.sound)


if __name__ == "__main__":
    ends(main)
