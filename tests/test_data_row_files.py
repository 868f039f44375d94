"""Rows in the formats people have, and bad ones named by where they stand."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from harness.data import Source
from harness.data.row_files import ENDINGS, read
from harness.errors import DataError
from harness.prompts import PromptTemplate
from harness.scoring.choice import ChoiceScorer
from harness.task import Task


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = [
    {"id": 1, "video": "a.mp4", "question": "Who?", "options": ["x, y", "z"], "answer": "A"},
    {"id": 2, "video": "b.mp4", "question": "Wer\nüber?", "options": ["1", "2"], "answer": "B"},
]
CSV = """id,video,question,options,answer
1,a.mp4,Who?,"[""x, y"", ""z""]",A
2,b.mp4,"Wer
über?","['1', '2']",B
"""


def parquet_bytes(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


FILES: dict[str, str | bytes] = {
    "rows.json": json.dumps(ROWS),
    "lines.json": "\n".join(map(json.dumps, ROWS)),
    "rows.jsonl": "\n\n".join(map(json.dumps, ROWS)),
    "rows.parquet": parquet_bytes(ROWS),
    "rows.csv": CSV,
    "semicolon.csv": "id;video;question;options;answer\n"
    '1;a.mp4;Who?;"[""x, y"", ""z""]";A\n2;b.mp4;"Wer\nüber?";"[""1"", ""2""]";B\n',
    "rows.tsv": "id\tvideo\tquestion\toptions\tanswer\n"
    '1\ta.mp4\tWho?\t"[""x, y"", ""z""]"\tA\n2\tb.mp4\t"Wer\nüber?"\t"[""1"", ""2""]"\tB\n',
    "utf16.csv": CSV.encode("utf-16"),
    "mark.csv": CSV.encode("utf-8-sig"),
    "windows.csv": CSV.replace("\nüber", " über").replace("\n", "\r\n").encode(),
}


def texts(rows: Any) -> list[dict[str, Any]]:
    return [
        {key: " ".join(v.split()) if isinstance(v, str) else v for key, v in row.items()}
        | {"id": str(row["id"])}
        for row in rows
    ]


@pytest.mark.parametrize("name", FILES)
def test_every_format_holds_the_same_rows(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, name, FILES[name])
    assert texts(Source(path=str(file)).rows()) == texts(ROWS)


@pytest.mark.parametrize("ending", ["json", "jsonl", "parquet", "csv", "tsv"])
def test_a_folder_is_known_by_its_rows_file(tmp_path: Path, ending: str) -> None:
    written(tmp_path, f"rows.{ending}", FILES[f"rows.{ending}"])
    assert texts(Source(path=str(tmp_path)).rows()) == texts(ROWS)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("r.jsonl", '{"a": 1}\n\n{"a": }\n', "line 3: Expecting value"),
        ("r.jsonl", '{"a": 1}\n[1]\n', "line 2 is a list and not an object"),
        ("r.json", '[\n{"a": 1},\n{"a" 1}\n]', "line 3: Expecting ':'"),
        ("r.json", '[{"a": 1}, "b"]', "row 2 is a text and not an object"),
        ("r.json", '{"rows": []}', "must hold a list of objects"),
        ("r.json", "{}", "must hold a list of objects"),
        ("r.json", '{"meta": {"of": 1}, "1": {"a": 1}}', "must hold a list of objects"),
        (
            "r.json",
            '{"meta": {"video": "all", "of": 1}, '
            '"1": {"video": "v", "question": "?", "answer": "A"}, '
            '"2": {"video": "w", "question": "?", "answer": "B"}}',
            "'meta' has no answer, question, as the others do",
        ),
        ("r.json", '{"one": {"1": {"a": 1}}, "two": {"2": {"a": 1}}}', "must hold a list"),
        ("r.json", b"\xff\xfe\x00", "truncated data|UTF-8"),
        ("r.csv", "a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, but there are 2 columns"),
        ("r.csv", 'a,b\n1,2\n1,"2\n', "line 3: unexpected end of data"),
        ("r.csv", "a,a\n1,2\n", "first line names two columns alike"),
        ("r.csv", b"a,b\n1,2\n\xe9,2\n", "line 3 is not UTF-8 text"),
        ("r.tsv", "a\tb\n1\n", "line 2 has 1 cells"),
        ("r.parquet", b"nothing", "r.parquet"),
        ("r.xlsx", b"PK", "is not a rows file"),
        ("r.json", "[" * 100_000, "nested too deep"),
        ("r.jsonl", "", "holds no row at all"),
    ],
)
def test_a_bad_line_is_named_by_its_number(
    tmp_path: Path, name: str, content: str | bytes, why: str
) -> None:
    file = written(tmp_path, name, content)
    with pytest.raises(DataError, match=why) as caught:
        Source(path=str(file)).rows()
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ['{"7": {"a": 1}, "8": {"a": 2}}', '{"7": {"a": 1}}'])
def test_rows_may_stand_under_their_ids(tmp_path: Path, content: str) -> None:
    for name, text in (("r.json", content), ("data.json", f'{{"data": {content}}}')):
        rows = read(written(tmp_path, name, text)).rows
        assert rows == [{"id": "7", "a": 1}, {"id": "8", "a": 2}][: len(rows)]
        assert len(rows) == content.count('"a"')


def test_a_cell_is_a_list_only_where_it_certainly_is_one(tmp_path: Path) -> None:
    cells = ['"[""a"", ""b""]"', "\"['a', 'b']\"", "\"['a' 'b']\"", "[not a list]", "[1]x", ""]
    file = written(tmp_path, "r.csv", "c,d\n" + "".join(f"{cell},x\n" for cell in cells))
    assert [row["c"] for row in read(file).rows] == [
        ["a", "b"], ["a", "b"], "['a' 'b']", "[not a list]", "[1]x", None,
    ]  # fmt: skip


def test_rows_know_where_they_stand(tmp_path: Path) -> None:
    one = written(tmp_path, "rows.jsonl", '{"a": 1}\n\n{"a": 2}\n')
    assert [Source(path=str(one)).place(i) for i in (0, 1)] == [
        "rows.jsonl line 1",
        "rows.jsonl line 3",
    ]
    two = written(tmp_path, "two.csv", 'a,b\n"1\n2",3\n4,5\n')
    assert Source(path=str(two)).place(1) == "two.csv line 4"
    three = written(tmp_path, "three.json", '[{"a": 1}, {"a": 2}]')
    assert Source(path=str(three)).place(1) == "three.json row 2"
    with pytest.raises(IndexError):
        Source(path=str(three)).place(2)


def benchmark(source: Source) -> Task:
    """A benchmark that is YAML only: what ``harness.build`` makes of one."""
    return Task(source, "mine", PromptTemplate("{question}\n{options}"), ChoiceScorer())


def test_columns_need_their_names_and_no_python(tmp_path: Path) -> None:
    rows = [{"file": "v", "q": "Who?", "choices": ["a", "b"], "label": "b", "n": 0}]
    written(tmp_path, "rows.jsonl", "\n".join(map(json.dumps, rows)))
    columns = {
        "video": "file", "question": "q", "options": "choices", "answer": "label", "id": "n",
    }  # fmt: skip
    written(tmp_path, "videos/v.mp4", b"")
    (clip,) = benchmark(Source(path=str(tmp_path), columns=columns)).clips()
    assert clip.video == tmp_path / "videos/v.mp4"
    (question,) = clip.questions
    assert (question.id, question.text, question.options, question.target) == (
        "0", "Who?", ("a", "b"), "B",
    )  # fmt: skip
    with pytest.raises(DataError, match=r"'nope' for 'video', but rows\.jsonl has only choices, "):
        Source(path=str(tmp_path), columns={"video": "nope"}).rows()


def test_a_bad_row_is_named_by_its_line_and_its_id(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": 3, "video": "c", "question": "?", "options": [], "answer": "A"}]
    written(tmp_path, "rows.jsonl", "\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match=r"^mine: rows\.jsonl line 3 \(id 3\): it has no options"):
        benchmark(Source(path=str(tmp_path))).clips()


def test_the_clock_of_frame_folders_comes_from_the_row_or_the_source(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"fps": 4}, ROWS[1] | {"fps": None}]
    written(tmp_path, "rows.jsonl", "\n".join(map(json.dumps, rows)))
    assert [c.fps for c in benchmark(Source(path=str(tmp_path))).clips()] == [4.0, None]
    assert [c.fps for c in benchmark(Source(path=str(tmp_path), fps=2)).clips()] == [4.0, 2.0]


def picture(color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), color).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_are_files_or_held_by_the_row(tmp_path: Path) -> None:
    written(tmp_path, "images/q.png", picture("red"))
    held = {"bytes": picture("blue"), "path": "x.png"}
    rows = [
        {"video": "v", "question": "?", "answer": "A", "image": "q.png",
         "option_images": [held, {"bytes": picture("green"), "path": None}]}
    ]  # fmt: skip
    written(tmp_path, "rows.parquet", parquet_bytes(rows))
    source = Source(path=str(tmp_path), cache=str(tmp_path / "cache"))
    ((question,),) = (clip.questions for clip in benchmark(source).clips())
    assert question.images == (tmp_path / "images/q.png",)
    assert [p.read_bytes() for p in question.option_images] == [picture("blue"), picture("green")]
    assert question.target == "A"
    coded = base64.b64encode(picture("red") + b" " * 2000).decode()
    assert source.image(coded).suffix == ".png"
    for wrong, why in (("no.png", "no picture 'no.png'"), ({"bytes": b"x"}, "cannot be read")):
        with pytest.raises(DataError, match=why):
            source.image(wrong)


def mlvu(folder: Path) -> Path:
    """A folder as MLVU's authors publish it."""
    row = {"duration": 9, "candidates": ["Red", "Blue"], "question_type": "plotQA"}
    for task, name, answer in (("1_plotQA", "m.mp4", "Blue"), ("4_count", "m.mp4", "Red")):
        one = row | {"video": name, "question": f"{task}?", "answer": answer}
        written(folder, f"json/{task}.json", json.dumps([one]))
        written(folder, f"video/{task}/{name}", task)
    summary = {"video": "s.mp4", "question": "Describe.", "answer": "Long.", "duration": 9}
    written(folder, "json/9_summary.json", json.dumps([summary]))
    return folder


