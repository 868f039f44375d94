"""The readers that ``benchmarks.decode`` compares, each ready to be timed once."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import av
import numpy as np

from harness.types import VideoInfo
from harness.video.convert import Converter, shrunk
from harness.video.exact_reader import open_video
from harness.video.sampling import Sampling
from harness.video.video_file import VideoFile

Read = Callable[[str, int], int]


def prepared(reader: str, path: str, frames: int, size: int) -> Read:
    """A function that reads so many frames and returns their bytes; its imports are done."""
    made = {"harness": _harness, "loop": _loop, "torchcodec": _peer, "decord": _peer}
    if reader == "floor":
        return _floor(path, frames, size)
    return made[reader](reader, size)


def _harness(_: str, size: int) -> Read:
    def read(path: str, frames: int) -> int:
        with open_video(Path(path)) as video:
            indices = Sampling(frames=frames).indices(video.info)
            return video.read(indices, size=size).pixels.nbytes

    return read


def _loop(_: str, size: int) -> Read:
    """As the model cards have it, with one thread; the count is the header's."""

    def read(path: str, frames: int) -> int:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            stream.thread_type = "NONE"
            info = VideoInfo(stream.frames, 30, stream.frames / 30, 0, 0)
            indices = set(Sampling(frames=frames).indices(info))
            kept = [f for i, f in enumerate(container.decode(stream)) if i in indices]
            return np.stack([f.to_ndarray(format="rgb24") for f in kept]).nbytes

    return read


def _peer(name: str, size: int) -> Read:
    from harness.video import other_decoders

    kind = {"torchcodec": other_decoders.Torchcodec, "decord": other_decoders.Decord}[name]
    import_module(name)
    if name == "torchcodec":
        import_module("torchcodec.transforms")

    def read(path: str, frames: int) -> int:
        video = kind(Path(path))
        indices = Sampling(frames=frames).indices(video.info)
        return video.read(indices, size=size).pixels.nbytes

    return read


def _floor(path: str, frames: int, size: int) -> Read:
    """Everything but decoding and converting is done before the clock starts."""
    with open_video(Path(path)) as video:
        index, info = video.index, video.info
        targets = Sampling(frames=frames).indices(info)
        needed: dict[int, int] = {}
        for target in targets:
            key = index.key(target)
            needed[key] = max(needed.get(key, 0), int(index.order[target]))
        wanted = {int(index.order[target]) for target in targets}
    file = VideoFile(Path(path))
    packets = list(file.packets())
    runs = [packets[int(index.keys[key]) : last + 1] for key, last in sorted(needed.items())]
    firsts = [int(index.keys[key]) for key in sorted(needed)]
    times = {packets[place].pts for place in wanted}
    out = np.empty((*shrunk(info.width, info.height, size)[::-1], 3), np.uint8)

    def read(_: str, __: int) -> int:
        converter = Converter(out.shape[1], out.shape[0], shrink=True)
        count = 0
        for first, run in zip(firsts, runs, strict=True):
            for place, packet in enumerate([*run, None], first):
                skip = packet is not None and place not in wanted
                file.codec.skip_frame = "NONREF" if skip else "DEFAULT"
                for frame in file.codec.decode(packet):
                    if frame.pts in times:
                        converter.into(frame, out)
                        count += 1
            file.codec.flush_buffers()
        assert count == len(times)
        return out.nbytes * count

    return read
