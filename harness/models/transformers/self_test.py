"""At load: two synthetic questions, shared as a run will share them and by plain ``generate``.

Both are asked for the same few tokens, so that what is wrong behind the prompt (positions of new
tokens, windows) shows as well as what is wrong in it. Windows of attention are made narrower than
the prompt meanwhile, for both: those of published models are longer than any prompt that could be
asked for at load.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from harness.errors import ModelError
from harness.models.transformers.branches import ActiveClip
from harness.models.transformers.engine import Engine, out_of_memory
from harness.models.transformers.plain import steps
from harness.models.transformers.proof import ERRORS, ROUNDING, bound
from harness.names import first_line
from harness.types import (
    Clip,
    Frames,
    Generation,
    Prompt,
    Question,
    Sample,
    Text,
    Turn,
    Video,
    VideoInfo,
)

STEPS = 3  # tokens that are compared, of each question
WINDOW = 24  # tokens that a window sees meanwhile
WINDOWS = ("sliding_window", "attention_chunk_size")
SPELLED = 2048  # tokens of the longest prompt whose attention is spelled out for that

Asked = Mapping[str, tuple[Sequence[int], torch.Tensor]]
"""By question: its tokens, and the logits [tokens, vocabulary] that each was chosen from."""


def self_test(engine: Engine, name: str) -> None:
    """Raises ModelError when logits differ by more than rounding explains, with the size of the
    difference; when the model cannot answer by ``generate`` either; or when its logits are no
    numbers."""
    engine = dataclasses.replace(engine, in_flight=1)
    clip = engine.write(synthetic(), Generation(max_new_tokens=STEPS))
    if clip.failures:
        raise ModelError(f"{name}: cannot ask about a short video: {clip.failures[0].reason}")
    with _narrow(engine):
        plain = _plain(engine, clip, name)
        apart = _apart(_shared(engine, clip, plain, name), plain)
        bound = _bound(engine, clip, plain, name)
    if not apart <= bound:
        raise ModelError(
            f"{name}: shared prompts are not what generate makes of them: logits differ by "
            f"{apart:.2g} of their deviation (rounding explains {bound:.2g}): write "
            "backend.sharing=copied or none"
        )


def no_memory(name: str) -> ModelError:
    """What is said of a model whose device has no memory for a short video."""
    return ModelError(
        f"{name}: out of memory on a short video already: write backend.quantization=nf4, "
        "or backend.device_map=auto for several GPUs"
    )


def _plain(engine: Engine, clip: ActiveClip, name: str) -> Asked:
    try:
        found = {
            branch.prompt.key: steps(engine.model, branch.written.inputs, STEPS, engine.stops)
            for branch in clip.branches
        }
    except (RuntimeError, *ERRORS) as error:
        if isinstance(error, RuntimeError) and out_of_memory(error):
            raise no_memory(name) from error
        raise ModelError(
            f"{name}: its own generate fails on a short video ({type(error).__name__}: "
            f"{first_line(error)}): its tokenizer, processor and weights do not belong "
            "together, or this version of transformers cannot run it"
        ) from error
    if not all(bool(logits.isfinite().any(-1).all()) for _, logits in found.values()):
        raise ModelError(
            f"{name}: its logits are not numbers: its weights are damaged, or too large for "
            f"dtype={str(engine.model.dtype).removeprefix('torch.')}: write model.dtype=bfloat16 "
            "or float32"
        )
    return found


def _shared(engine: Engine, clip: ActiveClip, plain: Asked, name: str) -> Asked:
    """The clip's questions as a run shares them, given ``plain``'s tokens one after the other."""
    generation = Generation(max_new_tokens=STEPS)
    try:
        engine.prefill([clip], generation)
        if clip.failures:
            raise ValueError(clip.failures[0].reason)
        found = {b.prompt.key: [b.first_logits] for b in clip.branches}
        for count in range(1, STEPS):
            for branch in clip.branches:
                branch.output_ids = list(plain[branch.prompt.key][0][:count])
                branch.finish = ""
            asked, logits = engine.way.step([clip])
            for branch, row in zip(asked, [] if logits is None else logits, strict=True):
                found[branch.prompt.key].append(row)
    except ERRORS as error:
        raise ModelError(
            f"{name}: its decoder cannot be run this way ({type(error).__name__}: "
            f"{first_line(error)}): write backend.sharing=copied or none"
        ) from error
    finally:
        clip.release()
    return {
        key: (plain[key][0], torch.stack([row.float() for row in rows if row is not None]))
        for key, rows in found.items()
    }


def _apart(shared: Asked, plain: Asked) -> float:
    """The largest difference between two logits, as a share of their deviation; nan where the
    shared ones are no numbers."""
    shares = []
    for key, (_, theirs) in plain.items():
        ours = shared[key][1].to(theirs.device)
        known = theirs.isfinite() & (ours.isfinite() | ours.isnan())
        apart = torch.where(known, ours - theirs, 0).abs().amax(-1)
        deviation = torch.where(theirs.isfinite(), theirs, torch.nan).double()
        spread = torch.stack([row[~row.isnan()].std() for row in deviation])
        shares += (apart / spread).tolist()
    return float(np.max(shares))  # nan where one is


def _bound(engine: Engine, clip: ActiveClip, plain: Asked, name: str) -> float:
    """What rounding explains: in half precision by how far apart two kernels of attention are in
    plain ``generate``, since that is more in larger models."""
    most = ROUNDING[engine.model.dtype]
    longest = max(len(branch.written.tokens) for branch in clip.branches)
    if engine.model.dtype == torch.float32 or longest > SPELLED:
        return most

    def apart() -> float:
        again = {
            branch.prompt.key: steps(
                engine.model, branch.written.inputs, plain[branch.prompt.key][0], engine.stops
            )
            for branch in clip.branches
        }
        return _apart(again, plain)

    return bound(engine.model, most, apart)


@contextmanager
def _narrow(engine: Engine) -> Iterator[None]:
    """Meanwhile windows of attention see WINDOW tokens; flash kernels read their layers' own."""
    if engine.decoder.kernel.startswith("flash"):
        yield
        return
    usual: list[tuple[Any, str, int]] = [
        (config, name, value)
        for config in engine.decoder.configs
        for name in WINDOWS
        if isinstance(value := getattr(config, name, None), int) and value > WINDOW
    ]
    for config, name, _ in usual:
        setattr(config, name, WINDOW)
    try:
        yield
    finally:
        for config, name, value in usual:
            setattr(config, name, value)


def synthetic(count: int = 4) -> Sample:
    """Frames of noise over colours, half a second apart, and two questions about them."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (count, 4, 6, 3)).repeat(56, 1).repeat(56, 2)
    pixels = (colours + random.integers(-20, 21, colours.shape)).clip(0, 255).astype(np.uint8)
    # a beginning long enough that they share a row, whatever the frames take
    start = (
        "Watch the video closely, from its beginning to its end, and then answer the question that "
        "follows in one or two words. "
    )
    texts = (start + "What happens first?", start + "How many colours are there?")
    prompts = tuple(
        Prompt(Question(f"self-test {i}", text), (Turn("user", (Video(), Text(text))),))
        for i, text in enumerate(texts)
    )
    height, width = pixels.shape[1:3]
    return Sample(
        Clip("self-test", None),
        VideoInfo(count, 2.0, count / 2.0, width, height),
        Frames(pixels, np.arange(count) / 2.0, tuple(range(count))),
        prompts,
    )
