"""An MP4's own index, read without its packets, says what the packets say, or nothing."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from harness.errors import VideoError
from harness.video import probe
from harness.video.mp4 import listed
from harness.video.packets import demuxed
from harness.video.source import Source
from tests import videos

MOVS = [name for name in [*videos.ZOO, *videos.MADE] if name.endswith((".mp4", ".mov"))]
# Those whose own index must not be taken at its word: fragments, and edits that hide frames.
DEMUXED = {"h264_fragmented.mp4", "edit_list.mp4", "edit_list_open.mp4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.mark.parametrize("name", MOVS)
def test_the_index_says_what_the_packets_say(name: str, folder: Path) -> None:
    path = videos.make(name, folder)
    source, other = Source(path), Source(path)
    found, true = listed(source), demuxed(other)
    assert (found is None) == (name in DEMUXED)
    if found is not None:
        for column in ("pts", "dts", "keys", "shown"):
            assert np.array_equal(getattr(found, column), getattr(true, column)), column
        assert (found.last, found.timed, found.flaws) == (true.last, True, ())
    source.close()
    other.close()


@pytest.mark.parametrize(
    ("box", "offset", "value"),
    [
        (b"stss", 12, 0),  # keyframes are counted from 1
        (b"stss", 12, 1 << 20),  # and there are not so many packets
        (b"stts", 12, 0x7FFFFFFF),  # two billion packets of the same duration
        (b"ctts", 12, 0x7FFFFFFF),
        (b"stss", 8, 0x7FFFFFFF),  # a table longer than its box
        (b"stts", 8, 0x7FFFFFFF),
        (b"elst", 8, 0x7FFFFFFF),
    ],
)
def test_a_scrambled_table_is_never_believed(
    box: bytes, offset: int, value: int, folder: Path, tmp_path: Path
) -> None:
    """The file is refused, or its packets are counted by reading them."""
    path = tmp_path / "scrambled.mp4"
    data = bytearray(videos.make("h264_open.mp4", folder).read_bytes())
    struct.pack_into(">I", data, data.index(box) + offset, value)
    path.write_bytes(data)
    try:
        source = Source(path)
    except VideoError:
        return
    found = listed(source)
    source.close()
    assert found is None or len(found.pts) == videos.FRAMES
    assert probe(path, damaged="partial").count <= videos.FRAMES