def test_mlvu_as_its_authors_publish_it(tmp_path: Path) -> None:
    from tasks.mlvu import MLVU

    folder = mlvu(tmp_path / "MLVU")

    def clips(path: Path) -> list[tuple[str, str, Any, str]]:
        source = Source(path=str(path), files=("json/[1-7]_*.json",))
        task = MLVU(source, "mlvu", PromptTemplate("{question}"), ChoiceScorer("mlvu"))
        found = []
        for clip in task.clips():
            assert clip.video is not None
            for question in clip.questions:
                found.append((question.id, question.text, question.target, clip.video.read_text()))
        return found

    assert clips(folder) == [
        ("1_plotQA/0", "1_plotQA?", "B", "1_plotQA"),
        ("4_count/0", "4_count?", "A", "4_count"),
    ]
    (folder / "video/4_count/m.mp4").unlink()
    assert clips(folder / "json/1_plotQA.json") == [("0", "1_plotQA?", "B", "1_plotQA")]


def test_what_a_folder_of_rows_may_hold_is_said_with_every_ending(tmp_path: Path) -> None:
    for source in (Source(path=str(tmp_path)), Source()):
        with pytest.raises(DataError) as caught:
            source.rows()
        assert all(f"rows{ending}" in str(caught.value) for ending in ENDINGS)
