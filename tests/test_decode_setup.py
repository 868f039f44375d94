"""What a decoder was told before a keyframe is told again, however the frame is reached."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from harness.video import probe, read
from harness.video.exact_reader import open_video
from harness.video.full_decode import traced
from harness.video.video_file import VideoFile
from tests import videos
from tests.media_changes import CHANGED, PALETTES
from tests.test_decode import decode_all, same, some
from tests.videos import FRAMES


@pytest.mark.parametrize("name", [*CHANGED, *PALETTES])
def test_what_came_before_a_keyframe_is_in_force_behind_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    ({**CHANGED, **PALETTES})[name](path)
    everything, _ = decode_all(path)
    assert probe(path).count == len(everything) == FRAMES
    for indices in [*some(FRAMES, 4), [FRAMES - 1, 2], [22, 3, 38, 21], [31], [19, 20]]:
        got = read(path, indices)
        same(got.pixels, [everything[i] for i in indices])
        assert not got.damage


@pytest.mark.parametrize("name", [n for n in CHANGED if not n.endswith(("avi", "h264"))])
def test_new_parameter_sets_do_not_cost_seeking(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    CHANGED[name](path)
    with open_video(path) as video:
        assert video.index.seekable
        assert len(video.index.setup.sets) >= 2


@pytest.mark.parametrize("name", PALETTES)
def test_a_palette_of_the_first_packet_is_kept_by_reading_from_the_start(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    PALETTES[name](path)
    with open_video(path) as video:
        assert not video.index.seekable


def test_two_files_that_are_decoded_at_once_keep_their_places_apart(tmp_path: Path) -> None:
    """PyAV forgets what two packets share: a place must be an object of its own."""
    path = videos.make("h264_closed.mp4", tmp_path)
    files = [VideoFile(path) for _ in range(3)]
    alone = [place for _, place in traced(files[0], [])]
    assert alone != sorted(alone)  # B-frames: the current packet would be the wrong one
    others = [traced(file, []) for file in files[1:]]
    places: list[list[int]] = [[], []]
    places[0] += [next(others[0])[1] for _ in range(2)]  # the second follows a little behind
    for found, reader in [*zip(places, others, strict=True)] * FRAMES:
        found += [place for _, place in islice(reader, 1)]
    assert places == [alone, alone]
    for file in files:
        file.close()
