"""lmms-eval and this harness on the same clips, checkpoint, frames and prompts.

    make peers                            # lmms-eval, in an environment of its own
    python -m benchmarks.side_by_side [--frames 32] [--shapes 12x3 4x10] [--json]

A medium LLaVA-NeXT-Video with random weights (float32, on a CPU) answers made-up questions about
generated clips of 720p. Each program loads the checkpoint once; what is compared is a whole run,
from its start to its scores, and each answer. Then our run is taken once more with its parts timed.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
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
    "reading frames (waited for)": ("prefetch.py", "_taken"),
    "vision": ("decoder.py", "see"),
    "prefill": ("sharing.py", "prefill"),
    "new tokens": ("sharing.py", "step"),
    "loading the model": ("loading.py", "load_model"),
}


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
    rows = [measure(words, *map(int, shape.split("x"))) for shape in words.shapes]
    shown = [{k: v for k, v in row.items() if k != "parts"} for row in rows]
    print(tabulate(shown, "keys", "pipe", floatfmt=".1f"))
    for row in rows:
        print(f"\nwhere our time goes, {row['clips x questions']}:")
        print(tabulate(row["parts"].items(), ("part", "seconds"), "pipe", floatfmt=".1f"))
    if words.json:
        print(json.dumps(rows))
    return 0


def measure(words: argparse.Namespace, clips: int, questions: int) -> dict[str, Any]:
    """Both programs in turn over so many clips and questions; the best of the repeats."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, words, clips, questions)
        theirs, ours = [], []
        for i in range(words.repeats):
            command = [str(words.peer), str(ROOT / "benchmarks/lmms_eval_peer.py")]
            theirs.append(last_line([*command, str(folder), str(words.frames)], folder))
            ours.append(our_run(folder, words, f"results{i}"))
        asked = [*our_words(folder, words), "results=profiled"]
        parts = last_line(
            [sys.executable, "-m", "benchmarks.side_by_side", "--profile", *asked], folder
        )
    said, answers = theirs[0]["answers"], ours[0]["answers"]
    equal = sum(text.strip() == answers[id].strip() for id, text in said.items())
    best = [min(run["whole"] for run in runs) for runs in (theirs, ours)]
    return {
        "clips x questions": f"{clips} x {questions}",
        "lmms-eval, s": best[0],
        "harness, s": best[1],
        "times as fast": best[0] / best[1],
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


def our_run(folder: Path, words: argparse.Namespace, results: str) -> dict[str, Any]:
    """One run of ours as a user starts it: its seconds and answers."""
    command = [sys.executable, "-m", "harness", *our_words(folder, words), f"results={results}"]
    began = time.perf_counter()
    told = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    whole = time.perf_counter() - began
    if told.returncode not in (0, 1):
        raise SystemExit(told.stderr)
    [path] = (folder / results).rglob("records-*.jsonl")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        "whole": whole,
        "answers": {r["question"]["id"]: (r["response"] or {"text": ""})["text"] for r in records},
    }


def last_line(command: list[str], folder: Path) -> dict[str, Any]:
    """A program's last line, which is JSON, with its ``whole`` seconds where it has answers."""
    began = time.perf_counter()
    told = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr[-6000:])
    found: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    return found | ({"whole": time.perf_counter() - began} if "answers" in found else {})


def environment() -> dict[str, str]:
    """Both programs get as many threads, and no network."""
    threads = str(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    more = {"OMP_NUM_THREADS": threads, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return os.environ | more | {"OMP_WAIT_POLICY": "PASSIVE"}


def profiled(words: list[str]) -> dict[str, float]:
    """Our run in this process: seconds of each part, and of all else."""
    from harness.cli import main as command

    profile = cProfile.Profile()
    began = time.perf_counter()
    profile.runcall(command, words)
    whole = time.perf_counter() - began
    seen: dict[str, float] = {}
    for (file, _line, name), (_, _, _, cumulative, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for part, (module, function) in PARTS.items():
            if name == function and "harness" in file and Path(file).name == module:
                seen[part] = max(seen.get(part, 0.0), cumulative)
    return seen | {"whole run": whole}


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
