"""OVO-Bench's forward tasks: asked at several moments, scored by their own rules, summed up."""

from __future__ import annotations

import json

import pytest

from harness.config import compose
from harness.errors import DataError
from harness.run.journal import read_records
from harness.run.judging import scored
from harness.run.loop import run
from harness.types import Question, Record, Response
from harness.video.reading_process import ReadingProcess
from tasks.ovobench import MomentScorer
from tests.open_rows import ROWS
from tests.test_open_benchmarks import asked, said, task
from tests.videos import Encoding, encode, gop

REC = """
You're watching a video in which people may perform a certain type of action repetively. \n\
The person performing this kind of action are referred to as 'they' in the following statement.
You're task is to count how many times have different people in the video perform this kind of \
action in total.
One complete motion counts as one. \n\
Now, answer the following question: How many times did they breaking something?
Provide your answer as a single number (e.g., 0, 1, 2, 3…) indicating the total count.
Do not include any additional text or explanation in your response.
"""
SSR = """
You're watching a tutorial video which contain a sequential of steps. \n\
The following is one step from the whole procedures: \n\
peel
Your task is to determine if the man or woman in the video is currently performing this step.
Answer only with “Yes” or “No”.
Do not include any additional text or explanation in your response.
"""
CRR = """
You're responsible of answering questions based on the video content. \n\
The following question are relevant to the latest frames, i.e. the end of the video.
What does he cut?
Decide whether existing visual content, especially latest frames, i.e. frames that near the end of \
the video, provide enough information for answering the question.
Answer only with “Yes” or “No”.
Do not include any additional text or explanation in your response.
"""


def test_each_moment_is_a_question_of_its_own(tmp_path):
    found = asked("ovobench", tmp_path)
    kinds = {
        id: (q.target, *q.groups["task"], *q.groups["mode"]) for id, (_, q, _) in found.items()
    }
    assert kinds == {
        "1": ("B", "EPM", "backward"),
        "2": ("A", "OCR", "realtime"),
        "3_0": ("1", "REC", "forward"),
        "3_1": ("2", "REC", "forward"),
        "4_0": ("Yes", "SSR", "forward"),
        "4_1": ("No", "SSR", "forward"),
        "5_0": ("No", "CRR", "forward"),
    }
    assert (found["3_0"][2], found["4_0"][2], found["5_0"][2]) == (REC, SSR, CRR)
    with pytest.raises(DataError, match="task 'XXX' is none of OVO-Bench's"):
        asked("ovobench", tmp_path, [{**ROWS["ovobench"][0], "task": "XXX"}])


@pytest.mark.parametrize(
    ("kind", "target", "text", "right"),
    [
        ("count", "3", "3", 1),
        ("count", "3", "They did it 3 times.", 1),
        ("count", "34", "3 of 4", 1),
        ("count", "3", "three", 0),
        ("count", "0", "", 0),
        ("yes_no", "Yes", "Y", 1),
        ("yes_no", "No", "N", 1),
        ("yes_no", "No", "Not Yes, No", 1),
        ("yes_no", "Yes", "yes", 0),
        ("yes_no", "No", "Nothing", 1),
        ("yes_no", "Yes", "", 0),
    ],
)
def test_the_authors_rules_for_counts_and_yes_or_no(kind, target, text, right):
    question = Question("q", "?", target=target, groups={"answer": (kind,)})
    scorer = MomentScorer()
    assert scorer.score(question, Response("q", text)).values == {"accuracy": float(right)}
    assert scorer.chance(question) == ({"accuracy": 0.5} if kind == "yes_no" else None)
    hidden = Question("q", "?", groups={"answer": (kind,)})
    assert scorer.score(hidden, Response("q", text)).values == {}


def test_the_total_is_the_mean_of_the_modes(tmp_path):
    bench = task("ovobench", tmp_path)
    wrong = {"3_0", "4_0", "4_1"}  # REC 1/2, SSR 0, CRR 1; the other modes are all right
    done = []
    for clip in bench.clips():
        for q in clip.questions:
            response = Response(q.key, "?" if q.id in wrong else said(q))
            record = Record(q, clip.id, "", response=response)
            done.append(scored(record, bench.scorer.score(q, response)))
    total = bench.metrics[0].estimate(done).value
    assert total == pytest.approx((1 + 1 + (1 / 2 + 0 + 1) / 3) / 3)


def test_moments_of_one_video_are_asked_side_by_side_and_read_together(tmp_path, monkeypatch):
    row = next(row for row in ROWS["ovobench"] if row["task"] == "EPM")
    several = [
        {**row, "id": number, "video": f"{video}.mp4", "realtime": 0.8 + number / 10}
        for number, video in enumerate("abaaab")
    ]
    (tmp_path / "rows.json").write_text(json.dumps(several))
    (tmp_path / "videos").mkdir()
    for video in "ab":
        encode(tmp_path / "videos" / f"{video}.mp4", Encoding(options=gop(40)))
    words = ["task=ovobench", "backend=fake", f"data={tmp_path}", "video.workers=1", "frames=4"]
    request = compose([*words, "video.in_flight=8", f"results={tmp_path / 'results'}"])
    together, real = [], ReadingProcess.clips

    def clips(self, requests, timeout):
        together.append([request.key for request in requests])
        return real(self, requests, timeout)

    monkeypatch.setattr(ReadingProcess, "clips", clips)
    outcome = run(request, tell=lambda line: None, progress=False)
    ids = [record.question.id for record in read_records(outcome.folder)]
    assert ids == ["0", "2", "3", "4", "1", "5"]
    assert [len(keys) for keys in together] == [4, 2]
