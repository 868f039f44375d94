"""What is made of each form of a row in others' files of answers, and what is said of damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, RequestError
from harness.report import imported
from harness.types import Record

OPTIONS = ["A. red", "B. blue", "C. 3"]
FORMATS = (
    "write a Video-MME submission (a JSON list of videos with their questions) or an lmms-eval "
    "samples file (one JSON object a line)"
)
LOGGED = {"doc_id": 7, "doc": {"options": OPTIONS}, "target": "B", "resps": [["B"]]}


def taken(folder: Path, text: str, **asked: Any) -> list[Record]:
    path = folder / "theirs.json"
    path.write_text(text, encoding="utf-8")
    return imported.take_in(path, folder / "results", **({"model": "m"} | asked)).records


def shown(found: Record) -> dict[str, Any]:
    asked = found.question
    return {
        "id": asked.id, "video": found.video, "prompt": found.prompt, "options": asked.options,
        "target": asked.target, "groups": {k: v[0] for k, v in asked.groups.items()},
        "said": found.response.text if found.response else None, "status": found.status,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "made"),
    [
        ({}, {"id": "7", "video": "", "prompt": "", "options": ("red", "blue", "3"),
              "target": "B", "groups": {}, "said": "B", "status": "scored"}),
        ({"doc": {"question_id": "12-3", "options": OPTIONS}}, {"id": "12-3", "video": "12"}),
        ({"doc": {"videoID": "a", "video_id": "b", "options": OPTIONS}}, {"video": "a"}),
        ({"doc": {"video_id": "b", "video": "c", "options": OPTIONS}}, {"video": "b"}),
        ({"doc": {"video": "c", "options": OPTIONS}}, {"video": "c"}),
        ({"doc": {}, "input": "Which?\n(A) red\nB: blue\n"},
         {"options": ("red", "blue"), "prompt": "Which?\n(A) red\nB: blue\n"}),
        ({"doc": {}, "arguments": [["A. x\nJ) y\nK. z", {}]]}, {"options": ("x", "y")}),
        ({"doc": {"options": OPTIONS, "duration": "long", "domain": "", "category": "Art",
                  "sub_category": None, "task_category": "Order"}},
         {"groups": {"duration": "long", "domain": "Art", "task_type": "Order"}}),
        ({"doc": {"options": OPTIONS, "domain": ""}}, {"groups": {}}),
        ({"doc": {}, "x_score": {"question_id": "m", "options": OPTIONS, "category": "Art"}},
         {"id": "m", "groups": {"domain": "Art"}}),
        ({"x_score": {"question_id": "m"}, "doc": {"question_id": "d", "options": OPTIONS}},
         {"id": "d"}),
        ({"doc": {"options": OPTIONS, "answer": "C"}, "target": "A"}, {"target": "A"}),
        ({"target": " B "}, {"target": "B"}),
        ({"target": 1}, {"target": "B"}),
        ({"target": "2"}, {"target": "C"}),
        ({"target": "3"}, {"target": "C"}),  # no index: there are three options; so a text
        ({"target": "blue"}, {"target": "B"}),
        ({"target": "AB"}, {"target": None, "status": "unparsed"}),  # once the "letter" AB
        ({"target": "D"}, {"target": None, "status": "unparsed"}),
        ({"target": ""}, {"target": None, "status": "unparsed"}),
        ({"resps": "B"}, {"said": "B"}),
        ({"resps": ["B", "A"]}, {"said": "B"}),
        ({"resps": [], "filtered_resps": [["A"]]}, {"said": "A"}),
        ({"resps": [[""]]}, {"said": "", "status": "unparsed"}),
        ({"resps": []}, {"said": None, "status": "failed"}),
        ({"resps": [[0.5, False]]}, {"said": None, "status": "failed"}),
        ({"resps": [["no idea"]]}, {"said": "no idea", "status": "unparsed"}),
    ],
)  # fmt: skip
def test_a_line_that_lmms_eval_logs(
    changed: dict[str, Any], made: dict[str, Any], tmp_path: Path
) -> None:
    (found,) = taken(tmp_path, "\n" + json.dumps(LOGGED | changed) + "\n\n")
    assert shown(found) | made == shown(found)


VIDEO = {"video_id": "001", "duration": "short", "domain": None, "sub_category": ""}
QUESTION = {"question_id": "001-1", "task_type": "Order", "question": "Which?",
            "options": OPTIONS, "answer": "C", "response": "C"}  # fmt: skip


@pytest.mark.parametrize(
    ("video", "question", "made"),
    [
        ({}, {}, {"id": "001-1", "video": "001", "prompt": "Which?", "target": "C", "said": "C",
                  "options": ("red", "blue", "3"), "status": "scored",
                  "groups": {"duration": "short", "task_type": "Order"}}),
        ({"missing": True}, {}, {"said": None, "status": "failed"}),
        ({"missing": False}, {"response": ""}, {"said": "", "status": "unparsed"}),
        ({}, {"response": None}, {"said": None, "status": "failed"}),
        ({}, {"response": 3}, {"said": "3"}),
        ({"video_id": 1, "domain": "Art"}, {"question_id": 2, "question": ""},
         {"id": "2", "video": "1", "prompt": "",
          "groups": {"duration": "short", "domain": "Art", "task_type": "Order"}}),
    ],
)  # fmt: skip
def test_a_question_of_a_submission(
    video: dict[str, Any], question: dict[str, Any], made: dict[str, Any], tmp_path: Path
) -> None:
    text = json.dumps([{**VIDEO, **video, "questions": [{**QUESTION, **question}]}])
    (found,) = taken(tmp_path, "\ufeff  " + text)
    assert shown(found) | made == shown(found)
    if found.status == "failed":
        assert (found.stage, found.reason) == ("model", "no response in the imported file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[7]", f"entry 1: 7 is no object; {FORMATS}"),
        (json.dumps(LOGGED) + '\n"x"', f"entry 2: x is no object; {FORMATS}"),
        (json.dumps([{**VIDEO, "questions": [{}]}]), f"entry 1: no 'task_type'; {FORMATS}"),
        (json.dumps(LOGGED | {"doc": {"options": "A. x"}}),
         f"entry 1: the options are 'A. x', no list; {FORMATS}"),
        (json.dumps(LOGGED | {"doc_id": None}),
         f"entry 1: no question id or no options; {FORMATS}"),
        ("{", "damaged (Expecting property name enclosed in double quotes: line 1 column 2 "
              f"(char 1)); {FORMATS}"),
        ("[NaN]", f"damaged (NaN is not JSON); {FORMATS}"),
        ("[]", f"holds no answers; {FORMATS}"),
        ("\n", f"holds no answers; {FORMATS}"),
        (f"{json.dumps(LOGGED)}\n{json.dumps(LOGGED)}", "question '7' appears twice"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_file_that_cannot_be_read(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        taken(tmp_path, text)
    assert str(refused.value) == f"{tmp_path / 'theirs.json'}: {said}"


def test_what_is_said_of_names(tmp_path: Path) -> None:
    for asked, said in (
        ({"model": "a b"}, "--model a b: a name has letters, digits, _ - . and / only"),
        ({"task": "a/../b"}, "--task a/../b: a name has letters, digits, _ - . and / only"),
        ({"counted": "most"}, "--counted most: use one of all, answered, nonempty"),
    ):
        with pytest.raises(RequestError) as refused:
            taken(tmp_path, json.dumps(LOGGED), **asked)
        assert str(refused.value) == said
    with pytest.raises(DataError) as unread:
        imported.take_in(tmp_path, tmp_path, model="m")
    assert str(unread.value) == (
        f"{tmp_path}: not readable ([Errno 21] Is a directory: '{tmp_path}'); {FORMATS}"
    )


def test_the_request_says_that_nothing_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(LOGGED | {"doc": {"options": OPTIONS, "duration": "long"}}))
    run = imported.take_in(path, tmp_path, model="m", task="videomme/short", counted="all")
    told = run.request
    protocol = told["protocol"]
    assert run.folder == tmp_path / "videomme/short/m" / run.id
    assert {k: told[k] for k in told if k not in ("protocol", "id", "data", "backend")} == {
        "task": "videomme/short", "model": "m", "frames": None, "limit": None, "control": "none",
        "permute_options": 1, "imported": True, "questions": 1,
    }  # fmt: skip
    assert (protocol["name"], protocol["protocol"]) == ("videomme", "imported")
    assert protocol["breakdowns"] == ["duration"]
    assert protocol["scorer"]["extractor"] == "videomme"
    assert protocol["metrics"][0]["counted"] == "all"
    assert told["backend"]["imported"] == "theirs.json"
    assert len(told["backend"]["sha256"]) == len(told["data"]["questions"]) == 16
    assert run.summary.complete
    assert (run.folder / "summary.json").read_text().startswith('{\n  "task": "videomme/short"')
