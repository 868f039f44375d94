"""How benchmarks add up, against plain arithmetic written here from their sources' descriptions."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from harness.build import build
from harness.types import Question, Record, Response, Score
from tasks.videommmu import delta_knowledge
from tests.test_open_benchmarks import settings

DIRECTIONS = ("easy", "medium", "hard")
VSI = ("object_counting", "object_abs_distance", "object_size_estimation", "room_size_estimation",
       "object_rel_distance", "route_planning", "obj_appearance_order")  # fmt: skip


def metrics(name):
    """{name: metric} of a protocol, as its YAML says."""
    given = settings(name)["task"]["metrics"]
    built = [build(dict(metric), "metric") for metric in _plain(given)]
    return {metric.name: metric for metric in built}


def _plain(node):
    from omegaconf import OmegaConf

    return OmegaConf.to_container(node)


def records(groups, values, seed=0, many=60):
    """Random scored records, each in a random choice of ``groups``, with random ``values``."""
    chance = random.Random(seed)
    made = []
    for number in range(many):
        chosen = chance.choice(groups)
        score = {name: float(draw(chance)) for name, draw in values.items()}
        made.append(
            Record(
                Question(str(number), "?", target="A", groups=chosen),
                f"v{number % 7}",
                "",
                response=Response(str(number), "x"),
                score=Score(score),
                status="scored",
            )
        )
    return made


def coin(chance):
    return chance.randint(0, 1)


def mean_of(made, value="accuracy", **groups):
    return fmean(
        r.score.values[value]
        for r in made
        if all(of in r.question.groups[name] for name, of in groups.items())
    )


def test_video_mmmu_is_the_mean_of_its_tracks_and_delta_a_share_of_what_was_missing():
    tracks = ("perception", "comprehension", "adaptation")
    made = records([{"track": (track,)} for track in tracks], {"accuracy": coin})
    found = metrics("videommmu")["accuracy"].estimate(made).value
    assert found == pytest.approx(fmean(mean_of(made, track=track) for track in tracks))
    assert delta_knowledge(33.78, 20.0) == pytest.approx(100 * 13.78 / 80)
    assert delta_knowledge(10, 20) == pytest.approx(-12.5)


def test_vsi_bench_is_the_mean_of_eight_tasks_with_direction_over_its_levels():
    groups = [{"task": (task,)} for task in VSI]
    groups += [{"task": ("object_rel_direction",), "level": (level,)} for level in DIRECTIONS]
    made = records(groups, {"accuracy": random.Random.random}, many=300)
    direction = fmean(
        mean_of([r for r in made if "level" in r.question.groups], level=level)
        for level in DIRECTIONS
    )
    eight = [mean_of(made, task=task) for task in VSI] + [direction]
    assert metrics("vsibench")["accuracy"].estimate(made).value == pytest.approx(fmean(eight))


def test_ovo_bench_is_the_mean_of_three_modes_each_of_its_tasks():
    modes = {"backward": ("EPM", "ASI", "HLD"), "forward": ("REC", "SSR", "CRR"),
             "realtime": ("OCR", "ACR", "ATR", "STU", "FPD", "OJR")}  # fmt: skip
    groups = [{"mode": (m,), "task": (t,)} for m, tasks in modes.items() for t in tasks]
    made = records(groups, {"accuracy": coin}, many=400)
    means = [fmean(mean_of(made, task=task) for task in tasks) for tasks in modes.values()]
    assert metrics("ovobench")["accuracy"].estimate(made).value == pytest.approx(fmean(means))


def test_tempcompass_avg_all_is_over_all_questions_and_not_over_formats():
    sizes = {"multi-choice": 1580, "yes_no": 2453, "caption_matching": 1503, "captioning": 2004}
    shares = {"multi-choice": 0.5, "yes_no": 0.6, "caption_matching": 0.7, "captioning": 0.25}
    made = []
    for kind, size in sizes.items():
        right = round(shares[kind] * size)
        for number in range(size):
            question = Question(f"{kind}{number}", "?", target="A", groups={"kind": (kind,)})
            score = Score({"accuracy": float(number < right)})
            response = Response(question.key, "x")
            made.append(Record(question, "v", "", response=response, score=score, status="scored"))
    assert len(made) == 7540
    total = sum(round(shares[kind] * size) for kind, size in sizes.items())
    found = metrics("tempcompass/judged")["accuracy"].estimate(made)
    assert (found.value, found.n) == (pytest.approx(total / 7540), 7540)


def test_mlvu_g_avg_is_the_mean_of_two_tasks_of_different_size():
    groups = 2 * [{"task_type": ("subPlot",)}] + [{"task_type": ("summary",)}]
    made = records(groups, {"score": lambda chance: chance.uniform(2, 10)}, many=90)
    means = [mean_of(made, "score", task_type=kind) for kind in ("subPlot", "summary")]
    assert metrics("mlvu/generation")["G-Avg"].estimate(made).value == pytest.approx(fmean(means))


def test_mmbench_video_and_video_holmes_are_over_all_questions():
    groups = [{"dimension": ("Perception",)}, {"dimension": ("Reasoning",)}]
    made = records(groups, {"score": lambda chance: chance.randint(0, 3)})
    expected = fmean(r.score.values["score"] for r in made)
    assert metrics("mmbench_video")["score"].estimate(made).value == pytest.approx(expected)
    made = records([{"type": (kind,)} for kind in ("SR", "TCI", "TCI")], {"accuracy": coin})
    expected = fmean(r.score.values["accuracy"] for r in made)
    assert metrics("video_holmes")["accuracy"].estimate(made).value == pytest.approx(expected)


def test_video_chatgpt_is_the_mean_of_five_axes_of_different_size():
    axes = ("correctness", "detail", "context", "temporal", "consistency")
    mean = metrics("videochatgpt")["mean"]
    assert tuple(mean.values) == axes
    chance = random.Random(3)
    made, scores = [], {axis: [] for axis in axes}
    for number in range(80):
        kinds = axes[:3] if number % 2 else axes[3:4] if number % 4 else axes[4:]
        values = {axis: float(chance.randint(0, 5)) for axis in kinds}
        for axis, value in values.items():
            scores[axis].append(value)
        question = Question(str(number), "?", target="A")
        response = Response(question.key, "x")
        made.append(
            Record(question, "v", "", response=response, score=Score(values), status="scored")
        )
    expected = fmean(fmean(found) for found in scores.values())
    assert mean.estimate(made).value == pytest.approx(expected)
