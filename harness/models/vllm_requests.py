"""What vLLM is handed in this process: a prompt's token ids, its frames' times, how to sample."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from harness.errors import ModelError
from harness.models.openai.checks import MOST_LOGPROBS
from harness.models.openai.requests import CLOCK, seed
from harness.types import Generation, Sample


def sampling(generation: Generation, key: str) -> Any:
    """vLLM's sampling parameters."""
    make = module("vllm").SamplingParams
    if generation.letters:
        return make(temperature=0.0, max_tokens=1, logprobs=MOST_LOGPROBS)
    return make(
        temperature=generation.temperature,
        top_p=generation.top_p,
        top_k=generation.top_k,
        min_p=generation.min_p,
        presence_penalty=generation.presence_penalty,
        repetition_penalty=generation.repetition_penalty,
        seed=seed(generation.seed, key) if generation.temperature > 0 else None,
        max_tokens=generation.max_new_tokens,
    )


def folded(tokens: Sequence[int]) -> list[int]:
    """Token ids with the longest run of one token as a single one, which vLLM unfolds again to
    what the video takes; as they are where no token is repeated.

    >>> folded([1, 5, 5, 5, 7])
    [1, 5, 7]
    """
    runs = [(token, len(list(run))) for token, run in groupby(tokens)]
    token, longest = max(runs, key=lambda run: run[1])
    if longest == 1 or Counter(tokens)[token] != longest:
        return list(tokens)
    return [t for t, n in runs for t in [t] * (1 if t == token else n)]


def metadata(sample: Sample) -> dict[str, Any]:
    """The frames' true times as vLLM's models read them: numbers on a clock of milliseconds."""
    if sample.frames is None:
        raise ValueError("a sample without frames has no times")
    times = sample.frames.times.tolist()
    duration = max(sample.info.duration if sample.info else 0.0, times[-1])
    return {
        "fps": CLOCK,
        "frames_indices": [round(time * CLOCK) for time in times],
        "total_num_frames": max(round(duration * CLOCK), round(times[-1] * CLOCK) + 1),
        "duration": duration,
        "video_backend": "harness",
        "do_sample_frames": False,
    }


def module(name: str) -> Any:
    """A package of the extra. Raises ModelError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(
            f"backend=vllm needs vLLM ({error}): install the extra vllm, or serve the model and "
            "use backend=openai"
        ) from error
