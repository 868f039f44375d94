"""The Python API: what is public, and that it neither prints nor exits nor leaks."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.api import _words
from harness.cli import main
from harness.config import compose
from harness.errors import HarnessError

MINE = """\
# @package _global_
task:
  _target_: harness.task.Task
  name: mine
  source: {_target_: harness.data.Source, path: rows.jsonl}
  prompt: {_target_: harness.prompts.PromptTemplate, template: "{question}"}
  scorer: {_target_: harness.scoring.choice.ChoiceScorer}
"""
FAKE = {"backend": "fake", "limit": 3, "video": {"workers": 0}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "mine.yaml").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_public_names_are_these() -> None:
    assert harness.__all__ == [
        "Clip", "Comparison", "Estimate", "Failure", "Frames", "Generation", "HarnessError",
        "JudgedScorer", "Mean", "Metric", "Model", "Planner", "Prompt", "PromptTemplate",
        "Question", "Record", "Response", "Run", "Sample", "Score", "Scorer", "Task", "VideoInfo",
        "compare", "evaluate", "extract", "load_run",
    ]  # fmt: skip
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    assert set(harness.__all__) <= set(dir(harness))
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        harness.evalute  # noqa: B018


def test_importing_costs_nothing() -> None:
    code = "import sys, harness; print(len({'numpy', 'torch', 'hydra', 'av'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "0"


def test_a_run_comes_with_summary_records_and_folder(capfd: pytest.CaptureFixture[str]) -> None:
    run = harness.evaluate(**FAKE, frames=4, **{"backend.rule": "target"})
    assert capfd.readouterr() == ("", "")
    assert run.summary["metrics"]["accuracy"]["value"] == 1.0
    assert (run.summary["n"], run.summary["frames"], run.complaints) == (9, 4, ())
    table = run.records
    assert isinstance(table, pd.DataFrame)
    assert (table["answer"] == table["target"]).all()
    assert (table["score.accuracy"] == 1).all()
    assert set(table["status"]) == {"scored"}
    assert table["group.duration"].nunique() == 3
    assert harness.load_run(run.folder).summary == run.summary
    assert harness.load_run(run.folder.name).folder == run.folder


def test_a_task_can_be_told_what_is_planned() -> None:
    told: list[str] = []
    harness.evaluate(**FAKE, tell=told.append)
    assert any("9 questions" in line for line in told)


def test_what_goes_wrong_is_an_exception_and_hydra_s_state_is_kept() -> None:
    from hydra.core.global_hydra import GlobalHydra

    before = list(sys.argv)
    with pytest.raises(HarnessError, match="frmaes: no such setting; nearest: frames"):
        harness.evaluate(**FAKE, frmaes=8)
    with pytest.raises(HarnessError, match="task=dmeo: no such task; nearest: demo"):
        harness.evaluate(task="dmeo")
    assert sys.argv == before
    assert not GlobalHydra.instance().is_initialized()


def test_texts_are_taken_as_they_are() -> None:
    run = harness.evaluate(**FAKE, **{"backend.rule": "constant:it's (B), 'x'"})
    assert set(run.records["response"]) == {"it's (B), 'x'"}


@pytest.mark.parametrize("text", ["${x}", "${data}", r"\${x}", "a ${b", r"c:\${d}\e"])
def test_a_dollar_sign_in_a_text_is_no_reference(text: str) -> None:
    """Not when it is given, and not when the run is scored again."""
    words = {"backend.rule": f"constant:{text}", "task.prompt.system": f"Look: {text}"}
    run = harness.evaluate(**FAKE, **words)
    assert set(run.records["response"]) == {text}
    assert run.records["prompt"].str.contains(text, regex=False).all()
    kept = json.loads((run.folder / "request.json").read_text())
    assert kept["protocol"]["prompt"]["system"] == words["task.prompt.system"]
    assert main(["score", str(run.folder)]) == 0
    assert json.loads((run.folder / "request.json").read_text()) == kept


def test_settings_are_words_of_the_command_line() -> None:
    answers = {"001-1": "B", "a b": "it's (C): {x}", "x:y": "1"}
    words = _words({"frames": 4, "backend": {"rule": "first", "answers": answers}, "data": None})
    made = compose(["backend=fake", "task=mine", *words])
    assert made.backend.answers == answers  # type: ignore[attr-defined]
    assert made.backend.rule == "first"  # type: ignore[attr-defined]
    assert made.sampling.frames == 4


def test_numbers_of_numpy_are_numbers() -> None:
    given = {
        "frames": np.int64(4),
        "allow_failures": np.bool_(True),
        "video": {"timeout": np.float32(2.5)},
    }
    assert list(_words(given)) == ["frames=4", "allow_failures=true", "video.timeout=2.5"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: harness.evaluate(**FAKE, plan=True), "plan=true: of the command; evaluate"),
        (lambda: harness.evaluate(**FAKE, tell="x"), "tell='x': a function that takes a line"),
        (lambda: harness.evaluate(task=3), "task=3: no such task"),  # type: ignore[arg-type]
        (lambda: harness.evaluate(**FAKE, frames=float("inf")), "frames=inf: write a"),
        (lambda: harness.load_run("x", results=3), "load_run(3): name a folder"),  # type: ignore[arg-type]
        (lambda: harness.load_run(np.zeros((9, 9))), "load_run(array([[0., 0."),  # type: ignore[arg-type]
    ],
)
def test_an_argument_that_is_none_is_one_line(call: Callable[[], object], said: str) -> None:
    with pytest.raises(HarnessError) as caught:
        call()
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_run_may_be_named_by_a_text() -> None:
    run = harness.evaluate(**FAKE)
    assert len(harness.Run(str(run.folder)).records) == 9  # type: ignore[arg-type]


def test_two_runs_are_compared() -> None:
    one = harness.evaluate(**FAKE, **{"backend.rule": "target"})
    other = harness.evaluate(**FAKE, **{"backend.rule": "first"})
    found = harness.compare(one, other)
    assert isinstance(found, harness.Comparison)
    assert str(found).startswith("# Compared with fake ")
    assert "| overall |" in " ".join(str(found).split())
    with pytest.raises(HarnessError, match=r"compare\(3\): name a run"):
        harness.compare(one, 3)  # type: ignore[arg-type]


def test_an_extraction_rule_by_name() -> None:
    assert harness.extract("default", "The answer is (B).", ["red", "blue"]) == "B"
    assert harness.extract("default", "I cannot tell", ["red", "blue"]) is None
    for given in (("A", None), (None, ["red"]), ("A", "red"), ("A", [1])):
        with pytest.raises(HarnessError, match=r"extract: .* text"):
            harness.extract("default", *given)  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="no rule 'defualt'; nearest: default"):
        harness.extract("defualt", "B")
    with pytest.raises(HarnessError, match=r"no rule 'nope'; there are: cgbench, .*, videomme, "):
        harness.extract("nope", "B")
