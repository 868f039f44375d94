"""A model of the real 7B shape on one GPU: what a clip costs, and how well the chip is used.

    python -m benchmarks.gpu [--json] [--tiny] [--videos 8] [--new 16] [--in-flight 1 4]

Random weights in bfloat16, synthetic frames (32 x 336 px, 4,608 video tokens), 3 questions a clip,
no network. Needs torch, transformers and numpy only. MFU is the floating-point operations that
the shared way has to do, by the second, beside those of a large matmul measured on the same device.
``--tiny`` runs the same code on a toy, on any device: a smoke test, no measurement.
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
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
)

from harness.models.transformers.branches import ActiveClip, Branch, append
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.features import remembered
from harness.models.transformers.plain import generate
from harness.models.transformers.prefix import Prompts
from harness.models.transformers.sharing import Packed
from harness.models.transformers.written import Written
from harness.types import Clip, Generation, Prompt, Question, Sample

FRAMES, QUESTIONS, START, SUFFIX = 32, 3, 20, 50
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


def configuration(tiny: bool) -> Any:
    """LLaVA-NeXT-Video 7B as published, or a toy of the same architecture."""
    vision, text = CLIPVisionConfig(), LlamaConfig()
    vision.update(
        {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}
        | {"num_attention_heads": 16, "image_size": 336, "patch_size": 14}
    )
    text.update(
        {"vocab_size": 32064, "hidden_size": 4096, "intermediate_size": 11008}
        | {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32}
        | {"max_position_embeddings": 4096}
        | {"rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 1e4}}
    )
    if tiny:
        small = {"num_hidden_layers": 2, "num_attention_heads": 2}
        vision.update(small | {"hidden_size": 32, "intermediate_size": 64, "image_size": 56})
        text.update(small | {"hidden_size": 64, "intermediate_size": 128, "vocab_size": 512})
        text.update({"num_key_value_heads": 2, "head_dim": 32})
    size = text.vocab_size
    return LlavaNextVideoConfig(
        vision_config=vision,
        text_config=text,
        video_token_index=size - 1,
        image_token_index=size - 2,
    )


def build(config: Any, device: torch.device, attention: str) -> Any:
    """Random weights, made on the device."""
    kind: Any = LlavaNextVideoForConditionalGeneration  # untyped
    torch.manual_seed(0)
    with device:
        model = kind._from_config(config, dtype=torch.bfloat16, attn_implementation=attention)
    return model.eval()


def questions(config: Any, pixels: torch.Tensor, video: int) -> list[Written]:
    """One clip's questions: a common start, the clip, then tokens of their own."""
    vision, most = config.vision_config, config.text_config.vocab_size - 3
    tokens = (vision.image_size // vision.patch_size // config.spatial_pool_stride) ** 2
    random = np.random.default_rng(video)
    clip = np.full(FRAMES * tokens, config.video_token_index)
    shared = [random.integers(3, most, START), clip]
    written = []
    for i in range(QUESTIONS):
        ids = np.concatenate([*shared, random.integers(3, most, SUFFIX)])
        given = {"input_ids": torch.from_numpy(ids)[None].to(pixels.device)}
        given["attention_mask"] = torch.ones_like(given["input_ids"])
        given["pixel_values_videos"] = pixels[None]
        written.append(Written(Prompt(Question(f"{video}/{i}", ""), ()), ids, given))
    return written


@torch.inference_mode()
def shared(
    model: Any, pixels: torch.Tensor, videos: int, new: int, in_flight: int
) -> tuple[Stages, list[list[int]]]:
    """All videos the harness's way, ``in_flight`` of them decoding together."""
    stages, said = Stages(pixels.device), []
    generation, decoder = Generation(max_new_tokens=new), Decoder(model)
    way = Packed(decoder)
    for first in range(0, videos, in_flight):
        active = []
        for video in range(first, min(first + in_flight, videos)):
            written = questions(model.config, pixels, video)
            clip = ActiveClip(NOTHING, branches=[Branch(each, new) for each in written])
            with stages.stage("vision"), remembered(model):
                prompts = Prompts(decoder, [each.inputs for each in written])
            with stages.stage("prefill"):
                [first_logits] = way.prefill([(clip, prompts)])
                append(clip.branches, first_logits, generation, ())
            active.append(clip)
        with stages.stage("answer"):
            while not all(clip.done for clip in active):
                asked, logits = way.step(active)
                assert logits is not None
                append(asked, logits, generation, ())
        said += [branch.output_ids for clip in active for branch in clip.branches]
    return stages, said


def one_by_one(
    model: Any, pixels: torch.Tensor, videos: int, new: int
) -> tuple[float, list[list[int]]]:
    """All videos the Hugging Face way, one ``generate`` a question."""
    said = []
    never = frozenset([model.config.video_token_index - 1])
    wait(pixels.device)
    began = time.perf_counter()
    for video in range(videos):
        for written in questions(model.config, pixels, video):
            generation = Generation(max_new_tokens=new)
            said.append(generate(model, written.inputs, generation, new, never)[0])
    wait(pixels.device)
    return time.perf_counter() - began, said


def operations(model: Any, new: int) -> float:
    """Floating-point operations that one clip needs when all that can be shared is: two for each
    weight and token, and four per layer, hidden unit, query and key it may see."""
    config = model.config
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2 + 1
    seen = FRAMES * patches
    tower = sum(p.numel() for p in model.model.vision_tower.parameters())
    total = (
        2.0 * tower * seen + 4.0 * vision.num_hidden_layers * vision.hidden_size * seen * patches
    )
    side = vision.image_size // vision.patch_size // config.spatial_pool_stride
    prefix, own = START + FRAMES * side**2, SUFFIX + new
    layers = sum(p.numel() for p in model.model.language_model.layers.parameters())
    total += 2.0 * layers * (prefix + QUESTIONS * own)
    pairs = prefix * prefix / 2 + QUESTIONS * own * (prefix + own / 2)
    total += 4.0 * text.num_hidden_layers * text.hidden_size * pairs
    return float(total + 2.0 * QUESTIONS * new * text.hidden_size * text.vocab_size)


def matmul_rate(device: torch.device, size: int) -> float:
    """Operations a second of a square bfloat16 matmul: the best of ten, after warming up."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in "ab")
    best = float("inf")
    for i in range(13):
        wait(device)
        began = time.perf_counter()
        a @ b
        wait(device)
        if i > 2:
            best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best


def measure(
    attention: str, chosen: argparse.Namespace, device: torch.device
) -> list[dict[str, Any]]:
    """One row for each number of clips in flight, for one attention."""
    model = build(configuration(chosen.tiny), device, attention)
    side = model.config.vision_config.image_size
    pixels = torch.randn(FRAMES, 3, side, side, device=device, dtype=torch.bfloat16)
    rate = matmul_rate(device, 256 if chosen.tiny else 8192)
    needed = operations(model, chosen.new) * chosen.videos
    one_by_one(model, pixels, 1, 2)  # warm
    plain, theirs = one_by_one(model, pixels, chosen.videos, chosen.new)
    rows = []
    for in_flight in chosen.in_flight:
        shared(model, pixels, in_flight, 2, in_flight)  # warm
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        stages, ours = shared(model, pixels, chosen.videos, chosen.new, in_flight)
        seconds = sum(stages.seconds.values())
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
        rows.append(
            {
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
    rows = measure("sdpa", chosen, device)
    if device.type == "cuda" and importlib.util.find_spec("flash_attn"):
        rows += measure("flash_attention_2", chosen, device)
    else:
        print("flash-attn is not installed (or there is no GPU): sdpa only")
    print(f"{name}, torch {torch.__version__}: {FRAMES} frames x {QUESTIONS} questions")
    print(
        "| attention | in flight | videos/s | x one by one | MFU | peak, GB | vision | prefill "
        "| answer | equal |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        split = " | ".join(f"{row['split'][key]:.0%}" for key in ("vision", "prefill", "answer"))
        print(
            f"| {row['attention']} | {row['in_flight']} | {row['videos_per_second']:.2f} "
            f"| {row['ratio']:.2f} | {row['mfu']:.0%} | {row['peak_gb']:.1f} | {split} "
            f"| {row['equal']:.0%} |"
        )
    if chosen.json:
        print(json.dumps({"device": name, "rows": rows}))


if __name__ == "__main__":
    main()
