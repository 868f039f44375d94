"""Subtitles: files as they are found, and the lines on screen at sampled frames."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

import pytest

from harness.errors import DataError
from harness.scoring.subtitles import Cue, cues_at, first_cues_at, interleave, read_cues

SRT = """1
00:00:01,000 --> 00:00:02,500
Hello there.

2
00:00:03,000 --> 00:00:05,000
Two lines
of text.
"""


def written(folder: Path, data: bytes, name: str = "a.srt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def texts(cues: list[Cue]) -> list[str]:
    return [cue.text for cue in cues]


@pytest.mark.parametrize(
    "data",
    [
        SRT.encode(),
        b"\xef\xbb\xbf" + SRT.encode(),
        SRT.replace("\n", "\r\n").encode(),
        SRT.replace("\n", "\r").encode(),
        SRT.encode("utf-16"),
        ("\n\n\n" + SRT + "\n\n\n").encode(),
        SRT.replace("\n\n", "\n").encode(),
        SRT.replace("Two", '<font color="white" size=".72c">Two')
        .replace("text.", "text.</font>")
        .encode(),
        SRT.replace("Hello", "{\\an8}<i>Hello").replace("there.", "there.</i>").encode(),
        SRT.replace(",", ".").encode(),
        SRT.replace(" --> ", "-->").encode(),
        SRT.replace("1\n00:00:01", "00:00:01").encode(),
        ("WEBVTT\n\n" + SRT.replace("00:00:0", "00:0").replace(",", ".")).encode(),
    ],
)
def test_real_files_read_the_same(tmp_path: Path, data: bytes) -> None:
    cues = read_cues(written(tmp_path, data))
    assert cues == [Cue(1.0, 2.5, "Hello there."), Cue(3.0, 5.0, "Two lines of text.")]


LINES = {
    "cp1252": ("Déjà vu, où êtes-vous ?", "Très bien, à bientôt."),
    "gb18030": ("大家好，欢迎收看今天的节目。", "今天我们要讲的是如何做红烧肉。"),
    "big5": ("大家好，歡迎收看今天的節目。", "今天我們要講的是如何做紅燒肉。"),
    "euc_jp": ("こんにちは、世界。今日はとても良い天気ですね。", "一緒に散歩に行きませんか。"),
    "cp1251": ("Привет, как дела?", "Сегодня хорошая погода."),
    "cp1250": ("Jó estét, őrült nő.", "Jó éjszakát, hűvös van."),
    "utf-16": ("Привет", "好"),
    "utf-16-le": ("Hello", "你好"),
    "utf-16-be": ("Hello", "你好"),
    "utf-32": ("Hello", "你好"),
}


@pytest.mark.parametrize("encoding", LINES)
def test_other_encodings_are_told(tmp_path: Path, encoding: str) -> None:
    first, second = LINES[encoding]
    text = SRT.replace("Hello there.", first).replace("Two lines\nof text.", second) * 10
    assert (
        texts(read_cues(written(tmp_path, text.encode(encoding)))) == [first] * 10 + [second] * 10
    )


def test_quotation_marks_of_windows_are_told(tmp_path: Path) -> None:
    text = SRT.replace("Hello there.", "It\u2019s \u201cthere\u201d \u2014 or Gr\u00f6\u00dfe.")
    cues = read_cues(written(tmp_path, text.encode("cp1252")))
    assert texts(cues)[0] == "It\u2019s \u201cthere\u201d \u2014 or Gr\u00f6\u00dfe."


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (SRT.replace("Hello", "你好").encode("gb18030"), "cannot be told for certain"),
        (SRT.replace("Hello", "più, gioventù").encode("cp1252"), "cannot be told for certain"),
        (SRT.encode().replace(b"Hello", b"H\x81llo"), "cannot be told for certain"),
        (SRT.encode().replace(b"Hello", b"H\x00llo"), "damaged at byte 33"),
        (SRT.replace("Hello", "Größe, süß").encode()[:-1] + b"\xc3", "damaged at byte"),
        (b"\xff\xfe" + SRT[:-1].encode("utf-16-le") + b"\x00", "damaged at byte"),
    ],
)
def test_an_encoding_that_is_uncertain_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=rf"a\.srt is .*{why}"):
        read_cues(written(tmp_path, data))


VTT = """WEBVTT - made by hand
Kind: captions
X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0

STYLE
::cue(.yellow) { color: yellow }

NOTE
not a cue --> at all

first
00:00:01.000 --> 00:00:02.500 align:start position:0%
<v Ann>hello<00:00:01.500><c> there</c><00:00:02.000><c.yellow> you</c></v>

NOTE a remark, which nobody sees

00:03.000 --> 00:05.000
un<i>believ</i>able &amp; 3 &lt; 4<br/>true

