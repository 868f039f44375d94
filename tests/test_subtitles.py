"""Subtitles: files as they are found, and the lines on screen at sampled frames."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

import pytest

from harness.errors import DataError
from harness.scoring.encodings import decoded
from harness.scoring.subtitles import (
    Cue,
    cues_at,
    first_cues_at,
    interleave,
    interleaved,
    read_cues,
)
from harness.types import Text, Video

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
        b"\xef\xbb\xbf" * 2 + SRT.replace("1\n00:00:01", "00:00:01").encode(),
        SRT.replace("Hello", "\ufeffHello").encode(),
        SRT.replace("1\n00:00:01", "00:00:01").replace("\n2\n", "").encode(),
        SRT.replace("00:00:01,000", "00:00:01").encode(),
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


OTHERS = {
    # letters that Polish has in the same bytes, and all of Romanian's
    "Spanish": ("cp1252", "La niña come piña mañana.", "El señor no sueña."),
    "Romanian": ("cp1250", "În această ţară oamenii ştiu să cânte.", "Şi mâine, fără îndoială."),
}


@pytest.mark.parametrize(
    ("encoding", "first", "second"),
    [*((name, *lines) for name, lines in LINES.items()), *OTHERS.values()],
)
def test_other_encodings_are_told(tmp_path: Path, encoding: str, first: str, second: str) -> None:
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
        (LINES["cp1250"][0].encode("cp1250") + b"\x83", "cannot be told for certain"),
        (SRT.encode().replace(b"Hello", b"H\x00l\x00o"), "damaged at byte 33: a zero in text"),
        (b"\xef\xbb\xbf" + SRT.encode() + b"\xff", "damaged at byte 97: no UTF-8 text"),
        ("Hello there \ud83d!".encode("utf-16-le", "surrogatepass"), "at byte 24: no UTF-16-LE"),
        (SRT.replace("Hello", "Größe, süß").encode()[:-1] + b"\xc3", "damaged at byte"),
        (b"\xff\xfe" + SRT[:-1].encode("utf-16-le") + b"\x00", "damaged at byte"),
    ],
)
def test_an_encoding_that_is_uncertain_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=rf"a\.srt is .*{why}"):
        read_cues(written(tmp_path, data))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ab你好世界再见", True),  # an eighth of the bytes are zeros
        ("a" * 8 + "你" * 25, False),  # fewer
        ("a" * 8 + "一", True),  # whose lower byte is zero: an eighth of the others
        ("a" * 7 + "一", False),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(text: str, told: bool, encoding: str) -> None:
    if told:
        assert decoded(text.encode(encoding), "it") == text
    else:
        with pytest.raises(DataError, match=r"it is damaged at byte [01]: a zero in text"):
            decoded(text.encode(encoding), "it")


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
00:05.000 --> 01:00:05.000
go --> there

STYLE
::cue { background: black }
"""


def test_webvtt_has_times_in_the_line_styles_and_notes(tmp_path: Path) -> None:
    assert read_cues(written(tmp_path, VTT.encode(), "a.vtt")) == [
        Cue(1.0, 2.5, "hello there you"),
        Cue(3.0, 5.0, "unbelievable & 3 < 4 true"),
        Cue(5.0, 3605.0, "go --> there"),
    ]


def test_advanced_substation(tmp_path: Path) -> None:
    data = (
        "Format: Start, End, Text\nDialogue: 0:00:06.00,0:00:07.00,of no section\n"
        "[Script Info]\nDialogue: 0\n[V4+ Styles]\nFormat: Name\n[Events]\n"
        "Format: Layer, Start, End, Style, Text\n"
        "Dialogue: 0,0:00:03.00,0:00:05.50,Default,{\\i1}Two, lines\\Nof text.\n"
        "Comment: 0,0:00:03.00,0:00:05.50,Default,unseen\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Hello\n"
        "Dialogue: 0,0:00:06.00\n"
        "Dialogue: 0,soon,0:00:07.00,Default,no start\n"
        "Dialogue: 0,0:00:06.00,later,Default,no end\n"
        "Dialogue: 0,0:00:06.00,0:00:06.00,Default,no length\n"
        "Dialogue: 0,0:00:06.00,0:00:07.00,Default,\n"
    )
    assert read_cues(written(tmp_path, data.encode(), "a.ass")) == [
        Cue(1.0, 2.0, "Hello"),
        Cue(3.0, 5.5, "Two, lines of text."),
    ]
    untold = "[Events]\nFormat: Start, End\nDialogue: 0:00:01.00,0:00:02.00\n"
    assert read_cues(written(tmp_path, untold.encode(), "b.ssa")) == []


