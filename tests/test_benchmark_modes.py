"""Protocols beside a benchmark's main one: reasoning that a judge labels, subtitles by frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import compose
from harness.errors import DataError, JudgeError
from harness.run.judging import judgements, scored
from harness.scoring.subtitles import Cue
from harness.types import Clip, Question, Record, Response, Text, Video
from tasks.video_holmes import ReasoningScorer, reasoning_label, thinking
from tasks.videomme_v2 import InterleavedPrompt, sentences
from tests.benchmarks import lay_out
from tests.open_rows import ROWS
from tests.test_judging import Judge


def benchmark(name: str, folder: Path):
    data = lay_out(name.split("/")[0], folder)
    return compose([f"task={name}", "backend=fake", f"data={data}"]).benchmark


PLOT = [{"00:01": "A man enters – with a knife."}]


def holmes(folder: Path, annotations: bool = True):
    """The fixture's question, asked under the protocol with labels."""
    (folder / "videos").mkdir()
    (folder / "videos" / "f.mp4").touch()
    (folder / "notes").mkdir()
    rows = [{**ROWS["video_holmes"][0], "Explanation": "He has the key."}]
    (folder / "rows.json").write_text(json.dumps(rows))
    (folder / "notes" / "f.json").write_text(json.dumps({"SegmentDescription": PLOT}))
    where = [f"task.annotations={folder / 'notes'}"] if annotations else []
    words = ["task=video_holmes/reasoning", "backend=fake", f"data={folder}", *where]
    (clip,) = compose(words).benchmark.clips()
    return clip.questions[0]


def test_the_judge_of_reasoning_is_shown_what_the_authors_show_it(tmp_path: Path) -> None:
    question = holmes(tmp_path)
    response = Response("1", "<answer>C</answer>", thinking="I saw it.")
    (prompt,) = ReasoningScorer().judge_prompts(question, response)
    assert prompt.turns[0].parts == (Text("You are a helpful assistant"),)
    asked = prompt.turns[1].parts[0].text
    assert asked.startswith("\nYou are an expert in logic. Your task is to analyze the thought")
    assert asked.endswith(
        "within <Reason></Reason>.\n\n        Here are the information:\n"
        '        [Film Description]：[{"00:01": "A man enters – with a knife."}]\n'
        "        [Question]：Who?\n"
        "        [Options]：A: u, B: v, C: w, D: x, E: y, F: z\n"
        "        [Correct Answer]：C\n"
        "        [Explanation]：He has the key.\n"
        "        [Model's Answer]：C\n"
        "        [Model's Thinking Process]：I saw it.\n    "
    )
    wrong = replace(response, text="<answer>D</answer>")
    (prompt,) = ReasoningScorer().judge_prompts(question, wrong)
    assert "analyze the cause of errors" in prompt.turns[1].parts[0].text


@pytest.mark.parametrize(
    ("text", "reply", "values"),
    [
        ("<think>a</think><answer>C</answer>", "<Type>TRAR</Type>",
         {"accuracy": 1.0, "TRAR": 1.0, "TWAR": 0.0}),
        ("<think>a</think><answer>A</answer>", "<Type>\n(2) VOE </Type><Reason>-</Reason>",
         {"accuracy": 0.0, "VPE": 0.0, "VOE": 1.0, "RE": 0.0, "TRAW": 0.0}),
        ("<answer>C</answer>", "never asked", {"accuracy": 1.0}),
        ("<think>a</think><answer>?</answer>", "never asked", {}),
    ],
)  # fmt: skip
def test_labels_stand_beside_the_score(tmp_path, text, reply, values) -> None:
    question = holmes(tmp_path)
    record = Record(question, "f", "", response=Response(question.key, text))
    judge = Judge(reply=reply)
    found = judgements(judge, ReasoningScorer(), [record], tmp_path / "calls").scores
    assert found[record.key].values == values
    assert len(judge.seen) == (len(values) > 1)


def test_a_label_of_the_other_kind_is_a_failure_and_no_label(tmp_path: Path) -> None:
    question = holmes(tmp_path)
    text = "<think>a</think><answer>C</answer>"
    record = Record(question, "f", "", response=Response(question.key, text))
    judge = Judge(reply="<Type>VOE</Type>")
    found = judgements(judge, ReasoningScorer(), [record], tmp_path / "calls").scores
    done = scored(record, found[record.key])
    assert done.status == "unscored"
    assert "names none of TRAR, TWAR in <Type>" in str(done.reason)
    for reply in ("TRAR", "<Type>TRAR or TWAR</Type>", ""):
        with pytest.raises(JudgeError):
            reasoning_label(reply, ("TRAR", "TWAR"))


