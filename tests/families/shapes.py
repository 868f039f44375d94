"""What a clip takes of each family at the shapes of a 7B, counted without weights or a device:
operations, bytes, and the plan's own estimate beside them.

python -m tests.families.shapes [FAMILY …]
python -m tests.families.shapes --whole [FAMILY …]    all layers of a published 7B, 32 frames

Widths are a 7B's (see ``published``), the decoder has 4 layers and the tower 3: every layer of a
kind takes the same. Each family is counted in a process of its own, forked from one that has
imported everything: a family's tensors are in no other's peak, and the device that torch is told
of is in no other test's process.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForImageTextToText

from harness.models.transformers import cost
from harness.models.transformers.chat import ChatTemplate
from harness.models.transformers.engine import Engine
from harness.models.transformers.processor import ProcessorWriter
from harness.models.transformers.tower import picture_sizes
from harness.models.transformers.written import Writer
from harness.types import Clip, Generation, Prompt, Question, Sample, Text, Turn, Video
from tests import fake_device, families
from tests.families.published import at_7b

FRAMES, NEW = 4, 2
TEXTS = ("What colour is the ball? ", "Where does it go? ")


@dataclass(frozen=True)
class Count:
    """Of a clip whose questions have two new tokens each. ``weights`` and ``peak`` are bytes (the
    peak with the weights; no attention scores are kept), ``flops`` what torch counts, ``estimated``
    what the plan says; ``longer`` is ``flops`` of the same clip with 32 times the text."""

    parameters: int
    weights: int
    peak: int
    flops: int
    estimated: float
    longer: int
    tokens: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"{self.parameters / 1e9:6.2f} {self.weights / 1e9:8.2f} {self.peak / 1e9:8.2f} "
            f"{self.flops / 1e12:8.3f} {self.estimated / 1e12:9.3f} {max(self.tokens):7d}"
        )


COLUMNS = "{:18}{:>6} {:>8} {:>8} {:>8} {:>9} {:>7}"
HEADINGS = COLUMNS.format("", "params", "weights", "peak", "counted", "estimate", "tokens")
UNITS = COLUMNS.format("", "10^9", "GB", "GB", "TFLOP", "TFLOP", "")


def count(name: str) -> Count:
    """What a clip takes. Raises RuntimeError where tensors of two devices meet."""
    writer = _writer(name)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(at_7b(name), dtype=torch.bfloat16).eval()
    return counted_on_device(model, writer, _sample(1), _sample(32))


def counted_on_device(
    model: Any, writer: Writer, asked: Sample, longer: Sample | None = None
) -> Count:
    """What ``asked`` takes of a model without numbers, and how many operations ``longer`` does."""
    work = cost.weights_of(model)
    with fake_device.device():
        before = fake_device.peak.now
        fake_device.move(model)
        weights = fake_device.peak.now - before
        assert model.device == fake_device.DEVICE
        engine = Engine(model, writer, context=100_000, stops=frozenset())
        fake_device.peak.start()
        flops, clip = _flops(engine, asked)
        peak = fake_device.peak.most - before
        more = _flops(engine, longer)[0] if longer else 0
    tokens = [len(branch.written.tokens) for branch in clip.branches]
    pictures = picture_sizes(clip.branches[0].written.inputs)
    return Count(
        parameters=sum(p.numel() for p in model.parameters()),
        weights=weights,
        peak=peak,
        flops=flops,
        estimated=cost.operations(work, pictures, tokens, clip.branches[1].cached, NEW),
        longer=more,
        tokens=tuple(tokens),
    )


def _writer(name: str) -> ProcessorWriter:
    _, processor = families.FAMILIES[name].make()
    as_images = families.FAMILIES[name].frames_as == "images"
    template = ChatTemplate(processor.chat_template, processor, processor.tokenizer.bos_token or "")
    return ProcessorWriter(processor, template, frames_as="images" if as_images else "video")


def _sample(repeated: int) -> Sample:
    shown = families.noise(FRAMES)
    prompts = tuple(
        Prompt(Question(text, text), (Turn("user", (Video(), Text(text * repeated))),))
        for text in TEXTS
    )
    return Sample(Clip("c", None), families.information(shown), shown, prompts)


def _flops(engine: Engine, asked: Sample) -> tuple[int, Any]:
    before = fake_device.peak.flops
    [clip] = engine.run([asked], Generation(max_new_tokens=NEW))
    assert all(len(branch.output_ids) == NEW for branch in clip.branches)
    return fake_device.peak.flops - before, clip


def counted(
    names: Sequence[str], counting: Callable[[str], Count] = count
) -> Iterator[tuple[str, Count | str]]:
    """Each family's count as it is there, or in a line what went wrong."""
    gc.collect()
    gc.freeze()
    for name in names:
        yield name, _in_a_process(name, counting)


def _in_a_process(name: str, counting: Callable[[str], Count]) -> Count | str:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as file:
            file.write(json.dumps(_tried(name, counting)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    if status or not said:
        return f"its process ended with status {status}"
    found = json.loads(said)
    if isinstance(found, str):
        return found
    return Count(**{**found, "tokens": tuple(found["tokens"])})


def _tried(name: str, counting: Callable[[str], Count]) -> dict[str, Any] | str:
    try:
        return dataclasses.asdict(counting(name))
    except Exception as error:  # all of them, for one line in the table
        if os.environ.get("TRACE"):
            raise
        return f"{type(error).__name__}: {error}"[:300]


def main(names: Sequence[str], *, whole: bool, as_json: bool) -> None:
    """Prints a table, or a JSON object a line."""
    if not as_json:
        print(f"{HEADINGS}\n{UNITS}")
    from tests.families import whole as published

    every = (
        ("llava_next_video", "qwen2_5_vl", "qwen3_vl", "internvl") if whole else families.FAMILIES
    )
    for name, each in counted(names or list(every), published.whole if whole else count):
        if as_json:
            said = each if isinstance(each, str) else dataclasses.asdict(each)
            print(json.dumps({name: said}), flush=True)
        else:
            print(f"{name:<18}{each}", flush=True)


if __name__ == "__main__":
    chosen = set(sys.argv[1:])
    main(
        [a for a in sys.argv[1:] if not a.startswith("--")],
        whole="--whole" in chosen,
        as_json="--json" in chosen,
    )
