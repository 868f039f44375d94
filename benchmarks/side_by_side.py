"""lmms-eval and this harness on the same clips, checkpoint, frames and prompts.

    make peers                            # lmms-eval, in an environment of its own
    OMP_NUM_THREADS=1 python -m benchmarks.side_by_side [--frames 32] [--shapes 12x3 4x10] [--json]

A medium LLaVA-NeXT-Video with random weights (float32, on a CPU) answers made-up questions about
generated clips of 720p. Each program loads the checkpoint once; what is compared is a whole run,
from its start to its scores, and each answer. Processor seconds are those of a program and all its
processes; seconds by the clock mean little where other work runs. The parts of our run are from a
run of their own, in processor seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
import torch
from tabulate import tabulate

from harness.models.transformers.library import transformers
from training import checkpoint, tokenizer

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ("red", "blue", "green", "yellow")
NEW = 8
TASK = """# @package _global_
task:
  _target_: harness.task.Task
  name: side_by_side
  source: {{_target_: harness.data.Source, repo: local/side, path: {folder}}}
  prompt:
    _target_: harness.prompts.PromptTemplate
    template: "{{question}}\\n{{options}}\\nAnswer with the letter."
  scorer: {{_target_: harness.scoring.choice.ChoiceScorer}}
"""
PEER_TASK = """task: side_by_side
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/rows.jsonl}}}}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visual
doc_to_text: !function utils.text
doc_to_target: answer
generation_kwargs: {{max_new_tokens: {new}, temperature: 0, num_beams: 1, do_sample: false}}
process_results: !function utils.results
metric_list:
  - {{metric: exact, aggregation: !function utils.mean, higher_is_better: true}}
metadata:
  - version: 0.0
"""
PEER_UTILS = """
def visual(doc):
    return [{folder!r} + "/videos/" + doc["video"]]

def text(doc, lmms_eval_specific_kwargs=None):
    options = "\\n".join(f"{{letter}}. {{text}}" for letter, text in zip("ABCD", doc["options"]))
    return f"{{doc['question']}}\\n{{options}}\\nAnswer with the letter."

def results(doc, results):
    return {{"exact": {{"id": doc["id"], "text": results[0], "right": doc["answer"]}}}}

def mean(items):
    return sum(item["text"].strip()[:1] == item["right"] for item in items) / len(items)
"""
PARTS = {
    "vision, and prompts' embeddings": "harness.models.transformers.decoder:Decoder.see",
    "prefill": "harness.models.transformers.decoder:Decoder.advance",
    "new tokens": "harness.models.transformers.decoder:Decoder.step",
    "pixels and tokens": "harness.models.transformers.pooled:PooledWriter.write",
    "loading the model": "harness.models.transformers.loading:load_model",
}
"""What of ours is timed, each function without the others that it calls."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--seconds", type=int, default=10, help="of each clip, at 24 a second")
    parser.add_argument("--side", type=int, default=336, help="of the model's pictures")
    parser.add_argument("--shapes", nargs="+", default=["12x3", "4x10"], help="clips x questions")
    parser.add_argument("--peer", type=Path, default=ROOT / "build/lmms_eval/bin/python")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    parser.add_argument("--profile", nargs="+", help=argparse.SUPPRESS)
    words = parser.parse_args(argv)
    if words.profile:
        print(json.dumps(profiled(words.profile)))
        return 0
    if not words.peer.is_file():
        raise SystemExit(f"{words.peer}: there is no lmms-eval; make peers installs it")
    rows = []
    for shape in words.shapes:
        row = measure(words, *map(int, shape.split("x")))
        rows.append(row)
        shown = {k: v for k, v in row.items() if k != "parts"}
        print(tabulate([shown], "keys", "pipe", floatfmt=".1f"))
        print(f"\nwhere our time goes, {shape}:")
        print(tabulate(row["parts"].items(), ("part", "CPU s"), "pipe", floatfmt=".1f"), flush=True)
    if words.json:
        print(json.dumps(rows))
    return 0


