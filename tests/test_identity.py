"""What decides the answers is in a run's identity, field by field; nothing else is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from harness.build import build
from harness.config import compose
from harness.data import Source
from harness.identity import ASIDE, describe, digest
from harness.metrics import GroupScore, Mean
from harness.overrides import choices
from harness.prompts import PromptTemplate
from harness.scoring.choice import ChoiceScorer
from harness.task import Task
from harness.types import Generation
from tasks.tomato import DictionaryOptions

TASK = Task(Source("a/b"), "quiz", PromptTemplate("{question}"), ChoiceScorer())

OTHERS: list[tuple[Any, dict[str, Any]]] = [
    (
        TASK,
        {
            "source": Source("a/c"),
            "name": "other",
            "prompt": PromptTemplate("{question}?"),
            "scorer": ChoiceScorer("mvbench"),
            "metrics": (Mean("accuracy", counted="answered"),),
            "protocol": "mine",
            "breakdowns": ("kind",),
            "max_new_tokens": 17,
            "answer_marker": "Answer:",
            "needs": ("audio",),
        },
    ),
    (
        PromptTemplate("{question}"),
        {
            "template": "{question}?",
            "option": "({letter}) {text}",
            "system": "Watch.",
            "primer": "(",
            "by": "kind",
            "templates": {"a": "{question}"},
            "subtitles": "all",
            "subtitle_block": "{subtitles}",
            "subtitle_join": " ",
            "no_subtitles": "none",
            "open_template": "{question}",
            "video": False,
        },
    ),
    (ChoiceScorer(), {"extractor": "mvbench", "name": "right"}),
    (
        Mean("accuracy"),
        {
            "value": "iou",
            "name": "mine",
            "unit": "points",
            "low": -1.0,
            "high": None,
            "macro": ("task",),
            "counted": "nonempty",
            "higher_is_better": False,
            "where": {"kind": "a"},
        },
    ),
    (
        GroupScore(),
        {
            "value": "right",
            "name": "mine",
            "unit": "points",
            "higher_is_better": False,
            "low": -1.0,
            "high": 2.0,
        },
    ),
    (
        Generation(),
        {
            "max_new_tokens": 17,
            "temperature": 0.2,
            "top_p": 0.9,
            "top_k": 5,
            "min_p": 0.1,
            "presence_penalty": 0.5,
            "repetition_penalty": 1.1,
            "beams": 5,
            "letters": True,
            "seed": 1,
        },
    ),
]
CHANGES = [(start, name, other) for start, others in OTHERS for name, other in others.items()]


@pytest.mark.parametrize(("start", "others"), OTHERS, ids=lambda x: type(x).__name__)
def test_no_field_is_forgotten_here(start: Any, others: dict[str, Any]) -> None:
    assert {f.name for f in dataclasses.fields(start)} == set(others)


@pytest.mark.parametrize(
    ("start", "name", "other"), CHANGES, ids=[f"{type(s).__name__}.{n}" for s, n, _ in CHANGES]
)
def test_every_field_decides(start: Any, name: str, other: Any) -> None:
    assert getattr(start, name) != other
    changed = replace(start, **{name: other})
    assert digest(describe(changed)) != digest(describe(start))


def test_a_nested_field_decides_and_so_does_the_class() -> None:
    other = replace(TASK, scorer=replace(TASK.scorer, name="right"))  # type: ignore[type-var]
    assert digest(describe(other)) != digest(describe(TASK))
    template = describe(PromptTemplate("{question}"))
    assert digest(template) != digest(describe(DictionaryOptions("{question}")))


def test_a_default_that_is_spelt_out_changes_nothing(tmp_path: Path) -> None:
    words = ["task=videomme", "backend=fake", f"data={tmp_path}"]
    spelt = ["task.prompt.primer=''", "task.answer_marker=''", "task.metrics.0.low=0.0"]
    one, two = (compose([*words, *more]).benchmark for more in ([], spelt))
    assert one == two
    assert digest(describe(one)) == digest(describe(two))


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": {"question": "ask"}},
        {"columns": {"question": "query"}},
        {"fps": 2.0},
        {"fps": 4.0},
        {"videos": "short"},
        {"configs": ("a",)},
    ],
)
def test_what_is_made_of_local_rows_decides(changed: dict[str, Any], tmp_path: Path) -> None:
    """Two mappings of columns ask two questions of the same file."""
    (tmp_path / "rows.jsonl").write_text('{"video": "one", "query": "x", "ask": "y"}\n')
    (tmp_path / "a.jsonl").write_text('{"video": "one", "query": "x", "ask": "y"}\n')
    plain = Source(path=str(tmp_path / "rows.jsonl"))
    assert list(plain.identity()) == ["rows"]  # as ever where nothing is changed
    others = [{"columns": {"question": "query"}}, {"fps": 3.0}, {}]
    found = replace(plain, **changed).identity()
    for other in others:
        if other != changed:
            assert found != replace(plain, **other).identity()


def test_the_order_in_which_columns_are_named_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"video": "one", "query": "x", "no": "y"}\n')
    one = {"question": "query", "id": "no"}
    sources = [
        Source(path=str(tmp_path), columns=columns)
        for columns in (one, dict(reversed(one.items())))
    ]
    assert sources[0].identity() == sources[1].identity()


@pytest.mark.parametrize("rule", ["fps", "fps:1", "fps:1.0", "fps:01"])
def test_one_sampling_has_one_run_id(rule: str, tmp_path: Path) -> None:
    words = ["task=demo", "backend=fake", "sampling=fps", f"results={tmp_path}"]
    assert compose([*words, f"sampling.rule={rule}"]).folder() == compose(words).folder()
    assert compose([*words, "sampling.rule=fps:2"]).folder() != compose(words).folder()
    half = [compose([*words, f"sampling.rule=fps:{r}"]).folder() for r in ("0.5", "0.50", ".5")]
    assert len(set(half)) == 1


def test_what_is_marked_does_not_decide() -> None:
    assert describe(Marked(1, 2)) == describe(Marked(1, 3)) != describe(Marked(2, 2))


def test_what_has_no_plain_form_is_refused_by_its_class() -> None:
    with pytest.raises(TypeError, match="object has no plain form: make it a frozen dataclass"):
        describe({"scorer": object()})


@pytest.mark.parametrize("task", choices("task"))
def test_a_task_is_built_again_from_what_a_run_keeps(task: str, tmp_path: Path) -> None:
    found = compose([f"task={task}", "backend=fake", f"data={tmp_path}"]).benchmark
    assert build(describe(found), "task") == found


@dataclass(frozen=True)
class Marked:
    """One field that decides and one that does not."""

    decides: int
    where: int = field(metadata=ASIDE)
