"""Rows and videos from a folder or a file on this machine."""

import json
import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from harness.data import Source
from harness.errors import DataError

ROWS = [{"id": 1, "q": "a\u2028b"}, {"id": 2, "q": "ü"}]


def lay(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def test_rows_from_jsonl_json_and_parquet_are_the_same(tmp_path: Path) -> None:
    lines = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8-sig")
    (tmp_path / "other.json").write_text(json.dumps(ROWS))
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "other.parquet")
    for path in (tmp_path, tmp_path / "other.json", tmp_path / "other.parquet"):
        assert Source(path=str(path)).rows() == ROWS


def test_several_configs_come_in_order_and_say_their_name(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "b.json").write_text('[{"id": 1}]')
    (tmp_path / "a").mkdir()
    parquet.write_table(pa.table({"id": [2]}), tmp_path / "a" / "test-00000.parquet")
    parquet.write_table(pa.table({"id": [9]}), tmp_path / "a" / "train-00000.parquet")
    both = Source(path=str(tmp_path), configs=("b", "a")).rows()
    assert both == [{"config": "b", "id": 1}, {"config": "a", "id": 2}]
    assert Source(path=str(tmp_path), config="a").rows() == [{"id": 2}]


@pytest.mark.parametrize(
    ("name", "text"),
    [("rows.json", "{"), ("rows.json", '{"a": 1}'), ("rows.jsonl", "[1]"), ("rows.csv", "a,b")],
)
def test_damaged_rows_name_the_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=name):
        Source(path=str(tmp_path / name)).rows()


def test_a_missing_folder_says_which_key_to_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data=/not/here"):
        Source(path="/not/here").rows()
    with pytest.raises(DataError, match=r"rows\.jsonl"):
        Source(path=str(tmp_path)).rows()


def test_a_video_is_found_in_any_case_with_any_ending(tmp_path: Path) -> None:
    lay(tmp_path / "videos", "one.MKV", "deep/two.webm", "a/same.mp4", "b/same.mp4", "._one.mp4")
    lay(tmp_path / "videos", "frames/clip/001.jpg", "__MACOSX/three.mp4", "id.mp4", "ID.mp4")
    lay(tmp_path / "videos", "both.mp4", "both.webm", "v1.5.mp4", "7.mp4")
    source, videos = Source(path=str(tmp_path)), tmp_path / "videos"
    assert source.video("ONE") == videos / "one.MKV"
    assert source.video("two.mp4") == videos / "deep/two.webm"
    assert source.video("b/same") == videos / "b/same.mp4"
    assert source.video("clip") == videos / "frames/clip"
    assert source.video("ID") == videos / "ID.mp4"
    assert source.video("both") == videos / "both.mp4"
    assert source.video("both.webm") == videos / "both.webm"
    assert source.video("v1.5") == videos / "v1.5.mp4"
    assert source.video(7) == videos / "7.mp4"
    assert source.video("three") == videos / "three.mp4"
    assert not source.video("three").exists()
    with pytest.raises(DataError, match=r"a/same\.mp4 and b/same\.mp4"):
        source.video("same")
    assert Source(path=str(tmp_path), videos="b").video("same") == videos / "b/same.mp4"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/../b", "a\0b", "", "..\\x", ".", "\ud800"]
)
def test_a_name_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    source = Source(path=str(tmp_path))
    with pytest.raises(DataError, match="not a path inside"):
        source.video(name)
    with pytest.raises(DataError, match="not a path inside"):
        source.subtitles(name)


def test_every_ending_that_the_decoder_reads_is_a_video(tmp_path: Path) -> None:
    endings = (
        "ts",
        "m2ts",
        "mts",
        "3gp",
        "3g2",
        "vob",
        "ogv",
        "asf",
        "mxf",
        "f4v",
        "dv",
        "nut",
        "TS",
    )
    lay(tmp_path / "videos", *(f"clip{ending}.{ending}" for ending in endings))
    lay(tmp_path / "videos", "talk.ts", "talk.aac", "talk.srt", "talk.txt", "odd.qqq", "Mr.mp4")
    source, videos = Source(path=str(tmp_path)), tmp_path / "videos"
    for ending in endings:
        assert source.video(f"clip{ending}") == videos / f"clip{ending}.{ending}"
    assert source.video("talk") == videos / "talk.ts"
    assert source.video("odd.qqq") == videos / "odd.qqq"
    assert not source.video("odd").exists()
    assert not source.video("Mr.Smith").exists()


def test_the_exact_file_name_wins(tmp_path: Path) -> None:
    lay(tmp_path / "videos", "a.webm", "a.webm.mp4", "b.mp4", "deep/b.MP4", "deep/c.ts", "c.ts.mp4")
    source, videos = Source(path=str(tmp_path)), tmp_path / "videos"
    assert source.video("a.webm") == videos / "a.webm"
    assert source.video("b.MP4") == videos / "deep/b.MP4"
    assert source.video("c.ts") == videos / "deep/c.ts"
    assert source.video("videos/b.mp4") == videos / "b.mp4"
    assert source.video("./b.mp4") == videos / "b.mp4"
    assert source.video("deep\\b.MP4") == videos / "deep/b.MP4"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_match_in_any_unicode_form_and_case(tmp_path: Path, form: str) -> None:
    stored, asked = {"NFC": ("NFC", "NFD"), "NFD": ("NFD", "NFC")}[form]
    name = "café_ガ_ẛÅ"
    lay(tmp_path / "videos", unicodedata.normalize(stored, f"deep {name}/{name}.mp4"))
    source = Source(path=str(tmp_path))
    for wanted in (name, name.upper(), f"deep {name}/{name}.mp4"):
        assert source.video(unicodedata.normalize(asked, wanted)).is_file()
    assert not source.video("x2").exists()


@pytest.mark.parametrize("name", ["C:/x", "C:x", "c:\\v\\x.mp4", "a:b", "?*", "x" * 300, "\n"])
def test_an_odd_name_is_a_missing_video_or_the_file(tmp_path: Path, name: str) -> None:
    source = Source(path=str(tmp_path))
    assert not os.path.exists(source.video(name))
    if len(name) < 200:
        lay(tmp_path / "videos", f"{name}.mp4")
        assert Source(path=str(tmp_path)).video(name) == tmp_path / "videos" / f"{name}.mp4"


def test_the_same_video_twice_is_no_doubt(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp4").write_bytes(b"same")
    assert Source(path=str(tmp_path)).video("a") == tmp_path / "one/a.mp4"
    (tmp_path / "two" / "a.mp4").write_bytes(b"else")
    with pytest.raises(DataError, match="are called 'a'"):
        Source(path=str(tmp_path)).video("a")


def test_subtitles_are_found_or_none(tmp_path: Path) -> None:
    lay(tmp_path, "subtitles/one.srt", "subtitles/two_en.json", "videos/one.mp4")
    source = Source(path=str(tmp_path))
    assert source.subtitles("one") == tmp_path / "subtitles/one.srt"
    assert source.subtitles("two_en.json") == tmp_path / "subtitles/two_en.json"
    assert source.subtitles("three") is None


def test_identity_follows_the_content_of_the_rows_and_not_their_place(tmp_path: Path) -> None:
    for folder, text in (("a", "[]"), ("b", "[]"), ("c", "[{}]")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.json").write_text(text)
    a, b, c = (Source(path=str(tmp_path / x)).identity() for x in "abc")
    assert a == b != c
    pinned = Source(repo="o/n", revision="0" * 40)
    assert pinned.identity().items() >= {"repo": "o/n", "revision": "0" * 40}.items()
    assert replace(pinned, split="dev").identity() != pinned.identity()
