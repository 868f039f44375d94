"""Every benchmark on a small copy of itself: what its rows become and how a protocol scores."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.config import compose
from harness.errors import DataError
from harness.metrics import GroupScore, Mean
from harness.overrides import choices
from harness.prompts import PromptTemplate
from harness.run.request import Request
from harness.scoring.choice import ChoiceScorer
from harness.task import Task
from harness.types import Clip, Question, Response, Score, Scorer, Text, Video
from tests.benchmarks import FIXTURES, lay_out
from tests.open_rows import NAMES

TASKS = [name for name in choices("task") if not name.startswith("demo") and name not in NAMES]


def request(task: str, folder: Path, *words: str) -> Request:
    data = lay_out(task, folder)
    return compose([f"task={task}", "backend=fake", f"data={data}", "video.workers=0", *words])


def benchmark(task: str, folder: Path) -> Task:
    found = request(task, folder).benchmark
    assert isinstance(found, Task)
    return found


def clips(task: str, folder: Path) -> list[Clip]:
    return list(benchmark(task, folder).clips())


def score(bench: Task, question: Question, response: str) -> Score:
    assert isinstance(bench.scorer, Scorer)
    return bench.scorer.score(question, Response(question.key, response))


def test_every_benchmark_has_a_small_copy() -> None:
    assert {name.split("/")[0] for name in TASKS} <= set(FIXTURES)


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
    "videomme_v2/reasoning": ("interior", 64, 4096),
    "nextqa/lmms_eval": ("linspace", 8, 1024),
}


@pytest.mark.parametrize("task", SETTINGS)
def test_a_protocol_brings_its_sampling_and_its_limits(task: str, tmp_path: Path) -> None:
    asked = request(task, tmp_path)
    found = (asked.sampling.rule, asked.sampling.frames, asked.generation.max_new_tokens)
    assert found == SETTINGS[task]


def test_the_command_line_wins_over_the_protocol(tmp_path: Path) -> None:
    words = ("frames=32", "sampling=linspace", "task.prompt.subtitles=all")
    asked = request("mvbench", tmp_path, *words)
    assert (asked.sampling.rule, asked.sampling.frames) == ("linspace", 32)
    assert isinstance(asked.benchmark.prompt, PromptTemplate)
    assert asked.benchmark.prompt.subtitles == "all"
    assert asked.benchmark.prompt.primer == "Best option:("


MICRO = (Mean("accuracy"),)
RULES = {
    "videomme": ("videomme", (Mean("accuracy", counted="answered"),)),
    "videomme/subtitles": ("videomme", (Mean("accuracy", counted="answered"),)),
    "videomme/lmms_eval": ("lmms_mcq", MICRO),
    "videomme/lmms_eval_subtitles": ("lmms_mcq", MICRO),
    "videomme/llava_vid": ("lmms_mcq", MICRO),
    "videomme/vlmevalkit": ("videomme", (Mean("accuracy", counted="answered"),)),
    "mvbench": ("mvbench", (Mean("accuracy", macro=("task",)),)),
    "mvbench/lmms_eval": ("mvbench_lmms", (Mean("accuracy", counted="nonempty"),)),
    "tvbench": ("mvbench", (Mean("accuracy", macro=("task",)),)),
    "tvbench/lmms_eval": ("tvbench_lmms", (Mean("accuracy", macro=("task",)),)),
    "mlvu": ("mlvu", (Mean("accuracy", macro=("task_type",)),)),
    "mlvu/lmms_eval": ("lmms_mcq", (Mean("accuracy", macro=("task_type",)),)),
    "longvideobench": ("longvideobench_lmms", MICRO),
    "longvideobench/lmms_eval_i": ("longvideobench_lmms", MICRO),
    "longvideobench/lmms_eval_v": ("longvideobench_lmms", MICRO),
    "egoschema": ("egoschema_lmms", MICRO),
    "egoschema/full": ("egoschema_lmms", MICRO),
    "nextqa": ("nextqa_lmms", MICRO),
    "nextqa/lmms_eval": ("nextqa_lmms", MICRO),
    "perceptiontest": ("perceptiontest_lmms", MICRO),
    "tempcompass": ("tempcompass", MICRO),
    "lvbench": ("lvbench", MICRO),
    "lvbench/lmms_eval": ("lmms_mcq", MICRO),
    "tomato": ("default", MICRO),
    "tomato/lmms_eval": ("tomato_lmms", MICRO),
    "videomme_v2": ("videomme_v2", (GroupScore(), Mean("accuracy"))),
    "videomme_v2/subtitles": ("videomme_v2", (GroupScore(), Mean("accuracy"))),
    "videomme_v2/subtitles_interleaved": ("videomme_v2", (GroupScore(), Mean("accuracy"))),
    "videomme_v2/reasoning": ("videomme_v2", (GroupScore(), Mean("accuracy"))),
}


@pytest.mark.parametrize("task", RULES)
def test_each_protocol_scores_by_its_own_rule(task: str, tmp_path: Path) -> None:
    bench = benchmark(task, tmp_path)
    extractor, metrics = RULES[task]
    assert (bench.scorer, bench.metrics) == (ChoiceScorer(extractor), metrics)


@pytest.mark.parametrize("task", TASKS)
def test_the_breakdowns_are_groups_of_its_questions(task: str, tmp_path: Path) -> None:
    bench = benchmark(task, tmp_path)
    for clip in bench.clips():
        for question in clip.questions:
            assert set(bench.breakdowns) <= set(question.groups)
            assert all(len(question.groups[name]) > 0 for name in bench.breakdowns)


def test_videomme_asks_three_questions_of_each_video(tmp_path: Path) -> None:
    found = clips("videomme", tmp_path)
    assert [len(clip.questions) for clip in found] == [3, 3]
    assert found[0].questions[0].id == "001-1"
    assert [question.target for question in found[0].questions] == ["B", "C", "D"]
    assert found[1].questions[0].metadata["video_id"] == "002"


def test_videomme_without_a_subtitle_file_says_so_and_leaves_the_block_out(tmp_path: Path) -> None:
    bench = benchmark("videomme/subtitles", tmp_path)
    with_file, without = bench.clips()
    assert bench.write(with_file, with_file.questions[0], [0.45]).subtitles == 2
    assert bench.write(with_file, with_file.questions[0], [5.0]).subtitles == 0
    prompt = bench.write(without, without.questions[0], [0.45])
    assert prompt.subtitles == 0
    assert "subtitles" not in prompt.text


def test_lmms_eval_says_when_there_are_no_subtitles(tmp_path: Path) -> None:
    bench = benchmark("videomme/lmms_eval_subtitles", tmp_path)
    clip = bench.clips()[1]
    prompt = bench.write(clip, clip.questions[0], [0.0])
    assert "listed below: \nNo subtitles available\nSelect" in prompt.text


def test_mvbench_looks_at_segments_and_at_folders_of_frames(tmp_path: Path) -> None:
    by_id = {clip.id: clip for clip in clips("mvbench", tmp_path)}
    assert by_id["action_sequence/ZS9XR.mp4@0.4-1.2"].segment == (0.4, 1.2)
    assert by_id["moving_count/video_10009.mp4"].segment is None
    folder = by_id["episodic_reasoning/friends_s01e01_seg02_clip_00@0.0-2.0"]
    assert folder.fps == 3.0
    assert folder.video is not None
    assert folder.video.is_dir()


def test_mvbench_finds_videos_that_lie_in_one_folder(tmp_path: Path) -> None:
    bench = benchmark("mvbench", tmp_path)
    (tmp_path / "videos/star/Charades_v1_480/ZS9XR.mp4").rename(tmp_path / "videos/ZS9XR.mp4")
    assert bench.clips()[0].video == tmp_path / "videos/ZS9XR.mp4"


def test_a_task_that_mvbench_does_not_have_is_an_error_of_the_data(tmp_path: Path) -> None:
    bench = request("mvbench", tmp_path, "task.source.configs=[counting]").benchmark
    (tmp_path / "moving_count.json").rename(tmp_path / "counting.json")
    with pytest.raises(DataError, match=r"row 1: 'counting' is no task of mvbench"):
        bench.clips()


def test_longvideobench_shows_subtitles_between_the_frames(tmp_path: Path) -> None:
    bench = benchmark("longvideobench", tmp_path)
    clip = bench.clips()[0]
    assert (clip.subtitle_offset, clip.duration) == (100.0, 1.6)
    prompt = bench.write(clip, clip.questions[0], [0.0, 0.3, 0.8, 1.2])
    videos = [part for part in prompt.turns[0].parts if isinstance(part, Video)]
    assert videos == [Video(0, 2), Video(2, 4)]
    assert prompt.subtitles == 2


def test_nextqa_counts_tp_as_tn(tmp_path: Path) -> None:
    groups = [dict(q.groups) for q in clips("nextqa", tmp_path)[0].questions]
    assert groups == [
        {"kind": ("causal",), "type": ("CH",)},
        {"kind": ("temporal",), "type": ("TN",)},
    ]


def test_nextqa_knows_its_types(tmp_path: Path) -> None:
    bench = benchmark("nextqa", tmp_path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(rows.read_text().replace('"TP"', '"XX"'))
    with pytest.raises(DataError, match=r"line 2 \(qid 7\): type 'XX' is none of NExT-QA's"):
        bench.clips()


def test_a_question_is_in_each_of_its_values(tmp_path: Path) -> None:
    found = clips("lvbench", tmp_path)[0].questions
    assert [q.groups["capability"] for q in found] == [
        ("entity recognition", "reasoning"),
        ("reasoning",),
    ]
    (tmp_path / "p").mkdir()
    (question,) = clips("perceptiontest", tmp_path / "p")[0].questions
    assert question.groups["tag"] == ("motion", "camera")


def test_tempcompass_asks_each_kind_in_its_own_words(tmp_path: Path) -> None:
    bench = benchmark("tempcompass", tmp_path)
    (clip,) = bench.clips()
    texts = [
        "".join(p.text for p in bench.write(clip, q, [0.0]).turns[0].parts if isinstance(p, Text))
        for q in clip.questions
    ]
    assert texts[1:] == [
        "Is it falling?\nPlease answer yes or no:",
        "Which caption matches?\nOption 1: It rises.\nOption 2: It falls.\n"
        "Please directly give the best option:",
    ]
    responses = ("B. falling", "Yes", "Option 2")
    found = [score(bench, *pair).values for pair in zip(clip.questions, responses, strict=True)]
    assert found == [{"accuracy": 1.0}] * 3
    assert score(bench, clip.questions[0], "It is falling").values == {}


def test_tempcompass_has_no_rule_for_captions(tmp_path: Path) -> None:
    bench = request("tempcompass", tmp_path, "task.source.configs=[captioning]").benchmark
    (tmp_path / "yes_no.jsonl").rename(tmp_path / "captioning.jsonl")
    with pytest.raises(DataError, match="TempCompass has no rule for captioning"):
        bench.clips()


def test_videomme_v2_numbers_the_four_of_a_video(tmp_path: Path) -> None:
    found = clips("videomme_v2", tmp_path)
    assert [[q.groups["position"] for q in clip.questions] for clip in found] == [
        [("1",), ("2",), ("3",), ("4",)]
    ] * 2
    assert len(found[0].questions[0].options) == 8


def test_hidden_labels_are_no_targets(tmp_path: Path) -> None:
    bench = benchmark("egoschema/full", tmp_path)
    (question,) = bench.clips()[0].questions
    assert question.target is None
    assert score(bench, question, "D") == Score({}, "D")


def test_rows_of_another_benchmark_are_refused(tmp_path: Path) -> None:
    data = lay_out("egoschema", tmp_path)
    asked = compose(["task=videomme", "backend=fake", f"data={data}"])
    with pytest.raises(DataError, match=r"videomme: .*line 1 .*has no field 'videoID': does data="):
        asked.benchmark.clips()


def test_a_benchmarks_data_is_pinned_or_its_pin_was_not_found() -> None:
    folder = Path(__file__).parents[1] / "configs" / "task"
    lines = {
        str(file.relative_to(folder)): line.strip()
        for file in folder.rglob("*.yaml")
        for line in file.read_text().splitlines()
        if line.strip().startswith("revision:")
    }
    loose = {
        name for name, line in lines.items() if not re.match(r"revision: [0-9a-f]{40}\b", line)
    }
    loose = {name for name in loose if "built-in" not in lines[name]}
    assert all("# not looked up" in lines[name] for name in loose)
    assert len(lines) - len(loose) >= 17
