"""Every benchmark run from end to end on a small copy of itself, with the fake model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import compose
from harness.models.fake import Fake
from harness.overrides import choices
from harness.run.journal import read_records
from harness.run.loop import run
from harness.types import Record
from tests.benchmarks import lay_out
from tests.open_rows import NAMES

TASKS = [name for name in choices("task") if not name.startswith("demo") and name not in NAMES]


def results(
    task: str, folder: Path, *words: str, answers: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[Record]]:
    """The run's summary and its records."""
    data = lay_out(task, folder)
    asked = [f"task={task}", "backend=fake", f"data={data}", "video.workers=0", "frames=4"]
    request = compose([*asked, f"results={folder / 'results'}", *words])
    if answers:
        request = replace(request, backend=Fake(answers=answers))
    outcome = run(request, tell=lambda _: None)
    summary = json.loads((outcome.folder / "summary.json").read_text())
    return summary, list(read_records(outcome.folder))


def headline(summary: Mapping[str, Any]) -> Any:
    return summary["metrics"][summary["headline"]]["value"]


@pytest.mark.parametrize("task", TASKS)
def test_a_perfect_model_scores_1(task: str, tmp_path: Path) -> None:
    summary, records = results(task, tmp_path, "backend.rule=target")
    assert (summary["failed"], summary["unscored"]) == (0, 0)
    if task == "egoschema/full":
        assert headline(summary) is None
    elif task.startswith("tempcompass"):  # its rules want words and not letters of other kinds
        assert summary["by"]["kind"]["multi-choice"]["accuracy"]["value"] == 1
    else:
        assert headline(summary) == 1
        assert {record.status for record in records} == {"scored"}


def test_the_subtitles_that_were_shown_are_in_the_summary(tmp_path: Path) -> None:
    summary, records = results("videomme/subtitles", tmp_path)
    assert summary["subtitles"] == {"questions": 6, "with": 3}
    assert sorted(str(record.subtitles) for record in records) == ["0"] * 3 + ["2"] * 3


def test_hidden_labels_are_answered_and_not_scored(tmp_path: Path) -> None:
    summary, records = results("egoschema/full", tmp_path, "backend.rule=constant:D")
    assert (summary["n"], summary["unlabelled"], summary["unparsed"]) == (0, 1, 0)
    (record,) = records
    assert record.score is not None
    assert (record.score.answer, record.score.values) == ("D", {})


def test_a_question_counts_in_each_of_its_capabilities(tmp_path: Path) -> None:
    summary, _ = results("lvbench", tmp_path)
    by = summary["by"]["capability"]
    assert {name: part["accuracy"]["n"] for name, part in by.items()} == {
        "entity recognition": 1,
        "reasoning": 2,
    }


def test_the_means_of_tasks_differ_from_the_mean_of_questions(tmp_path: Path) -> None:
    answers = {"0": "A) x", "1": "C) x", "2": "(C"}  # plotQA 1 of 2, needle 0 of 1
    summary, _ = results("mlvu", tmp_path, answers=answers)
    assert headline(summary) == pytest.approx((0.5 + 0) / 2)
    assert summary["by"]["task_type"]["plotQA"]["accuracy"]["value"] == 0.5


@pytest.mark.parametrize(
    ("task", "share"),
    [("videomme", 2 / 3), ("videomme/lmms_eval", 2 / 6), ("mvbench/lmms_eval", 0)],
)
def test_what_is_unparsed_counts_as_the_protocol_says(
    task: str, share: float, tmp_path: Path
) -> None:
    answers = {"001-1": "B", "001-2": "C", "001-3": "A", "002-1": "", "002-2": "", "002-3": "-"}
    answers |= {"action_sequence/0": "", "action_sequence/1": "-", "moving_count/0": " "}
    summary, records = results(task, tmp_path, answers={**answers, "episodic_reasoning/0": "A"})
    assert headline(summary) == pytest.approx(share)
    if (
        task == "mvbench/lmms_eval"
    ):  # two blank ones are left out, a wrong and an unparsed one count
        assert summary["metrics"]["accuracy"]["n"] == 2
        assert len(records) == 4


def test_groups_of_four_earn_more_together(tmp_path: Path) -> None:
    answers = {str(place): letter for place, letter in enumerate("HHAHHAHH")}
    summary, _ = results("videomme_v2", tmp_path, answers=answers)
    # consistency: 3 of 4 → 9/16; coherence [1,[2,3],4]: the third stands in for the second → 4/12
    assert summary["headline"] == "group_score"
    assert headline(summary) == pytest.approx((9 / 16 + 4 / 12) / 2)
    assert summary["metrics"]["accuracy"]["value"] == pytest.approx(6 / 8)
    assert summary["by"]["level"]["1"]["accuracy"]["value"] == 0.75


def test_rotations_make_groups_of_their_own(tmp_path: Path) -> None:
    summary, _ = results("videomme_v2", tmp_path, "permute_options=2", "backend.rule=target")
    assert (headline(summary), summary["expected"]) == (1, 16)


@pytest.mark.parametrize(("control", "asked"), [("no_options", False), ("blank", True)])
def test_controls_run_on_any_task(control: str, asked: bool, tmp_path: Path) -> None:
    _, records = results("mvbench", tmp_path, f"control={control}")
    assert len(records) == 4
    for record in records:
        assert record.question.options_hidden != asked
        assert all((f"({x}) " in record.prompt) == asked for x in "AB")


def test_rotated_options_are_asked_apart(tmp_path: Path) -> None:
    summary, records = results("mvbench", tmp_path, "permute_options=3", "backend.rule=target")
    assert summary["expected"] == 3 + 2 + 3 + 3  # never more often than there are options
    assert len({record.key for record in records}) == 11
    assert headline(summary) == 1


def test_a_missing_video_fails_its_questions_and_scores_nothing(tmp_path: Path) -> None:
    data = lay_out("egoschema", tmp_path)
    words = ["task=egoschema", "backend=fake", f"data={data}", "video.workers=0"]
    request = compose([*words, f"results={tmp_path / 'results'}"])
    (tmp_path / "videos/0074f737.mp4").unlink()
    summary = run(request, tell=lambda _: None).summary
    assert (summary.failed, summary.n, summary.complete) == (1, 0, False)
    assert summary.to_json()["metrics"]["accuracy"]["value"] is None


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random LLaVA-NeXT-Video, as a complete checkpoint."""
    from tests.small_models import save

    return save(tmp_path_factory.mktemp("model"))


# one of each shape of prompt: plain, system and primer, subtitles between frames, several kinds
SHAPES = ("videomme/subtitles", "mvbench", "longvideobench", "tempcompass")


@pytest.mark.parametrize("task", SHAPES)
def test_a_real_model_class_answers_every_shape_of_prompt(
    task: str, tmp_path: Path, small_model: Path
) -> None:
    data = lay_out(task, tmp_path)
    words = [f"task={task}", f"data={data}", f"results={tmp_path / 'results'}", "frames=4"]
    words += ["model=tiny_video", f"model.checkpoint={small_model}", "video.workers=0"]
    words += ["backend.device=cpu", "generation.max_new_tokens=2", "allow_overflow=true"]
    summary = run(compose(words), tell=lambda _: None).summary
    assert summary.failed == 0
    assert summary.scored + summary.unparsed + summary.truncated == summary.expected
