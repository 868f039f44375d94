"""Whether the served model saw what it was sent: its prompt in tokens against our own writing.

What goes wrong with HTTP 200: no beginning-of-sequence token, frames cut to the first 32, times
made up, a template of the server's own. Each changes the tokens, so tokens are what is compared:
on one question before the run (``preflight``, which says what to change), then on every response.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError
from harness.models.openai.errors import Forgotten, Refused
from harness.models.openai.replies import prompt_ids
from harness.types import Failure, Generation, Prompt, Sample, Video

if TYPE_CHECKING:
    from harness.models.transformers import Transformers

MOST_LOGPROBS = 20
"""The most likely tokens that are asked for: OpenAI's and vLLM's most."""


Seen = tuple[int, int]
"""The token that stands for pictures in a prompt, and how often it does."""


@dataclass(frozen=True, eq=False)
class Expected:
    """What a prompt must be in tokens, as far as it is known.

    ``tokens`` are our own writing's ids; None without a reference. ``pictures`` is the least
    number of tokens that the frames take (0: not known). ``told_times`` are the texts about time
    that our own writing puts in. ``seen``: how the same frames looked when they were sent, for a
    prompt that names them only.
    """

    tokens: tuple[int, ...] | None = None
    pictures: int = 0
    told_times: tuple[str, ...] = ()
    seen: Seen | None = None

    def problem(self, body: Mapping[str, Any]) -> str:
        """What is not as expected of a prompt as the server took it; empty when nothing is."""
        ids = prompt_ids(body)
        if self.tokens is not None:
            if ids is not None:
                return _unlike(ids, self.tokens)
            said = (body.get("usage") or {}).get("prompt_tokens")
            if isinstance(said, int) and said != len(self.tokens):
                return f"the server's prompt has {said} tokens, our own {len(self.tokens)}"
        if self.pictures and ids is not None:
            most = Counter(ids).most_common(1)[0][1]
            if most < self.pictures:
                return f"the frames take {most} tokens in the server's prompt, not {self.pictures}"
        return ""

    def check(self, body: Mapping[str, Any]) -> None:
        """Raises Refused when the server took the prompt for another; Forgotten where that is for
        want of the frames that it should know."""
        ids = prompt_ids(body)
        if self.seen is not None and (ids is None or ids.count(self.seen[0]) != self.seen[1]):
            raise Forgotten(f"the frames that it should know take other than {self.seen[1]} tokens")
        if problem := self.problem(body):
            raise Refused(f"not the prompt that was sent: {problem}", "prompt")


def expectations(
    sample: Sample, reference: Transformers | None, tokens_per_frame: int | None
) -> dict[str, Expected | Failure]:
    """By prompt key what each prompt must be in tokens, or why it cannot be asked."""
    found: dict[str, Expected | Failure] = {}
    if reference is not None:
        for written in reference.write(sample):
            if isinstance(written, Failure):
                found[written.question] = written
                continue
            tokens = tuple(written.tokens.tolist())
            found[written.prompt.key] = Expected(tokens, told_times=written.told_times)
        return found
    for prompt in sample.prompts:
        shown = frames_shown(prompt, 0 if sample.frames is None else len(sample.frames.pixels))
        found[prompt.key] = Expected(pictures=shown * (tokens_per_frame or 0))
    return found


def seen(body: Mapping[str, Any]) -> Seen | None:
    """How a prompt's pictures look in tokens: the one of the longest run; None where no token is
    repeated, or the server does not say.

    >>> seen({"choices": [{"prompt_token_ids": [1, 5, 5, 9, 5, 5, 7]}]})
    (5, 4)
    """
    ids = prompt_ids(body)
    if ids is None:
        return None
    token, longest = max(((t, len(list(run))) for t, run in groupby(ids)), key=lambda run: run[1])
    return (token, ids.count(token)) if longest > 1 else None


def frames_shown(prompt: Prompt, frames: int) -> int:
    """How many of so many frames a prompt shows."""
    parts = (part for turn in prompt.turns for part in turn.parts if isinstance(part, Video))
    return sum(len(range(frames)[part.start : part.stop]) for part in parts)


def remedy(body: Mapping[str, Any], expected: Expected) -> ModelError | None:
    """The error that ends a run before it starts, with what to change; None when all is right."""
    problem = expected.problem(body)
    if not problem:
        return None
    ids = prompt_ids(body)
    return ModelError(
        f"the served model does not see what it is sent: {problem}; {_cure(ids, expected)}"
    )


def _cure(ids: Sequence[int] | None, expected: Expected) -> str:
    cut = 'start the server with --media-io-kwargs \'{"video": {"num_frames": -1}}\''
    if expected.tokens is None:
        return cut
    if ids is None:
        return "backend.extra={return_token_ids: true} shows which, where the server is vLLM"
    if not _unlike(ids, expected.tokens[1:]):
        return "backend.extra={add_special_tokens: true} adds the beginning-of-sequence token"
    if not _unlike(ids[1:], expected.tokens):
        return "backend.extra={add_special_tokens: false}: it begins with two of the same token"
    (token, places), *_ = Counter(expected.tokens).most_common(1)
    if ids.count(token) < places:
        return cut
    return (
        "the server's chat template or processor is another: start it with the checkpoint's own, "
        "or write backend.reference=null to run without this check"
    )


def _unlike(ids: Sequence[int], tokens: Sequence[int]) -> str:
    """How a server's prompt differs from ours; empty where it does not."""
    if len(ids) != len(tokens):
        return f"the server's prompt has {len(ids)} tokens, our own {len(tokens)}"
    pairs = enumerate(zip(ids, tokens, strict=True))
    return next(
        (
            f"token {place} of the server's prompt is {there}, of our own {ours}"
            for place, (there, ours) in pairs
            if there != ours
        ),
        "",
    )


_TIMES = (
    "start the server with --trust-request-mm-kwargs, or write backend.tell_times=false (models "
    "that read times are told a frame a second then)"
)
_SETTINGS = (
    # what a server says, and what lets it take the request
    (r"trust.request.mm.kwargs", _TIMES),
    (
        r"At most \d+ (?P<kind>\w+)\(s\) may be provided",
        "start the server with --limit-mm-per-prompt '{{\"{kind}\": N}}', N being the most that a "
        "prompt shows, or show the clip otherwise with backend.frames_as",
    ),
    (r"greater than max allowed: \d+", "start the server with --max-logprobs {logprobs}"),
    (r"without log-probabilities", "this server does not give any"),
)


def setting_refused(
    refused: Refused, expected: Expected, generation: Generation, allow_overflow: bool
) -> ModelError | None:
    """The error that ends a run whose first question shows that a server lacks a setting."""
    reason = str(refused)
    for sign, cure in _SETTINGS:
        if found := re.search(sign, reason):
            cure = cure.format(**found.groupdict(), logprobs=MOST_LOGPROBS)
            return ModelError(f"{reason}; {cure}")
    if refused.overflow and not allow_overflow:
        return ModelError(f"{reason}; {_longer(expected, generation)}")
    return None


def _longer(expected: Expected, generation: Generation) -> str:
    flag = "a longer --max-model-len"
    if expected.tokens is not None:
        flag = f"--max-model-len {len(expected.tokens) + generation.max_new_tokens} or more"
    return (
        f"start the server with {flag} (vLLM; SGLang: --context-length), ask with fewer frames, or "
        "write allow_overflow=true to ask what fits"
    )
