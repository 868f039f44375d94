"""What the docs tell one to write: four kinds of benchmarks and a model behind a server, run from
end to end in a working folder without a change to the harness."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import harness.demo
from harness.config import compose
from harness.errors import RequestError
from harness.models.fake import Fake
from harness.run.journal import read_records
from harness.run.loop import run
from harness.types import JudgedScorer, Question, Record, Response, Scorer

DOCS = Path(__file__).parents[1] / "docs"
CLIPS = sorted((Path(harness.demo.__path__[0]) / "data" / "videos").glob("*.mp4"))
FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
WRITTEN = {
    name: text
    for document in ("add_benchmark.md", "own_server.md")
    for name, text in FILE.findall((DOCS / document).read_text(encoding="utf-8"))
}
LIMITS = {"sights": 40, "rooms": 40, "moments": 40, "retold": 40, "my_server": 80}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with everything that the docs have one write."""
    for name, text in WRITTEN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "data" / "videos").mkdir(parents=True)
    for name, clip in zip("ab", CLIPS, strict=False):
        shutil.copy(clip, tmp_path / "data" / "videos" / f"{name}.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [f"tasks.{name}" for name in LIMITS] + ["my_server"]:
        sys.modules.pop(name, None)


def evaluate(
    task: str,
    rows: Sequence[Mapping[str, Any]],
    *words: str,
    answers: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], dict[str, Record]]:
    """The run's summary and its records by question id."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    Path("data/rows.jsonl").write_text(lines)
    asked = [f"task={task}", "data=data", "video.workers=0", "frames=2", *words]
    if not any(word.startswith("backend=") for word in words):
        asked.append("backend=fake")
    request = compose(asked)
    if answers is not None:
        request = replace(request, backend=Fake(answers=answers))
    outcome = run(request, tell=lambda line: None)
    summary = json.loads((outcome.folder / "summary.json").read_text())
    return summary, {record.question.id: record for record in read_records(outcome.folder)}


def value(summary: Mapping[str, Any], metric: str) -> float:
    return float(summary["metrics"][metric]["value"])


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_written_is_short(name: str) -> None:
    (found,) = [text for file, text in WRITTEN.items() if file.endswith(f"{name}.py")]
    assert len(found.splitlines()) <= LIMITS[name]


SIGHTS = [
    {"file": file, "ask": "Where?", "choices": ["Rome", "Oslo", "Lima"], "right": right, "city": c}
    for file, right, c in (("a", 0, "x"), ("a", 1, "x"), ("b", 2, "x"), ("b", 0, "y"))
]


def test_multiple_choice() -> None:
    summary, _ = evaluate("sights", SIGHTS, "backend.rule=target")
    assert value(summary, "accuracy") == 1.0
    summary, records = evaluate("sights", SIGHTS)
    assert value(summary, "accuracy") == pytest.approx((1 / 3 + 1) / 2)
    assert summary["metrics"]["accuracy"]["chance"] == pytest.approx(1 / 3)
    assert summary["by"]["city"]["x"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert records["0"].prompt.endswith("A. Rome\nB. Oslo\nC. Lima\nAnswer with the letter only.")


def test_another_protocol_of_the_same_benchmark(folder: Path) -> None:
    summary, records = evaluate("sights/letters", SIGHTS, "backend.rule=target")
    assert value(summary, "accuracy") == 1.0
    assert "(A) Rome\n(B) Oslo\n(C) Lima\n" in records["0"].prompt
    file = folder / "configs" / "task" / "sights" / "letters.yaml"
    file.write_text(file.read_text().replace("# @package _global_\n", ""))
    with pytest.raises(RequestError, match="the first line of the task's YAML has to be # @pack"):
        evaluate("sights/letters", SIGHTS)


def test_a_number() -> None:
    rows = [
        {"video": file, "question": f"How long, {place}?", "answer": answer}
        for place, (file, answer) in enumerate((("a", 2), ("a", 4.0), ("b", 10), ("b", 3)))
    ]
    summary, _ = evaluate("rooms", rows, "backend.rule=target")
    assert value(summary, "mra") == 1.0
    answers = {"0": "2 m", "1": "about 3", "2": "100", "3": "no idea"}
    summary, records = evaluate("rooms", rows, answers=answers)
    worths = [records[id].score.values.get("mra") for id in "0123"]  # type: ignore[union-attr]
    assert worths == [1.0, 0.6, 0.0, None]
    assert [records[id].status for id in "0123"] == ["scored"] * 3 + ["unparsed"]
    assert value(summary, "mra") == pytest.approx((1 + 0.6 + 0 + 0) / 4)
    assert summary["metrics"]["mra"]["chance"] is None


def test_a_moment() -> None:
    rows = [
        {"video": file, "question": f"When, {place}?", "answer": [answer]}
        for place, (file, answer) in enumerate((("a", [0, 10]), ("b", [2, 4]), ("b", [0.5, 1])))
    ]
    summary, _ = evaluate("moments", rows, "backend.rule=target")
    assert [value(summary, m) for m in ("mIoU", "R@0.3", "R@0.7")] == [1.0, 1.0, 1.0]
    answers = {"0": "from 0 to 6 s", "1": "3 - 7", "2": "at 5 s"}
    summary, records = evaluate("moments", rows, answers=answers)
    assert records["1"].score is not None
    assert records["1"].score.values["iou"] == pytest.approx(1 / 5)
    assert records["2"].status == "unparsed"
    expected = {"mIoU": (0.6 + 0.2) / 3, "R@0.3": 1 / 3, "R@0.5": 1 / 3, "R@0.7": 0.0}
    assert {m: value(summary, m) for m in expected} == pytest.approx(expected)
    assert summary["headline"] == "mIoU"
    assert "Frames are at 0.0 s, " in records["0"].prompt


RETOLD = [
    {"video": file, "question": f"What happens, {place}?", "answer": answer}
    for place, (file, answer) in enumerate((("a", "It falls."), ("b", "It turns."), ("b", "Rain.")))
]


def test_judged() -> None:
    words = ("judge=fake", "judge.rule='constant:Rating: 4, as it is short'", "backend.rule=target")
    summary, records = evaluate("retold", RETOLD, *words)
    assert (value(summary, "rating"), summary["metrics"]["rating"]["unit"]) == (4.0, "points")
    assert (summary["scored"], summary["complete"], summary["judge"]["asked"]) == (3, True, 3)
    assert records["0"].score is not None
    assert records["0"].score.explanation == "Rating: 4, as it is short"


def test_a_judge_that_cannot_be_read_costs_scores_and_no_response() -> None:
    words = ("judge=fake", "judge.rule='constant:Fine.'", "backend.rule=target")
    summary, records = evaluate("retold", RETOLD, *words)
    assert summary["metrics"]["rating"]["value"] is None
    assert (summary["unscored"], summary["scored"], summary["complete"]) == (3, 0, False)
    for record in records.values():
        assert record.response is not None
        assert (record.stage, record.score) == ("judge", None)
        assert "the judge's reply has no 'Rating: N': 'Fine.'" in str(record.reason)


def test_a_judge_is_shown_question_reference_and_answer() -> None:
    scorer = compose(["task=retold", "data=data", "backend=fake"]).benchmark.scorer
    assert isinstance(scorer, JudgedScorer)
    assert not isinstance(scorer, Scorer)
    question = Question("q", "What happens?", target="It falls.")
    (prompt,) = scorer.judge_prompts(question, Response("q", "A fall."))
    assert prompt.text.endswith(
        "user: Question: What happens?\nReference: It falls.\nAnswer: A fall."
    )


@contextmanager
def serving(answer: Mapping[str, Any], status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A server that says the same to everybody: its address and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/answer", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_model_behind_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving({"text": "B"}) as (url, asked):
        words = ("model=mine", "backend=my_server", f"backend.url={url}")
        summary, _ = evaluate("sights", SIGHTS, *words)
        assert value(summary, "accuracy") == pytest.approx((1 / 3 + 0) / 2)
        again, _ = evaluate("sights", SIGHTS, *words[:2], "backend.url=http://127.0.0.1:1/moved")
    assert len(asked) == len(SIGHTS)  # elsewhere it is the same model: nothing is asked again
    assert again["metrics"] == summary["metrics"]
    assert (asked[0]["model"], asked[0]["max_new_tokens"], len(asked[0]["frames"])) == (
        "mine",
        16,
        2,
    )
    assert asked[0]["text"].startswith("Where?\nA. Rome\n")
    with Image.open(io.BytesIO(base64.b64decode(asked[0]["frames"][0]))) as picture:
        assert picture.format == "JPEG"


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [({"error": "busy"}, 503, "HTTPError: HTTP Error 503"), ({"said": "B"}, 200, "KeyError")],
)
def test_what_a_server_refuses_is_a_failure_and_no_answer(
    answer: Mapping[str, Any], status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(answer, status) as (url, _):
        words = ("model=mine", "backend=my_server", f"backend.url={url}")
        summary, records = evaluate("sights", SIGHTS, *words)
    assert (summary["failed"], summary["n"], summary["complete"]) == (4, 0, False)
    assert {record.stage for record in records.values()} == {"model"}
    assert all((record.reason or "").startswith(reason) for record in records.values())