def test_malformed_cues_are_dropped_alone(tmp_path: Path) -> None:
    data = (
        SRT
        + "\n3\n00:00:06,000 -->\nhalf a stamp\n"
        + "\n4\nnot a time\nnothing\n"
        + "\n5\n00:00:09,000 --> 00:00:08,000\nbackwards\n"
        + "\n6\n00:00:10,000 --> 00:00:11,000\n\n61\nwhich has no time\n"
        + "\n62\n00:00:11,000 --> 00:00:11,000\nno length\n"
        + "\n7\n00:00:12,000 --> 00:00:13,000\nlast\n"
    )
    cues = read_cues(written(tmp_path, data.encode()))
    assert [cue.start for cue in cues] == [1.0, 3.0, 12.0]
    assert texts(cues) == ["Hello there.", "Two lines of text.", "last"]


def test_numbers_and_blank_lines_within_a_cue_are_text(tmp_path: Path) -> None:
    data = (
        "1\n00:00:01,000 --> 00:00:02,000\nThe answer:\n\nis\n42\nor so\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\n42\nis it\n\n"
        "3\n00:00:03,000 --> 00:00:04,000\nall\nthe\nlines\n\n4\nwhich has no time\n"
    )
    assert texts(read_cues(written(tmp_path, data.encode()))) == [
        "The answer: is 42 or so", "42 is it", "all the lines",
    ]  # fmt: skip


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
    numbers = [
        {"timestamp": [1.5, 62.25], "text": "one"}, {"text": "no time"}, 7,
        {"timestamp": [1.5, 62.25]}, {"timestamp": [1.5], "text": "no end"},
        {"timestamp": "1.5", "text": "no pair"}, {"timestamp": 7, "text": "no pair"},
    ]  # fmt: skip
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
    assert first_cues_at(CUES, [0.0, 8.0, 9.0]) == []  # strictly inside, as there


def test_interleaving_places_lines_by_their_middles() -> None:
    cues = [Cue(10.5, 12.5, "early"), Cue(13.2, 13.4, "short"), Cue(16, 17, "unseen")]
    assert interleave(cues, [0, 1, 2, 3, 4], offset=10) == [0, 1, "early", 2, 3, "short", 4]


@pytest.mark.parametrize(
    ("cue", "times", "shown"),
    [
        ((0, 2), [1, 2], [0, "x", 1]),  # the frame of its middle comes first
        ((1, 3), [1, 3], [0, 1]),  # frames at its very ends are not in it
        ((1, 2.5), [1.1, 5], [0, "x", 1]),
        ((1, 1.8), [1], [0, "x"]),  # one second around 1.4
        ((1, 1.8), [0.4, 2.4], [0, 1]),
        ((1, 1.5), [0.75, 1.75], [0, 1]),
    ],
)
def test_a_line_needs_a_frame_strictly_inside_it_or_its_second(
    cue: tuple[float, float], times: list[float], shown: list[int | str]
) -> None:
    assert interleave([Cue(*cue, "x")], times) == shown


def test_interleaved_parts_are_runs_of_frames_and_lines() -> None:
    cues = [Cue(10.5, 12.5, "early"), Cue(11, 12.5, "too"), Cue(13.2, 13.4, "short")]
    assert interleaved(cues, [0, 1, 2, 3, 4], offset=10) == [
        Video(0, 2), Text("early\n"), Text("too\n"), Video(2, 4), Text("short\n"), Video(4, 5),
    ]  # fmt: skip
    assert interleaved([Cue(0, inf, "on")], [1, 2], duration=2) == [
        Video(0, 1), Text("on\n"), Video(1, 2),
    ]  # fmt: skip


def test_an_open_cue_ends_with_the_clip() -> None:
    assert interleave([Cue(0, inf, "on")], [0, 1, 2, 3], duration=3) == [0, 1, "on", 2, 3]