def measure(words: argparse.Namespace, clips: int, questions: int) -> dict[str, Any]:
    """Both programs in turn over so many clips and questions; medians of the repeats."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, words, clips, questions)
        peer = [str(words.peer), str(ROOT / "benchmarks/lmms_eval_peer.py")]
        theirs, ours = [], []
        for i in range(words.repeats):
            theirs.append(program([*peer, str(folder), str(words.frames)], folder))
            ours.append(our_run(folder, words, f"results{i}"))
        asked = [*our_words(folder, words), "results=profiled"]
        own = [sys.executable, "-m", "benchmarks.side_by_side", "--profile", *asked]
        parts = program(own, folder).found
    said, answers = theirs[0].found["answers"], ours[0].found["answers"]
    equal = sum(text.strip() == answers[id].strip() for id, text in said.items())
    cpu = [median(run.cpu for run in runs) for runs in (theirs, ours)]
    clock = [median(run.clock for run in runs) for runs in (theirs, ours)]
    return {
        "clips x questions": f"{clips} x {questions}",
        "lmms-eval, CPU s": cpu[0],
        "harness, CPU s": cpu[1],
        "times": cpu[0] / cpu[1],
        "by the clock, s": clock[0],
        "harness, s": clock[1],
        "times, clock": clock[0] / clock[1],
        "answers equal": f"{equal}/{len(said)}",
        "parts": parts,
    }


def our_words(folder: Path, words: argparse.Namespace) -> list[str]:
    """Our command's settings."""
    grid = words.side // 14 // 2
    return [
        "task=side_by_side", f"frames={words.frames}", "model=tiny_video",
        f"model.checkpoint={folder / 'checkpoint'}", f"model.tokens_per_frame={grid**2}",
        f"generation.max_new_tokens={NEW}",
    ]  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """A program that ran: its seconds by the clock and of the processor, and what it found."""

    clock: float
    cpu: float
    found: dict[str, Any]


