"""Which questions need the video: classes, their shares, and what guessing does to them."""

import json

import numpy as np
import pytest

from harness.cli import main
from harness.errors import RequestError
from harness.report import need
from tests.runs import record, right, write, wrong


def answers(known, n=60):
    """Right on the questions in ``known``."""
    return [record(i, right(i) if i in known else wrong(i)) for i in range(n)]


@pytest.fixture
def runs(tmp_path):
    """60 questions: 12 are known blind, 12 more from one frame, 6 more without order; the run is
    right on all of these and on half of the other 30."""
    return [
        write(tmp_path, answers({*range(30), *range(30, 60, 2)})),
        write(tmp_path, answers(set(range(12))), control="blank"),
        write(tmp_path, answers(set(range(24))), control="single_frame"),
        write(tmp_path, answers({*range(20, 30)}), control="shuffled"),
    ]


def test_each_question_is_in_the_first_class_that_applies(runs):
    found = need.profile(runs[0], runs)
    assert found.n == 60
    sizes = {one.name: one.score.n for one in found.classes}
    assert sizes == {"blank": 12, "single_frame": 12, "shuffled": 6, need.NEEDS: 30}
    last = found.classes[-1]
    assert last.share.value == pytest.approx(1 / 2)
    assert last.score.value == pytest.approx(1 / 2)
    assert last.score.clusters == 10
    assert found.missing == ("no_times",)
    blank = found.classes[0]
    assert blank.share.value == pytest.approx(12 / 60)
    assert blank.without_guesses.value == 0.0  # a quarter would be right by guessing
    text = need.markdown(found)
    assert "| needs the video" in text
    assert "Not made: no_times" in text


def test_a_question_that_was_lost_somewhere_is_in_no_class(runs, tmp_path):
    some = answers(set(range(12)))
    some[-1] = record(59, None)
    run = write(tmp_path, some[:-1], control="no_times", expected=59)
    assert need.profile(runs[0], [*runs, run]).n == 59


def test_what_has_no_profile_is_refused(runs, tmp_path):
    with pytest.raises(RequestError, match="no control of this run"):
        need.profile(runs[0], [runs[0]])
    with pytest.raises(RequestError, match="a control itself"):
        need.profile(runs[1], runs)
    other = write(tmp_path, answers(set()), model="other", control="blank")
    with pytest.raises(RequestError, match="no control of this run"):
        need.profile(runs[0], [runs[0], other])
    judged = write(tmp_path, answers(set()), metric={"high": 5.0, "unit": ""})
    with pytest.raises(RequestError, match="not right or wrong"):
        need.profile(judged, runs)


def test_guesses_do_not_bias_the_accuracy_on_what_needs_the_video(tmp_path):
    """A third known blind; the rest is answered rightly 60% of the time, and guessed blind one in
    four. The truth is 60%, though a quarter of the questions that need it seem not to."""
    rng, found, held = np.random.default_rng(0), [], 0
    runs = [write(tmp_path, answers(set(), 3), control=c) for c in ("none", "blank")]
    for _ in range(30):
        blind = rng.random(300) < 1 / 3
        guessed = {i for i in range(300) if blind[i] or rng.random() < 0.25}
        seen = {i for i in range(300) if blind[i] or rng.random() < 0.60}
        for run, known in zip(runs, (seen, guessed), strict=True):
            run.__dict__["records"] = answers(known, 300)
        last = need.profile(runs[0], runs).classes[-1].score
        found.append(last.value)
        held += last.ci95[0] <= 0.6 <= last.ci95[1]
    assert np.mean(found) == pytest.approx(0.6, abs=0.02)
    assert held >= 24


def test_the_command_prints_and_writes_the_profile(runs, tmp_path, capsys):
    assert main(["need", str(runs[0].folder), "--results", str(tmp_path)]) == 0
    assert "| needs the video" in capsys.readouterr().out
    numbers = json.loads((runs[0].folder / "need.json").read_text())
    assert [row["questions"] for row in numbers] == [12, 12, 6, 30]


def test_a_model_s_name_means_its_run_that_has_controls(runs, tmp_path, capsys):
    """A run always has its controls beside it: the one that is none of them is meant."""
    write(tmp_path, answers(set()), frames=16)  # without a control
    assert main(["need", "tiny_video", "--results", str(tmp_path)]) == 0
    assert "| needs the video" in capsys.readouterr().out
    assert (runs[0].folder / "need.json").exists()
