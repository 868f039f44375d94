"""Questions a second of the engine on the demo's clips, beside plain ``generate``.

    python -m benchmarks.engine [--model tiny_video] [--threads 1] [--repeats 3] [--json]

Frames are read and prompts written before the clock starts for neither way: both start from decoded
frames and prompts as turns, and end with texts. Answers are compared. The model is a toy of 1.7
million parameters: what is measured is what the engine costs beside the arithmetic.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

import harness.demo
import harness.models
from harness.models.transformers import Transformers
from harness.models.transformers.engine import Engine
from harness.models.transformers.plain import generate
from harness.types import Clip, Generation, Prompt, Question, Response, Sample, Text, Turn, Video
from harness.video import probe, read
from harness.video.sampling import Sampling

DEMO = Path(harness.demo.__path__[0])
FRAMES = 8
ASK = (
    "Select the best answer to the following multiple-choice question based on the video. Respond "
    "with only the letter (A, B, C, or D) of the correct option.\n{question}\n{options}\n"
    "The best answer is:"
)
GREEDY = Generation()
RAW = argparse.RawDescriptionHelpFormatter


def samples(limit: int | None = None) -> list[Sample]:
    """The demo's clips with their questions, frames read."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in (DEMO / "data" / "rows.jsonl").read_text().splitlines():
        row = json.loads(line)
        rows.setdefault(row["videoID"], []).append(row)
    found = []
    for video, asked in list(rows.items())[:limit]:
        path = DEMO / "data" / "videos" / f"{video}.mp4"
        info = probe(path)
        frames = read(path, Sampling("linspace", FRAMES).indices(info, None))
        prompts = tuple(_prompt(row) for row in asked)
        found.append(Sample(Clip(video, path), info, frames, prompts))
    return found


def _prompt(row: dict[str, Any]) -> Prompt:
    text = ASK.format(question=row["question"], options="\n".join(row["options"]))
    question = Question(row["question_id"], row["question"], tuple(row["options"]), row["answer"])
    return Prompt(question, (Turn("user", (Video(), Text(text))),))


def settings(name: str) -> Transformers:
    """A tiny checkpoint on the CPU, by its way of showing frames."""
    folder = str(DEMO / "checkpoints" / name)
    kind = json.loads((Path(folder) / "config.json").read_text())["model_type"]
    if kind == "llava_next_video":
        return Transformers(
            folder, tokens_per_frame=4, dtype="float32", device="cpu", frames=FRAMES
        )
    return Transformers(folder, frames_as="video", dtype="float32", device="cpu", frames=FRAMES)


def ours(engine: Engine, asked: list[Sample]) -> dict[str, str]:
    """Each question's answer, by the engine."""
    responses = engine.generate(asked, GREEDY)
    return {r.question: r.text for r in responses if isinstance(r, Response)}


def plain(engine: Engine, asked: list[Sample]) -> dict[str, str]:
    """The same by ``generate``, one question at a time; pictures are prepared once a clip."""
    said = {}
    for sample in asked:
        for branch in engine.write(sample, GREEDY).branches:
            given = branch.written.inputs
            ids, _ = generate(engine.model, given, GREEDY, branch.limit, engine.stops)
            said[branch.prompt.key] = str(engine.writer.tokenizer.decode(ids)).strip()
    return said


def measure(name: str, repeats: int, limit: int | None = None) -> dict[str, Any]:
    """Best of the repeats, the two ways in turn."""
    engine, asked = settings(name).load(), samples(limit)
    best = {"ours": float("inf"), "plain": float("inf")}
    answers: dict[str, dict[str, str]] = {}
    for _ in range(repeats):
        for way, run in (("ours", ours), ("plain", plain)):
            began = time.perf_counter()
            answers[way] = run(engine, asked)
            best[way] = min(best[way], time.perf_counter() - began)
    count = sum(len(sample.prompts) for sample in asked)
    flips = sum(answers["ours"][key] != text for key, text in answers["plain"].items())
    return {
        "model": name,
        "questions": count,
        "per_second": count / best["ours"],
        "plain_per_second": count / best["plain"],
        "flips": flips,
        "in_flight": engine.in_flight,
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    names = sorted(path.name for path in (DEMO / "checkpoints").iterdir())
    parser.add_argument("--model", choices=names, nargs="+", default=["tiny_video"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clips", type=int, default=None, help="only so many (default: all)")
    parser.add_argument("--json", action="store_true", help="also print one line of JSON, last")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    rows = [measure(name, chosen.repeats, chosen.clips) for name in chosen.model]
    print("| model | questions | threads | in flight | questions/s | generate's | flips |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row['model']} | {row['questions']} | {row['threads']} | {row['in_flight']} "
            f"| {row['per_second']:.0f} | {row['plain_per_second']:.0f} | {row['flips']} |"
        )
    if chosen.json:
        print(json.dumps({"models": rows}))


if __name__ == "__main__":
    main()
