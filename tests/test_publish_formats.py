"""Every published form of known runs, character by character; times, hashes and paths are named.

After a change that is meant: ``python -m tests.test_publish_formats``, then read what changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.report import tables
from harness.report.publish import every_eval, facts, hub, inspect_log, lmms, loggers
from harness.report.runs import Run
from tests.golden_files import keep, kept
from tests.published_runs import RUNS

INSPECT = ("inspect_ai", "inspect_ai.log", "inspect_ai.model", "inspect_ai.scorer")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Handed(types.SimpleNamespace):
    """An object of a stand-in module: its class and what it was made with."""

    @property
    def message(self) -> str:
        return f"message: {self.content}"


class StandIn(types.ModuleType):
    """A module that keeps what it is handed: every class makes a ``Handed``, every other call is
    noted in ``calls``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[Any] = []
        self.exceptions = types.SimpleNamespace(MlflowException=ArithmeticError)
        self.errors = types.SimpleNamespace(Error=ArithmeticError)
        self.summary = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "ModelOutput":
            return Output
        if name[0].isupper():
            return lambda **told: Handed(_=name, **told)
        return lambda *words, **told: self.calls.append([name, *words, told]) or self._after(name)

    def _after(self, name: str) -> Any:
        return {"search_runs": self.__dict__.get("found", [])}.get(name, self)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.calls.append(["end"])

    experiment_id = "7"


class Output(Handed):
    usage: Any = None

    def __init__(self, **told: Any) -> None:
        super().__init__(_="ModelOutput", **told)

    @classmethod
    def from_content(cls, model: str, content: str, **told: Any) -> Output:
        return cls(model=model, content=content, **told)


def _every_eval(run: Run, folder: Path) -> str:
    path, without = every_eval.write(run, folder, organization="us", relationship="other")
    samples = path.with_name(f"{path.stem}_samples.jsonl")
    kept = json.loads(path.read_text())["detailed_evaluation_results"]
    assert kept["checksum"] == hashlib.sha256(samples.read_bytes()).hexdigest()
    for line in samples.read_text().split("\n")[:-1]:
        sample = json.loads(line)
        hashed = sample["input"]["raw"] + "".join(sample["input"]["reference"])
        assert sample["sample_hash"] == hashlib.sha256(hashed.encode()).hexdigest()
    place = path.relative_to(folder)
    return f"{place}\n{without} without a score\n{path.read_text()}{samples.read_text()}"


def _inspect(run: Run, folder: Path) -> str:
    inspect_log.write(run, folder / "x.eval")
    return json.dumps(sys.modules["inspect_ai.log"].calls, default=vars, indent=1)


def _logged(run: Run, folder: Path) -> str:
    mlflow: Any = sys.modules["mlflow"]
    loggers.wandb(run, "p")
    loggers.mlflow(run, "p")
    mlflow.found = [types.SimpleNamespace(info=types.SimpleNamespace(run_id="before"))]
    loggers.mlflow(run, "again")
    return json.dumps([sys.modules["wandb"].calls, mlflow.calls], indent=1)


def _hub(run: Run, folder: Path) -> str:
    two = {"tasks": [{"id": "test"}, {"id": "other"}]}
    own = hub.entry(run, {"tasks": [{"id": "test"}]})
    other = hub.entry(run, two, dataset="a/b", task_id="other", url="https://example.org/run")
    return hub.text(own) + hub.text(other)


FORMS: dict[str, Callable[[Run, Path], str]] = {
    "every_eval": _every_eval,
    "inspect": _inspect,
    "lmms": lambda run, _: "".join(lmms.lines(run)),
    "loggers": _logged,
    "hub": _hub,
}
CASES = [(form, name) for form in FORMS for name in RUNS if (form == "hub") == (name == "whole")]


def published(form: str, name: str, folder: Path) -> list[str]:
    """The form's text by its lines, without what is of this machine, time or version."""
    run = RUNS[name](folder / "results")
    tables.folder(out := folder / "out")
    with pytest.MonkeyPatch.context() as patched:
        for module in (*INSPECT, "wandb", "mlflow"):
            patched.setitem(sys.modules, module, StandIn(module))
        text = FORMS[form](run, out)
    text = text.replace(str(folder), "FOLDER").replace(run.id, "RUN")
    text = UUID.sub("UUID", text.replace(facts.protocol_hash(run), "PROTOCOL"))
    text = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", text)
    return re.sub(r"\d+\.\d{7,}", lambda m: f"{float(m[0]):.6f}", text).split("\n")


@pytest.mark.parametrize(("form", "name"), CASES)
def test_the_form_is_as_it_was(form: str, name: str, tmp_path: Path) -> None:
    assert published(form, name, tmp_path) == kept(f"published/{form}.json")[name]


if __name__ == "__main__":
    for each in FORMS:
        keep(
            f"published/{each}.json", [n for of, n in CASES if of == each], partial(published, each)
        )
