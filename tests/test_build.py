"""Settings become objects, or one line that says what to write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest

from harness.build import build
from harness.errors import RequestError
from harness.identity import describe
from harness.metrics import Mean
from harness.names import nearest
from harness.prompts import PromptTemplate
from harness.scoring.choice import ChoiceScorer
from harness.task import Task


class Speaks(Protocol):
    def speak(self) -> str: ...


@dataclass(frozen=True)
class Inner:
    name: str
    parts: tuple[str, ...] = ()

    def speak(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outer:
    inner: Inner
    share: float = 0.5
    mode: Literal["fast", "exact"] = "fast"
    table: dict[str, str] = field(default_factory=dict)
    count: int | None = None
    shares: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    place: Path | None = None
    speaker: Speaks = Inner("default")
    inners: tuple[Inner, ...] = ()

    def __post_init__(self) -> None:
        if self.share > 1:
            raise ValueError("a share is at most 1")
        if self.share < 0:
            raise TypeError("a bug in this class")


@dataclass(frozen=True)
class Rows:
    path: str


def settings(**changes: Any) -> dict[str, Any]:
    inner = {"_target_": f"{__name__}.Inner", "name": "x", "parts": ["a", "b"]}
    return {"_target_": f"{__name__}.Outer", "inner": inner, **changes}


def test_nested_targets_and_lists() -> None:
    assert build(settings(share=1), "task") == Outer(Inner("x", ("a", "b")), 1)


def test_a_part_of_a_nested_object_needs_no_target() -> None:
    made = build(settings(inner={"name": "y"}, speaker={"name": "z"}, inners=[{"name": "i"}]), "t")
    assert made == Outer(Inner("y"), speaker=Inner("z"), inners=(Inner("i"),))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shared": 1}, "task.shared: no such setting; nearest: task.share, task.shares"),
        ({"share": "1"}, "task.share='1': write a number"),
        ({"share": True}, "task.share=true: write a number"),
        ({"share": 2}, "task: a share is at most 1"),
        ({"mode": "slow"}, "task.mode='slow': write fast | exact"),
        ({"count": 1.5}, "task.count=1.5: write a whole number | null"),
        ({"count": True}, "task.count=true: write a whole number | null"),
        ({"table": {"a": 1}}, "task.table.a=1: write a text"),
        ({"table": ["a"]}, "task.table=('a',): write a mapping"),
        ({"shares": {"a": [1, "b"]}}, "task.shares.a.1='b': write a whole number"),
        ({"inner": {"name": 1}}, "task.inner.name=1: write a text"),
        ({"inner": "x"}, "task.inner='x': write a Inner (a mapping with its _target_)"),
        ({"speaker": "x"}, "task.speaker='x': write a Speaks (a mapping with its _target_)"),
        (
            {"inners": [{"nam": "i"}]},
            "task.inners.0.nam: no such setting; nearest: task.inners.0",
        ),
        ({"inner": {"_target_": f"{__name__}.Inner"}}, "task.inner.name: missing; write a text"),
        (
            {"_target_": "tasks.nowhere.Nothing"},
            "task._target_=tasks.nowhere.Nothing: tasks ",
        ),
        ({"_target_": "nowhere.Nothing"}, "task._target_=nowhere.Nothing: no such module"),
        (
            {"_target_": f"{__name__}.Innr"},
            f"task._target_={__name__}.Innr: {__name__} has no",
        ),
        ({"_target_": None}, "task: has no _target_"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError) as error:
        build(settings(**changes), "task")
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_a_type_error_inside_a_class_stays_the_bug_it_is() -> None:
    with pytest.raises(TypeError, match="a bug in this class"):
        build(settings(share=-1), "task")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n    pass\n", "my_module.py, line 1: invalid syntax"),
        ("import os\nimport not_installed_here\n", "my_module.py, line 2: No module named 'not_in"),
        (
            "class Mine:\n    pass\n",
            "task._target_=my_module.Mien: my_module has no Mien; ",
        ),
    ],
)
def test_a_module_at_fault_is_named_with_its_line(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "my_module", raising=False)
    with pytest.raises(RequestError) as error:
        build({"_target_": "my_module.Mien"}, "task")
    assert str(error.value).startswith(said)


def test_what_describe_writes_is_built_again() -> None:
    task = Task(
        source=Rows("/x"),  # type: ignore[arg-type]
        name="mine",
        prompt=PromptTemplate("{question}", templates={"a": "{options}"}),
        scorer=ChoiceScorer("videomme"),
        metrics=(Mean("accuracy", macro=("level", "task")), Mean("graded", low=None, high=None)),
        breakdowns=("task",),
    )
    assert build(describe(task), "task") == task
    assert build(describe(Outer(Inner("x"), place=Path("/p"))), "o") == Outer(
        Inner("x"), place=Path("/p")
    )


def test_nearest_names() -> None:
    assert nearest("tiny_vdeo", ["tiny_video", "tiny_image"]) == "; nearest: tiny_video, tiny_image"
    assert nearest("zzz", ["b", "a"]) == "; there are: a, b"