def our_run(folder: Path, words: argparse.Namespace, results: str) -> Ran:
    """One run of ours as a user starts it, with its answers."""
    own = [sys.executable, "-m", "harness", *our_words(folder, words), f"results={results}"]
    ran = program(own, folder)
    [path] = (folder / results).rglob("records-*.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    answers = {r["question"]["id"]: (r["response"] or {"text": ""})["text"] for r in records}
    return replace(ran, found={"answers": answers})


def program(command: list[str], folder: Path) -> Ran:
    """Runs a program to its end; what it found is its last line, where that is JSON. All its
    processes count that it waited for."""
    began, before = time.perf_counter(), children_cpu()
    told = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    clock, cpu = time.perf_counter() - began, children_cpu() - before
    if told.returncode:
        raise SystemExit(f"{' '.join(command)}\n{told.stdout[-2000:]}\n{told.stderr[-6000:]}")
    last = told.stdout.strip().splitlines()[-1:]
    return Ran(clock, cpu, json.loads(last[0]) if last and last[0].startswith("{") else {})


def children_cpu() -> float:
    """Processor seconds of all processes that were waited for, their own children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def environment() -> dict[str, str]:
    """Both programs get as many threads, and no network."""
    threads = str(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    more = {"OMP_NUM_THREADS": threads, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return os.environ | more | {"OMP_WAIT_POLICY": "PASSIVE"}


def profiled(words: list[str]) -> dict[str, float]:
    """Our run in this process: processor seconds of each part, and of all else."""
    from harness.cli import main as command
    from harness.models.transformers import engine  # noqa: F401 - so that all libraries are loaded

    imported = time.process_time()
    parts = Parts()
    for part, place in PARTS.items():
        parts.watch(part, place)
    with contextlib.redirect_stdout(sys.stderr):
        if command(words) not in (0, 1):
            raise SystemExit("our run failed")
    whole = time.process_time()
    return {
        "reading frames, in processes of its own": children_cpu(),
        **parts.seconds,
        "imports": imported,
        "all else of the main process": whole - imported - sum(parts.seconds.values()),
        "whole run": whole + children_cpu(),
    }


class Parts:
    """Processor seconds by part: a function's own, in its thread, less those of others in it."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._here = threading.local()

    def watch(self, part: str, place: str) -> None:
        """Has the function at ``module:name`` counted from now on."""
        module, _, path = place.partition(":")
        *within, name = path.split(".")
        owner = functools.reduce(getattr, within, importlib.import_module(module))
        function = getattr(owner, name)

        @functools.wraps(function)
        def counted(*args: Any, **given: Any) -> Any:
            running: list[float] = self._here.__dict__.setdefault("running", [])
            began = time.thread_time()
            running.append(0.0)
            try:
                return function(*args, **given)
            finally:
                inner, took = running.pop(), time.thread_time() - began
                self.seconds[part] += took - inner
                if running:
                    running[-1] += took

        setattr(owner, name, counted)


# ── what is asked ────────────────────────────────────────────────────────────────────────────


def prepare(folder: Path, words: argparse.Namespace, clips: int, questions: int) -> None:
    """Checkpoint, clips, rows and both programs' tasks."""
    save_model(folder / "checkpoint", words.side, words.frames)
    (folder / "videos").mkdir()
    rows = []
    for clip in range(clips):
        name = f"clip{clip}.mp4"
        write_clip(folder / "videos" / name, clip, words.height, 24 * words.seconds)
        for i in range(questions):
            color = OPTIONS[i % 4]
            question = f"Which color appears in part {i + 1} of the video, {color} or another?"
            row = {"id": f"{clip}-{i}", "video": name, "question": question}
            rows.append(row | {"options": OPTIONS, "answer": "ABCD"[(clip + i) % 4]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours, theirs = folder / "configs" / "task", folder / "peer"
    ours.mkdir(parents=True)
    theirs.mkdir()
    (ours / "side_by_side.yaml").write_text(TASK.format(folder=folder))
    (theirs / "side_by_side.yaml").write_text(PEER_TASK.format(folder=folder, new=NEW))
    (theirs / "utils.py").write_text(PEER_UTILS.format(folder=str(folder)))


def save_model(folder: Path, side: int, frames: int) -> None:
    """LLaVA-NeXT-Video with random weights, in the files of the 7B checkpoint."""
    made = tokenizer.build(frames * (side // 28) ** 2 + 1024)
    torch.manual_seed(0)
    config = transformers.LlavaNextVideoConfig(
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=256, intermediate_size=1024, num_hidden_layers=6,
            num_attention_heads=4, image_size=side, patch_size=14, projection_dim=256,
        ),
        text_config=transformers.LlamaConfig(
            vocab_size=len(made), hidden_size=256, intermediate_size=688, num_hidden_layers=8,
            num_attention_heads=4, num_key_value_heads=4, initializer_range=0.1,
            max_position_embeddings=frames * (side // 28) ** 2 + 1024,
            bos_token_id=made.bos_token_id, eos_token_id=made.eos_token_id,
            pad_token_id=made.pad_token_id,
        ),
        image_token_index=made.vocab["<image>"],
        video_token_index=made.vocab["<video>"],
        image_grid_pinpoints=[[side, 2 * side], [2 * side, side]],
        image_seq_length=(side // 14) ** 2,
        video_seq_length=(side // 28) ** 2,
    )  # fmt: skip
    checkpoint.save(transformers.LlavaNextVideoForConditionalGeneration(config), made, folder)
    for path in folder.glob("*processor_config.json"):
        text = path.read_text().replace(f": {checkpoint.IMAGE_SIDE}", f": {side}")
        values = json.loads(text)
        if "image_grid_pinpoints" in values:
            values["image_grid_pinpoints"] = [[side, 2 * side], [2 * side, side]]
        if "patch_size" in values:
            values["patch_size"] = 14
        path.write_text(json.dumps(values))


def write_clip(path: Path, seed: int, height: int, count: int) -> None:
    """Moving noise of 16:9: no two frames are alike."""
    random = np.random.default_rng(seed)
    width = height * 16 // 9 // 2 * 2
    small = random.integers(0, 255, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = np.kron(small, np.ones((40, 40, 1), np.uint8))
    with av.open(path, "w") as container:
        options = {"threads": "1", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height = picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2
        stream.pix_fmt = "yuv420p"
        for i in range(count):
            moved = np.roll(picture, (3 * i, 7 * i), (0, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    raise SystemExit(main())
