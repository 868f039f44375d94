"""A family's model of the real 7B or 8B shape on one GPU: what a clip costs, how the chip is used.

    python -m benchmarks.gpu [--family qwen2_5_vl …] [--json] [--tiny] [--videos 8] [--new 16]

Random weights in bfloat16, synthetic frames (4,608 video tokens, see ``benchmarks.families``), 3
questions a clip, no network. MFU is the floating-point operations that the shared way has to do
(``harness.models.transformers.cost``: what patches see of each other in the tower is left out), by
the second, beside those of a large matmul measured on the same device. ``--tiny`` runs the same
code on a toy, on any device: a smoke test, no measurement.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks import families
from harness.models.transformers import cost
from harness.models.transformers.branches import ActiveClip, Branch, append
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.features import Placed
from harness.models.transformers.plain import generate
from harness.models.transformers.prefix import Prompts
from harness.models.transformers.sharing import choose, make
from harness.models.transformers.tower import picture_sizes
from harness.models.transformers.written import Written
from harness.types import Clip, Generation, Sample

QUESTIONS = 3
NOTHING = Sample(Clip("", None), None, None, ())
RAW = argparse.RawDescriptionHelpFormatter


@dataclass
class Stages:
    """Seconds by stage, with the device waited for at each border."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds what happens inside to a stage."""
        wait(self.device)
        began = time.perf_counter()
        yield
        wait(self.device)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Subject:
    """A family's model on its device, and its shape."""

    family: families.Family
    shape: families.Shape
    model: Any
    device: torch.device

    def questions(self, video: int) -> list[Written]:
        """One clip's questions; the same picture for all clips, other words."""
        config = self.model.config
        return families.prompts(self.family, self.shape, config, self.device, QUESTIONS, video)


def subject(name: str, tiny: bool, device: torch.device, attention: str) -> Subject:
    """The family's model as published, or a toy of the same architecture."""
    family = families.FAMILIES[name]
    shape = family.shape("toy" if tiny else "real")
    model = families.build(family, shape, device, torch.bfloat16, attention)
    return Subject(family, shape, model, device)


@torch.inference_mode()
def shared(asked: Subject, videos: int, new: int, in_flight: int) -> tuple[Stages, list[list[int]]]:
    """All videos the harness's way, ``in_flight`` of them decoding together."""
    model = asked.model
    stages, said = Stages(asked.device), []
    generation, decoder = Generation(max_new_tokens=new), Decoder(model)
    way = make(choose("auto", model), decoder)
    for first in range(0, videos, in_flight):
        active = []
        for video in range(first, min(first + in_flight, videos)):
            written = asked.questions(video)
            clip = ActiveClip(NOTHING, branches=[Branch(each, new) for each in written])
            place = Placed(model)
            with stages.stage("vision"), place.remembered():
                prompts = Prompts(decoder, place)
                for each in written:
                    prompts.add(place(each.inputs))
            with stages.stage("prefill"):
                [first_logits] = way.prefill([(clip, prompts)])
                append(clip.branches, first_logits, generation, ())
            active.append(clip)
        with stages.stage("answer"):
            while not all(clip.done for clip in active):
                alive, logits = way.step(active)
                assert logits is not None
                append(alive, logits, generation, ())
        said += [branch.output_ids for clip in active for branch in clip.branches]
    return stages, said


def one_by_one(asked: Subject, videos: int, new: int) -> tuple[float, list[list[int]]]:
    """All videos the Hugging Face way, one ``generate`` a question."""
    said = []
    never = frozenset([families.marks(asked.model.config)["never"]])
    generation = Generation(max_new_tokens=new)
    wait(asked.device)
    began = time.perf_counter()
    for video in range(videos):
        for written in asked.questions(video):
            said.append(generate(asked.model, written.inputs, generation, new, never)[0])
    wait(asked.device)
    return time.perf_counter() - began, said


def operations(asked: Subject, new: int) -> float:
    """Floating-point operations that one clip needs when all that can be shared is."""
    written = asked.questions(0)
    tokens = [len(each.tokens) for each in written]
    alike = [np.equal(written[0].tokens[: min(tokens)], w.tokens[: min(tokens)]) for w in written]
    common = int(np.logical_and.reduce(alike).argmin())
    pictures = picture_sizes(written[0].inputs)
    return cost.operations(cost.weights_of(asked.model), pictures, tokens, common, new)


def measure(
    name: str, attention: str, chosen: argparse.Namespace, device: torch.device
) -> list[dict[str, Any]]:
    """One row for each number of clips in flight, for one family and attention."""
    asked = subject(name, chosen.tiny, device, attention)
    rate = cost.measured_rate(str(device), "bfloat16", 256 if chosen.tiny else 8192)
    needed = operations(asked, chosen.new) * chosen.videos
    one_by_one(asked, 1, 2)  # warm
    plain, theirs = one_by_one(asked, chosen.videos, chosen.new)
    rows = []
    for in_flight in chosen.in_flight:
        shared(asked, in_flight, 2, in_flight)  # warm
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        stages, ours = shared(asked, chosen.videos, chosen.new, in_flight)
        seconds = sum(stages.seconds.values())
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
        rows.append(
            {
                "family": name,
                "attention": attention,
                "in_flight": in_flight,
                "videos_per_second": chosen.videos / seconds,
                "ratio": plain / seconds,
                "mfu": needed / seconds / rate,
                "peak_gb": peak / 1e9,
                "split": {k: v / seconds for k, v in stages.seconds.items()},
                "equal": sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours),
            }
        )
    return rows


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    names = list(families.FAMILIES)
    parser.add_argument("--family", choices=names, nargs="+", default=["llava_next_video"])
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    parser.add_argument("--tiny", action="store_true", help="a toy, on any device")
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--new", type=int, default=16, help="new tokens an answer")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 4])
    chosen = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not chosen.tiny:
        parser.error("no CUDA device here: --tiny runs the same code on a toy")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    kinds = ["sdpa"]
    if device.type == "cuda" and importlib.util.find_spec("flash_attn"):
        kinds.append("flash_attention_2")
    else:
        print("flash-attn is not installed (or there is no GPU): sdpa only")
    rows = [
        row for f in chosen.family for kind in kinds for row in measure(f, kind, chosen, device)
    ]
    print(f"{name}, torch {torch.__version__}: {chosen.videos} clips x {QUESTIONS} questions")
    print(
        "| family | attention | in flight | videos/s | x one by one | MFU | peak, GB | vision "
        "| prefill | answer | equal |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        split = " | ".join(f"{row['split'][key]:.0%}" for key in ("vision", "prefill", "answer"))
        print(
            f"| {row['family']} | {row['attention']} | {row['in_flight']} "
            f"| {row['videos_per_second']:.2f} | {row['ratio']:.2f} | {row['mfu']:.0%} "
            f"| {row['peak_gb']:.1f} | {split} "
            f"| {row['equal']:.0%} |"
        )
    if chosen.json:
        print(json.dumps({"device": name, "rows": rows}))


if __name__ == "__main__":
    main()