def test_a_missing_plot_is_said(tmp_path: Path) -> None:
    question = holmes(tmp_path, annotations=False)
    with pytest.raises(JudgeError, match=r"write task\.annotations=FOLDER"):
        ReasoningScorer().judge_prompts(question, Response("1", "C", thinking="I saw"))
    (tmp_path / "notes" / "f.json").write_text("{}")
    words = ["task=video_holmes/reasoning", "backend=fake", f"data={tmp_path}"]
    task = compose([*words, f"task.annotations={tmp_path / 'notes'}"]).benchmark
    with pytest.raises(DataError, match="no SegmentDescription to be read"):
        task.clips()


def test_thinking_is_the_models_own_or_between_its_tags() -> None:
    assert thinking(Response("1", "C", thinking=" I saw \n")) == "I saw"
    assert thinking(Response("1", "<think>I\nsaw</think>C")) == "I\nsaw"
    assert thinking(Response("1", "C")) == ""


def test_videomme_v2_asks_for_reasoning_in_the_official_words(tmp_path: Path) -> None:
    bench = benchmark("videomme_v2/reasoning", tmp_path)
    clip = bench.clips()[0]
    question = clip.questions[0]
    text = bench.prompt.write(clip, question, (0.5,)).turns[0].parts[-1].text
    assert text.startswith("These are the frames of a video.\nQuestion: Question 1?\nA. option a\n")
    assert text.endswith(
        "H. option h\nPlease perform a detailed reasoning based on the provided video frames to "
        "answer the following multiple-choice question selecting the best option from A through H "
        "and providing your final response strictly in the format: 'Final Answer: <letter>."
    )
    said = Response(question.key, "The door shuts. Final Answer: H")
    assert bench.scorer.score(question, said).values == {"accuracy": 1.0}
    early = Response(question.key, "A door shuts. Final Answer: H")  # the official rule's A
    assert bench.scorer.score(question, early).values == {"accuracy": 0.0}


def test_words_become_sentences_by_gaps() -> None:
    words = [
        Cue(0.0, 0.4, "Come"), Cue(0.45, 0.9, "in."), Cue(0.95, 1.2, "Sit"),
        Cue(1.6, 1.9, "down."), Cue(2.05, 2.4, "Now"), Cue(3.0, 3.2, "listen"),
    ]  # fmt: skip
    assert sentences(words) == [
        Cue(0.0, 1.9, "Come in. Sit down."),  # 0.05 s behind a full stop, 0.4 s within a sentence
        Cue(2.05, 2.4, "Now"),
        Cue(3.0, 3.2, "listen"),
    ]
    assert sentences([]) == []


def test_sentences_stand_behind_the_frames_that_they_follow(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    lines = [("Come in.", 0.5, 2.5), ("Sit.", 3.2, 3.6), ("Bye.", 9.0, 9.5)]
    file.write_text(
        "\n".join(json.dumps({"text": t, "start_time": a, "end_time": b}) for t, a, b in lines)
    )
    question = Question("1", "Who?", ("u", "v"), "A")
    clip = Clip("c", None, (question,), subtitles=file, duration=8.0)
    prompt = InterleavedPrompt("{question}", subtitles="interleaved").write(
        clip, question, (0.0, 2.0, 4.0)
    )
    assert prompt.turns[0].parts == (
        Video(0, 1),
        Text("[Subtitle 0.50s - 2.50s]: Come in."),
        Video(1, 2),
        Text("[Subtitle 0.50s - 2.50s]: Come in."),  # it reaches into both
        Text("[Subtitle 3.20s - 3.60s]: Sit."),
        Video(2, 3),
        Text("Who?"),  # "Bye." comes after the clip's end
    )
    assert prompt.subtitles == 3


def test_without_subtitles_the_frames_stand_alone(tmp_path: Path) -> None:
    bench = benchmark("videomme_v2/subtitles_interleaved", tmp_path)
    with_words, without = bench.clips()
    first = bench.prompt.write(with_words, with_words.questions[0], (0.0, 0.8)).turns[0].parts
    assert first[1] == Text("[Subtitle 0.10s - 0.50s]: so it goes")
    (video, text) = bench.prompt.write(without, without.questions[0], (0.0, 0.8)).turns[0].parts
    assert video == Video()
    assert text.text.startswith(
        "These are the frames of a video with corresponding subtitles shown"
    )
