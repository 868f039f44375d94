"""Every benchmark on a small copy of itself: what is asked, in what words, and what it scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.models.fake import Fake
from harness.choices import choices
from harness.config import compose
from harness.errors import DataError
from harness.run.journal import read_records
from harness.run.request import Request
from harness.run.loop import run
from harness.task import MultipleChoice
from harness.types import Clip, Video
from tests.benchmarks import FIXTURES, lay_out
from tests.prompts import PROMPTS

TASKS = [name for name in choices("task") if not name.startswith("demo")]


def request(task: str, folder: Path, *words: str) -> Request:
    data = lay_out(task, folder)
    return compose([f"task={task}", "backend=fake", f"data={data}", "video.workers=0", *words])


def benchmark(task: str, folder: Path) -> MultipleChoice:
    found = request(task, folder).benchmark
    assert isinstance(found, MultipleChoice)
    return found


def clips(task: str, folder: Path) -> list[Clip]:
    return list(benchmark(task, folder).clips())


def results(
    task: str, folder: Path, *words: str, answers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    asked = request(task, folder, f"results={folder / 'results'}", *words)
    if answers:
        asked = replace(asked, backend=Fake(answers=answers))
    return run(asked, tell=lambda _: None).summary


def test_every_task_has_a_fixture_and_a_pinned_prompt() -> None:
    assert {name.split("/")[0] for name in TASKS} <= set(FIXTURES)
    assert set(TASKS) <= set(PROMPTS)


@pytest.mark.parametrize("task", TASKS)
def test_the_prompt_is_the_protocols(task: str, tmp_path: Path) -> None:
    bench = benchmark(task, tmp_path)
    clip = bench.clips()[0]
    prompt = bench.prompt(clip, clip.questions[0], [0.0, 0.3, 0.8, 1.2])
    assert prompt.text == PROMPTS[task]


@pytest.mark.parametrize("task", TASKS)
def test_a_perfect_model_scores_1_from_end_to_end(task: str, tmp_path: Path) -> None:
    summary = results(task, tmp_path, "backend.rule=gold", "frames=4")
    assert summary["failed"] == 0
    if task == "egoschema/full":
        assert summary["accuracy"] is None
    elif task.startswith("tempcompass"):
        assert summary["by"]["kind"]["multi-choice"]["accuracy"] == 1
    else:
        assert summary["accuracy"] == 1


SETTINGS = {
    "mvbench": ("midpoints", 16, 16),
    "tvbench": ("midpoints", 16, 16),
    "tvbench/lmms_eval": ("linspace", 16, 32),
    "longvideobench": ("longvideobench", 8, 32),
    "longvideobench/lmms_eval_v": ("linspace", 8, 32),
    "longvideobench/lmms_eval_i": ("longvideobench", 16, 32),
    "tomato": ("linspace", 16, 256),
    "videomme": ("linspace", 8, 16),
    "videomme/vlmevalkit": ("interior", 8, 16),
    "videomme_v2": ("interior", 64, 16),
    "nextqa/lmms_eval": ("linspace", 8, 1024),
}


@pytest.mark.parametrize("task", SETTINGS)
def test_a_protocol_brings_its_sampling_and_its_limits(task: str, tmp_path: Path) -> None:
    asked = request(task, tmp_path)
    found = (asked.sampling.rule, asked.sampling.frames, asked.decoding.max_new_tokens)
    assert found == SETTINGS[task]


def test_the_command_line_wins_over_the_protocol(tmp_path: Path) -> None:
    asked = request("mvbench", tmp_path, "frames=32", "sampling=linspace")
    assert (asked.sampling.rule, asked.sampling.frames) == ("linspace", 32)


RULES = {
    "videomme": ("videomme", "answered", "micro"),
    "videomme/subtitles": ("videomme", "answered", "micro"),
    "videomme/lmms_eval": ("lmms_mcq", "all", "micro"),
    "videomme/llava_vid": ("lmms_mcq", "all", "micro"),
    "videomme/vlmevalkit": ("videomme", "answered", "micro"),
    "mvbench": ("mvbench", "all", "macro:task"),
    "mvbench/lmms_eval": ("mvbench_lmms", "nonempty", "micro"),
    "tvbench": ("mvbench", "all", "macro:task"),
    "mlvu": ("mlvu", "all", "macro:task_type"),
    "mlvu/lmms_eval": ("lmms_mcq", "all", "macro:task_type"),
    "longvideobench": ("longvideobench_lmms", "all", "micro"),
    "egoschema": ("egoschema_lmms", "all", "micro"),
    "nextqa": ("nextqa_lmms", "all", "micro"),
    "perceptiontest": ("perceptiontest_lmms", "all", "micro"),
    "tempcompass": ("tempcompass", "all", "micro"),
    "lvbench": ("lvbench", "all", "micro"),
    "tomato": ("default", "all", "micro"),
    "tomato/lmms_eval": ("tomato_lmms", "all", "micro"),
    "videomme_v2": ("videomme_v2", "all", "videomme_v2"),
}


@pytest.mark.parametrize("task", RULES)
def test_each_protocol_scores_by_its_own_rule(task: str, tmp_path: Path) -> None:
    bench = benchmark(task, tmp_path)
    assert (bench.reader, bench.denominator, bench.aggregate) == RULES[task]


def test_videomme_asks_three_questions_of_each_video(tmp_path: Path) -> None:
    found = clips("videomme", tmp_path)
    assert [len(clip.questions) for clip in found] == [3, 3]
    assert found[0].questions[0].id == "001-1"
    assert [question.gold for question in found[0].questions] == ["B", "C", "D"]


def test_videomme_without_a_subtitle_file_says_so_and_leaves_the_block_out(tmp_path: Path) -> None:
    bench = benchmark("videomme/subtitles", tmp_path)
    with_file, without = bench.clips()
    assert bench.prompt(with_file, with_file.questions[0], [0.45]).subtitles == 2
    assert bench.prompt(with_file, with_file.questions[0], [5.0]).subtitles == 0
    prompt = bench.prompt(without, without.questions[0], [0.45])
    assert prompt.subtitles == 0
    assert "subtitles" not in prompt.text


def test_the_subtitles_that_were_shown_are_in_the_summary(tmp_path: Path) -> None:
    assert results("videomme/subtitles", tmp_path)["subtitles"] == {"questions": 6, "with": 3}


def test_lmms_eval_says_when_there_are_no_subtitles(tmp_path: Path) -> None:
    bench = benchmark("videomme/lmms_eval_subtitles", tmp_path)
    clip = bench.clips()[1]
    prompt = bench.prompt(clip, clip.questions[0], [0.0])
    assert "listed below: \nNo subtitles available\nSelect" in prompt.text


def test_mvbench_looks_at_segments_and_at_folders_of_frames(tmp_path: Path) -> None:
    by_id = {clip.id: clip for clip in clips("mvbench", tmp_path)}
    assert by_id["action_sequence/ZS9XR.mp4@0.4-1.2"].segment == (0.4, 1.2)
    assert by_id["moving_count/video_10009.mp4"].segment is None
    folder = by_id["episodic_reasoning/friends_s01e01_seg02_clip_00@0.0-2.0"]
    assert folder.fps == 3.0
    assert folder.video.is_dir()


def test_mvbench_finds_videos_that_lie_in_one_folder(tmp_path: Path) -> None:
    bench = benchmark("mvbench", tmp_path)
    (tmp_path / "videos/star/Charades_v1_480/ZS9XR.mp4").rename(tmp_path / "videos/ZS9XR.mp4")
    assert bench.clips()[0].video == tmp_path / "videos/ZS9XR.mp4"


def test_longvideobench_shows_subtitles_between_the_frames(tmp_path: Path) -> None:
    bench = benchmark("longvideobench", tmp_path)
    clip = bench.clips()[0]
    prompt = bench.prompt(clip, clip.questions[0], [0.0, 0.3, 0.8, 1.2])
    videos = [part for part in prompt.turns[0].parts if isinstance(part, Video)]
    assert videos == [Video(0, 2), Video(2, 4)]
    assert prompt.subtitles == 2


def test_nextqa_counts_tp_as_tn(tmp_path: Path) -> None:
    groups = [dict(q.groups) for q in clips("nextqa", tmp_path)[0].questions]
    assert groups == [{"kind": "causal", "type": "CH"}, {"kind": "temporal", "type": "TN"}]


def test_hidden_labels_are_answered_and_not_scored(tmp_path: Path) -> None:
    summary = results("egoschema/full", tmp_path, "backend.rule=constant:D")
    assert (summary["n"], summary["unlabelled"], summary["unread"]) == (0, 1, 0)
    (record,) = read_records(next((tmp_path / "results").rglob("request.json")).parent)
    assert (record.answer, record.score) == ("D", None)


def test_lvbench_counts_a_question_in_each_of_its_capabilities(tmp_path: Path) -> None:
    by = results("lvbench", tmp_path)["by"]["capability"]
    assert {name: part["n"] for name, part in by.items()} == {
        "entity recognition": 1,
        "reasoning": 2,
    }


def test_tempcompass_asks_each_kind_in_its_own_words(tmp_path: Path) -> None:
    bench = benchmark("tempcompass", tmp_path)
    (clip,) = bench.clips()
    texts = [
        bench.prompt(clip, q, [0.0]).text.removeprefix("user: <video>") for q in clip.questions
    ]
    assert texts[1:] == [
        "Is it falling?\nPlease answer yes or no:",
        "Which caption matches?\nOption 1: It rises.\nOption 2: It falls.\n"
        "Please directly give the best option:",
    ]
    scores = [
        bench.score(question, response).value
        for question, response in zip(
            clip.questions, ("B. falling", "Yes", "Option 2"), strict=True
        )
    ]
    assert scores == [1.0, 1.0, 1.0]
    assert bench.score(clip.questions[0], "It is falling").value is None


def test_the_means_of_tasks_differ_from_the_mean_of_questions(tmp_path: Path) -> None:
    answers = {"0": "A) x", "1": "C) x", "2": "(C"}  # plotQA 1 of 2, needle 0 of 1
    summary = results("mlvu", tmp_path, answers=answers)
    assert summary["accuracy"] == pytest.approx((0.5 + 0) / 2)
    assert summary["by"]["task_type"]["plotQA"]["accuracy"] == 0.5


def test_groups_of_four_earn_more_together(tmp_path: Path) -> None:
    answers = {str(place): letter for place, letter in enumerate("HHAHHAHH")}
    summary = results("videomme_v2", tmp_path, "frames=4", answers=answers)
    # consistency: 3 of 4 → 9/16; coherence [1,[2,3],4]: the third stands in for the second → 4/12
    assert summary["accuracy"] == pytest.approx((9 / 16 + 4 / 12) / 2)
    assert summary["by"]["level"]["1"]["accuracy"] == 0.75


def test_rotations_make_groups_of_their_own(tmp_path: Path) -> None:
    words = ("permute_options=2", "backend.rule=gold", "frames=4")
    assert results("videomme_v2", tmp_path, *words)["accuracy"] == 1


@pytest.mark.parametrize(("control", "asked"), [("no_options", False), ("blank", True)])
def test_controls_run_on_any_task(control: str, asked: bool, tmp_path: Path) -> None:
    results("mvbench", tmp_path, f"control={control}", "frames=4")
    folder = next((tmp_path / "results").rglob("request.json")).parent
    for record in read_records(folder):
        assert all((f"({x}) " in record.prompt) == asked for x in "AB")


def test_rotated_options_are_asked_apart(tmp_path: Path) -> None:
    summary = results("mvbench", tmp_path, "permute_options=3", "backend.rule=gold", "frames=4")
    assert summary["expected"] == 3 + 2 + 3 + 3  # never more often than there are options
    assert summary["accuracy"] == 1


def test_rows_of_another_benchmark_are_refused(tmp_path: Path) -> None:
    data = lay_out("egoschema", tmp_path)
    asked = compose(["task=videomme", "backend=fake", f"data={data}"])
    with pytest.raises(DataError, match=r"videomme has no field 'videoID'"):
        asked.benchmark.clips()


def test_a_missing_video_fails_its_questions_and_scores_nothing(tmp_path: Path) -> None:
    asked = request("egoschema", tmp_path, f"results={tmp_path / 'results'}")
    (tmp_path / "videos/0074f737.mp4").unlink()
    summary = run(asked, tell=lambda _: None).summary
    assert (summary["failed"], summary["n"], summary["accuracy"]) == (1, 0, None)


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
    words += ["backend.device=cpu", "decoding.max_new_tokens=2", "allow_overflow=true"]
    summary = run(compose(words), tell=lambda _: None).summary
    assert summary["failed"] == 0
    assert summary["scored"] + summary["unread"] == summary["expected"]
