"""The sample table tells of an MP4 what reading all of its packets tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.video import read
from harness.video.index import Index, build
from harness.video.sample_table import SampleTable, sample_table
from harness.video.video_file import VideoFile
from tests import videos
from tests.media_changes import CHANGED
from tests.test_decode import decode_all, same
from tests.videos import FRAMES, ZOO, Encoding, encode, gop, number

MP4 = [name for name in ZOO if name.endswith(("mp4", "mov"))]
# Every packet is read for fields, fragments, hidden frames, H.264 keyframes that are no IDR
# pictures, and B-frames of which none is seen.
REFUSED = {
    *("h264_open.mp4", "h264_faststart.mp4", "vfr.mp4", "edit_list_open.mp4", "edit_list.mp4"),
    *("h264_fragmented.mp4", "h264_intra_refresh.mp4", "h264_interlaced.mp4"),
    *("mpeg4.mp4", "qtrle_alpha.mov", "h264_one_frame.mp4"),
}


def both(path: Path) -> tuple[VideoFile, SampleTable | None, Index]:
    """The file with its table, and its index from every packet."""
    whole = VideoFile(path)
    index = build(whole)
    whole.close()
    file = VideoFile(path)
    return file, sample_table(file), index


def agree(path: Path, asks: list[list[int]]) -> bool:
    """Whether there is a table; what it says of each ask is then what all packets say."""
    file, table, index = both(path)
    if table is None:
        return False
    assert table.info == index.info
    for ask in asks:
        part = table.index(file, ask)
        assert part is not None
        assert part.packets == index.packets
        for frame in ask:
            assert part.times[frame] == index.times[frame]
            assert part.pts[frame] == index.pts[frame]
            assert part.order[frame] == index.order[frame]
            assert part.key(frame) == index.key(frame)
            assert part.key_pts[part.key(frame)] == index.key_pts[index.key(frame)]
    file.close()
    return True


@pytest.mark.parametrize("name", [n for n in MP4 if n not in REFUSED])
def test_the_table_and_all_packets_agree(name: str, tmp_path: Path) -> None:
    path = videos.make(name, tmp_path)
    count = len(ZOO[name].numbers)
    assert agree(path, [[n] for n in range(count)] + [list(range(count))])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_where_the_table_does_not_tell_all_every_packet_is_read(name: str, tmp_path: Path) -> None:
    file, table, _ = both(videos.make(name, tmp_path))
    assert table is None
    assert next(file.packets()).is_keyframe  # and it stands at its start
    file.close()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    length=st.integers(1, 20),
    b_frames=st.integers(0, 5),
    codec=st.sampled_from(["libx264", "libx265"]),
    frames=st.integers(1, 60),
    refs=st.integers(1, 4),
    data=st.data(),
)
def test_any_group_structure(
    tmp_path_factory: pytest.TempPathFactory,
    length: int,
    b_frames: int,
    codec: str,
    frames: int,
    refs: int,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("any") / "clip.mp4"
    words = f"keyint={length}:min-keyint={length}:scenecut=0:bframes={b_frames}:ref={refs}"
    if codec == "libx265":  # open groups: stored behind a keyframe, shown before
        options = {"x265-params": f"{words}:open-gop=1:b-adapt=0:log-level=none:pools=none"}
    else:
        options = {"x264-params": f"{words}:open-gop=0:b-pyramid=normal"}
    encode(path, Encoding(codec, options, numbers=range(frames), width=64, height=64))
    ask = data.draw(st.lists(st.integers(0, frames - 1), min_size=1, max_size=6))
    assume(agree(path, [ask, list(range(frames))]))


@pytest.mark.parametrize("name", [n for n in CHANGED if n.endswith(("mp4", "mov"))])
def test_parameter_sets_that_change_are_not_overlooked(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    CHANGED[name](path)
    file, table, _ = both(path)
    assert table is None
    file.close()


def _bytes(path: Path, old: bytes, new: bytes, at: int = 0) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(old) + at
    data[place : place + len(new)] = new
    path.write_bytes(data)


def _edit(name: str) -> Callable[[Path], None]:
    edits: dict[str, Callable[[Path], None]] = {
        "cut": lambda path: videos.cut(path, 0.9),
        "tail": lambda path: path.write_bytes(path.read_bytes() + b"\0\0\0\x08moof"),
        "encrypted": lambda path: _bytes(path, b"hdlr\0\0\0\0\0\0\0\0vide", b"encv", 20),
        "descriptions": lambda path: _bytes(path, b"stsd", b"\0\0\0\2", 8),
        "nonsense": lambda path: _bytes(path, b"mdat", b"\xff\xff\xff\xff", 4),
    }
    return edits[name]


@pytest.mark.parametrize("name", ["cut", "tail", "encrypted", "descriptions", "nonsense"])
def test_a_file_that_is_not_plain_is_read_whole(name: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    encode(path, Encoding(options=gop(10, 3), muxer={"movflags": "faststart"}))
    _edit(name)(path)
    file = VideoFile(path)
    assert sample_table(file) is None
    file.close()


def test_only_the_packets_on_the_way_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.mp4"
    encode(path, Encoding(options=gop(10, 2), numbers=range(FRAMES * 6)))
    count = [0]
    packets = VideoFile.packets

    def counted(self: VideoFile) -> object:
        for packet in packets(self):
            count[0] += 1
            yield packet

    monkeypatch.setattr(VideoFile, "packets", counted)
    frames = read(path, [7, 105, 239])
    assert [number(frame) for frame in frames.pixels] == [7, 105, 239]
    everything, _ = decode_all(path)
    same(frames.pixels, [everything[i] for i in (7, 105, 239)])
    assert count[0] < FRAMES * 6 / 2
    assert not np.isnan(frames.times).any()