STYLE
::cue { background: black }
"""


def test_webvtt_has_times_in_the_line_styles_and_notes(tmp_path: Path) -> None:
    assert read_cues(written(tmp_path, VTT.encode(), "a.vtt")) == [
        Cue(1.0, 2.5, "hello there you"),
        Cue(3.0, 5.0, "unbelievable & 3 < 4 true"),
    ]


def test_advanced_substation(tmp_path: Path) -> None:
    data = (
        "[Script Info]\nDialogue: 0\n[V4+ Styles]\nFormat: Name\n[Events]\n"
        "Format: Layer, Start, End, Style, Text\n"
        "Dialogue: 0,0:00:03.00,0:00:05.50,Default,{\\i1}Two, lines\\Nof text.\n"
        "Comment: 0,0:00:03.00,0:00:05.50,Default,unseen\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Hello\n"
    )
    assert read_cues(written(tmp_path, data.encode(), "a.ass")) == [
        Cue(1.0, 2.0, "Hello"),
        Cue(3.0, 5.5, "Two, lines of text."),
    ]


def test_malformed_cues_are_dropped_alone(tmp_path: Path) -> None:
    data = (
        SRT
        + "\n3\n00:00:06,000 -->\nhalf a stamp\n"
        + "\n4\nnot a time\nnothing\n"
        + "\n5\n00:00:09,000 --> 00:00:08,000\nbackwards\n"
        + "\n6\n00:00:10,000 --> 00:00:11,000\n\n"
        + "\n7\n00:00:12,000 --> 00:00:13,000\nlast\n"
    )
    cues = read_cues(written(tmp_path, data.encode()))
    assert [cue.start for cue in cues] == [1.0, 3.0, 12.0]
    assert texts(cues) == ["Hello there.", "Two lines of text.", "last"]


def test_numbers_and_blank_lines_within_a_cue_are_text(tmp_path: Path) -> None:
    data = "1\n00:00:01,000 --> 00:00:02,000\nThe answer:\n\nis\n42\nor so\n"
    assert texts(read_cues(written(tmp_path, data.encode()))) == ["The answer: is 42 or so"]


def test_a_file_without_cues_is_empty_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    assert read_cues(written(tmp_path, b"")) == []
    assert read_cues(written(tmp_path, b"no subtitles here")) == []
    with pytest.raises(DataError, match="Cannot read subtitles"):
        read_cues(tmp_path / "missing.srt")
    with pytest.raises(DataError, match="not JSON"):
        read_cues(written(tmp_path, b"{", "a.json"))
    with pytest.raises(DataError, match="list of cues"):
        read_cues(written(tmp_path, b"{}", "a.json"))


def test_cues_are_in_order_of_time(tmp_path: Path) -> None:
    first, second = SRT.split("\n\n")
    assert (
        texts(read_cues(written(tmp_path, f"{second}\n\n{first}\n".encode())))[0] == "Hello there."
    )


def test_json_of_both_forms_and_word_lines(tmp_path: Path) -> None:
    clock = [{"start": "00:00:01.500", "end": "00:01:02.250", "line": "one"}]
    numbers = [{"timestamp": [1.5, 62.25], "text": "one"}, {"text": "no time"}, 7]
    words = '{"text": "one", "start_time": 1.5, "end_time": 62.25}\n\n'
    expected = [Cue(1.5, 62.25, "one")]
    assert read_cues(written(tmp_path, json.dumps(clock).encode(), "a.json")) == expected
    assert read_cues(written(tmp_path, json.dumps(numbers).encode(), "b.json")) == expected
    assert read_cues(written(tmp_path, words.encode(), "c.jsonl")) == expected
    endless = [{"timestamp": [1.5, None], "text": "one"}]
    assert read_cues(written(tmp_path, json.dumps(endless).encode(), "d.json"))[0].end == inf


CUES = [Cue(0, 2, "a"), Cue(1, 3, "b"), Cue(3, 4, "c"), Cue(8, 9, "d")]


def test_lines_at_sampled_frames_come_once_in_order() -> None:
    assert texts(cues_at(CUES, [1.5, 0.5, 8.0, 1.6])) == ["a", "b", "d"]
    assert cues_at(CUES, [4.0, 5.0]) == []
    assert cues_at(CUES, []) == []


def test_a_cue_ends_just_before_its_end() -> None:
    assert texts(cues_at(CUES, [3.0])) == ["c"]


def test_the_first_line_of_each_frame_with_repeats() -> None:
    assert texts(first_cues_at(CUES, [1.5, 1.6, 5.0, 8.5])) == ["a", "a", "d"]


def test_interleaving_places_lines_by_their_middles() -> None:
    cues = [Cue(10.5, 12.5, "early"), Cue(13.2, 13.4, "short"), Cue(16, 17, "unseen")]
    assert interleave(cues, [0, 1, 2, 3, 4], offset=10) == [0, 1, "early", 2, 3, "short", 4]


def test_an_open_cue_ends_with_the_clip() -> None:
    assert interleave([Cue(0, inf, "on")], [0, 1, 2, 3], duration=3) == [0, 1, "on", 2, 3]
