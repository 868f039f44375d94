"""Settings become objects, or one line that says what to write."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from harness.build import build, fits, nearest
from harness.errors import RequestError


@dataclass(frozen=True)
class Inner:
    name: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner
    share: float = 0.5
    mode: Literal["fast", "exact"] = "fast"
    table: dict[str, str] = field(default_factory=dict)
    count: int | None = None


def settings(**changes: Any) -> dict[str, Any]:
    inner = {"_target_": f"{__name__}.Inner", "name": "x", "parts": ["a", "b"]}
    return {"_target_": f"{__name__}.Outer", "inner": inner, **changes}


def test_nested_targets_and_lists() -> None:
    assert build(settings(share=1), "task") == Outer(Inner("x", ("a", "b")), 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shares": 1}, "task.shares: no such setting; nearest: share"),
        ({"share": "1"}, "task.share='1': write a number"),
        ({"share": True}, "task.share=True: write a number"),
        ({"mode": "slow"}, "task.mode='slow': write fast | exact"),
        ({"count": 1.5}, "task.count=1.5: write a whole number | null"),
        ({"inner": {"_target_": f"{__name__}.Inner"}}, "task.inner.name: missing; write a text"),
        ({"_target_": "tasks.nowhere.Nothing"}, "task._target_=tasks.nowhere.Nothing: No module"),
        ({"_target_": None}, "task: has no _target_"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError) as error:
        build(settings(**changes), "task")
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_fits_knows_the_types_that_settings_use() -> None:
    assert fits(("a",), tuple[str, ...])
    assert not fits((1,), tuple[str, ...])
    assert fits((1, "a"), tuple[int, str])
    assert not fits((1,), tuple[int, str])
    assert not fits(True, int)


def test_nearest_names() -> None:
    assert nearest("tiny_vdeo", ["tiny_video", "tiny_image"]) == "; nearest: tiny_video, tiny_image"
    assert nearest("zzz", ["b", "a"]) == "; there are: a, b"
