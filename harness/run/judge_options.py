"""What is said of a judge beside the model that it is: ``judge.calibrate`` and ``judge.price``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, RequestError
from harness.names import OF_CARD


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, ``read`` and ``written``, in whatever currency."""

    read: float = 0.0
    written: float = 0.0


@dataclass(frozen=True)
class JudgeOptions:
    """``calibrate``: a file of people's verdicts (``harness label`` writes one) that the judged
    score is corrected by; ``price``: for the plan. Neither decides a response or a verdict."""

    calibrate: Path | None = None
    price: Price | None = None


PLAIN = JudgeOptions()
_MODEL_S = re.compile(rf"\bmodel\.(?=({'|'.join(OF_CARD)})\b)")


def of_judge(error: Exception) -> str:
    """What a model says is wrong with it, by the names of the judge's settings."""
    return _MODEL_S.sub("judge.", str(error).replace("backend.", "judge."))


@contextmanager
def judge_named() -> Iterator[None]:
    """Errors of a model that is built, or asked who it is, as a judge name the judge's settings."""
    try:
        yield
    except HarnessError as error:
        raise type(error)(of_judge(error)) from error


def judge_options(settings: Mapping[str, Any]) -> tuple[dict[str, Any], JudgeOptions]:
    """A judge's settings without these two, and the two. Raises RequestError for a file that is
    not there, and for a price that is none."""
    model = dict(settings)
    if model and "_target_" not in model:
        raise RequestError(f"judge.{next(iter(model))}: no judge is chosen: write judge=NAME too")
    file, price = model.pop("calibrate", None), model.pop("price", None)
    if file is not None and not Path(str(file)).is_file():
        raise RequestError(f"judge.calibrate={file}: no such file; harness label RUN writes one")
    return model, JudgeOptions(Path(str(file)) if file is not None else None, _price(price))


def _price(said: object) -> Price | None:
    if said is None:
        return None
    known = isinstance(said, Mapping) and set(said) <= {"read", "written"}
    numbers: dict[str, Any] = dict(said) if isinstance(said, Mapping) and known else {"read": None}
    if any(
        isinstance(n, bool) or not isinstance(n, int | float) or n < 0 for n in numbers.values()
    ):
        raise RequestError(
            f"judge.price={said}: write judge.price.read=N judge.price.written=N, what a million "
            "tokens cost"
        )
    return Price(**{key: float(number) for key, number in numbers.items() if number is not None})
