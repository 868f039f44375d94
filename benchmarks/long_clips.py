"""What memory a long clip of 1080p takes, from its file to its model's inputs.

    python -m benchmarks.long_clips [--family qwen3_vl] [--frames 768] [--json]

A fresh process reads the frames, each brought to the size that the family's processor would give
it as it is decoded (``video.size=model``), writes a prompt, and makes its pixels on the device of a
tiny model with the published sizes of pictures, float32: a few frames at a time, as its tower would
see them. Peaks of resident memory are those above the loaded program's own, which is said too:
Python, torch and transformers; ``frames`` is what the frames take as bytes, which are there from
the first to the last.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.types import Clip, Frames, Prompt, Question, Sample, Text, Turn, Video, VideoInfo

SIDES = (1920, 1080)
PUBLISHED: dict[str, dict[str, Any]] = {  # configs/model/{qwen3_vl_8b,qwen2_5_vl_7b,internvl3_8b}
    "qwen3_vl": {
        "patch_size": 16,
        "max_video_tokens": 392,
        "videos_kwargs": {
            "size": {"shortest_edge": 4096, "longest_edge": 19267584},
            "cap_pixels_per_frame": True,
        },
    },
    "qwen2_5_vl": {
        "patch_size": 14,
        "max_video_tokens": 128000,
        "videos_kwargs": {
            "size": {"shortest_edge": 100352, "longest_edge": 602112},
            "cap_pixels_per_frame": True,
        },
    },
    "internvl": {"videos_kwargs": {"size": {"height": 448, "width": 448}}},
}
RAW = argparse.RawDescriptionHelpFormatter


def resident() -> float:
    """This process's memory in MB."""
    return _status("VmRSS")


def peak(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work gives, the highest memory in MB meanwhile, and its processor seconds."""
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
    began = time.process_time()
    found = work()
    return found, _status("VmHWM"), time.process_time() - began


def _status(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def measure(family: str, frames: int, video: Path | None) -> dict[str, Any]:
    """Peaks in MB above the program's own by stage. Without a ``video`` frames of noise go through
    the same resizing, the first eight of them again and again."""
    from harness.models.transformers import Transformers
    from tests import families

    settings = Transformers(
        str(families.build(family)),
        frames_as="video",
        processor=PUBLISHED[family],
        dtype="float32",
        device="cpu",
    )
    model, _ = families.loaded(family)
    resize = settings.frame_resize
    size = resize.size(frames, *SIDES) if resize else None
    assert resize is not None
    assert size is not None
    noise = np.random.default_rng(0).integers(0, 256, (*SIDES[::-1], 3), np.uint8)
    resize.resized(noise, *size)
    settings.write(_sample(noise[None, :336, :644].repeat(8, 0)))  # what is loaded late, is there
    base = resident()

    shown, read_peak, read_seconds = peak(lambda: _frames(resize, size, noise, frames, video))
    [written], write_peak, write_seconds = peak(lambda: settings.write(_sample(shown.pixels)))
    _, placed_peak, placed_seconds = peak(lambda: _place(model, written))
    return {
        "family": family,
        "frames": frames,
        "size": list(size),
        "program": base,
        "bytes": shown.pixels.nbytes / 1e6,
        "stages": {
            "read": {"peak": read_peak - base, "seconds": read_seconds},
            "written": {"peak": write_peak - base, "seconds": write_seconds},
            "on its device": {"peak": placed_peak - base, "seconds": placed_seconds},
        },
    }


def _frames(
    resize: Any, size: tuple[int, int], noise: Any, count: int, video: Path | None
) -> Frames:
    if video is not None:
        import harness.video

        return harness.video.read(video, range(count), resize=resize)
    made = np.empty((count, size[1], size[0], 3), np.uint8)
    for i in range(count):
        made[i] = resize.resized(np.roll(noise, i), *size) if i < 8 else made[i % 8]
    return Frames(made, np.arange(count) / 2.0)


def _place(model: Any, written: Any) -> None:
    """Every input on the model's device; pixels as many at a time as a tower is given."""
    from harness.models.transformers.memory import TOWER_AT_ONCE
    from harness.models.transformers.merging import ahead
    from harness.models.transformers.plain import placed
    from harness.models.transformers.spans import SpannedPixels

    inputs = dict(written.inputs)
    for name in [n for n, value in inputs.items() if isinstance(value, SpannedPixels)]:
        spanned = inputs.pop(name)
        for made in ahead(spanned.spans, spanned.most(TOWER_AT_ONCE["cpu"])):
            placed(model, {name: made[name]})
    placed(model, inputs)


def _sample(pixels: Any) -> Sample:
    count = len(pixels)
    prompt = Prompt(Question("q", ""), (Turn("user", (Video(), Text("What happens?"))),))
    info = VideoInfo(count * 12, 24.0, count / 2, *SIDES)
    return Sample(Clip("c", None), info, Frames(pixels, np.arange(count) / 2.0), (prompt,))


def main() -> None:
    """Measures each family in a process of its own, and prints."""
    from benchmarks.clips import clip_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--family", choices=PUBLISHED, nargs="+", default=list(PUBLISHED))
    parser.add_argument("--frames", type=int, default=768)
    parser.add_argument("--json", action="store_true", help="one line of JSON a family, alone")
    parser.add_argument("--noise", action="store_true", help="no video: frames of noise")
    chosen = parser.parse_args()
    video = None
    if not chosen.noise:
        video = clip_file("1080p", Path(tempfile.gettempdir()) / "harness-clips")
    if len(chosen.family) == 1 and chosen.json:
        print(json.dumps(measure(chosen.family[0], chosen.frames, video)))
        return
    if not chosen.json:
        print("| family | frames | each | program, MB | frames | read | written | on its device |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for family in chosen.family:
        asked = ["--family", family, "--frames", str(chosen.frames), "--json"]
        asked += ["--noise"] if chosen.noise else []
        command = [sys.executable, "-m", "benchmarks.long_clips", *asked]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        line = done.stdout.splitlines()[-1]
        print(line if chosen.json else _row(json.loads(line)))


def _row(found: dict[str, Any]) -> str:
    stages = found["stages"].values()
    cells = [f"+{each['peak']:,.0f} ({each['seconds']:.1f} s)" for each in stages]
    width, height = found["size"]
    first = [found["family"], found["frames"], f"{width} × {height}"]
    first += [round(found["program"]), round(found["bytes"])]
    return f"| {' | '.join(map(str, [*first, *cells]))} |"


if __name__ == "__main__":
    main()
