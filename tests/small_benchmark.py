"""One row in Video-MME's schema beside one rendered clip, for tests that spoil it."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np

ROW = {
    "video_id": "001",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Astronomy",
    "url": "",
    "videoID": "one",
    "question_id": "001-1",
    "task_type": "Counting Problem",
    "question": "How many?",
    "options": ["A. one", "B. two", "C. three", "D. four"],
    "answer": "B",
}


def write_benchmark(
    folder: Path, subtitles: bytes | None = None, ending: str = ".srt", **changes: Any
) -> None:
    """Writes ``rows.jsonl``, ``videos/one.mp4`` (8 frames) and perhaps ``subtitles/one.srt``."""
    (folder / "videos").mkdir(parents=True)
    (folder / "rows.jsonl").write_text(json.dumps(ROW | changes) + "\n")
    if subtitles is not None:
        (folder / "subtitles").mkdir()
        (folder / "subtitles" / f"one{ending}").write_bytes(subtitles)
    with av.open(folder / "videos" / "one.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=8, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for shade in range(0, 240, 30):
            pixels = np.full((32, 32, 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
