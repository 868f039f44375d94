"""Open, judged, numeric and temporal benchmarks on rows made by hand: asked, scored, summed up."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from harness.build import build
from harness.errors import DataError, JudgeError
from harness.run.judging import judgements, scored
from harness.types import JudgedScorer, Question, Record, Response, Score
from tasks.mmbench_video import unpack
from tasks.tempcompass_judged import caption, correct
from tasks.videommmu import delta_knowledge
from tests.open_rows import CONFIGS, NAMES, ROWS


def settings(name):
    """A task's YAML with those it builds on, as Hydra merges them."""
    text = (CONFIGS / f"{name}.yaml").read_text()
    own = yaml.safe_load(text)
    merged = OmegaConf.create({})
    for base in own.pop("defaults", []):
        if isinstance(base, str) and base.startswith("/task/"):
            merged = settings(base.removeprefix("/task/"))
    return OmegaConf.merge(merged, own)


def task(name, folder, rows=None):
    family = name if name in ROWS else name.split("/")[0]
    (folder / "videos").mkdir(exist_ok=True)
    given = ROWS[family] if rows is None else rows
    (folder / "rows.json").write_text(json.dumps(given))
    merged = OmegaConf.merge(settings(name), {"data": str(folder)})
    return build(OmegaConf.to_container(merged, resolve=True)["task"], "task")


def asked(name, folder, rows=None):
    """{question id: (clip, question, the user's words)}"""
    bench = task(name, folder, rows)
    return {
        q.id: (clip, q, bench.write(clip, q, [0.0, 1.0]).turns[-1].parts[-1].text)
        for clip in bench.clips()
        for q in clip.questions
    }


def said(question):
    """A response that is right."""
    target = question.target
    if isinstance(target, list | tuple) and target and isinstance(target[0], list | tuple):
        return "; ".join("{} - {} seconds".format(*moment) for moment in target)
    if question.groups.get("visible"):  # VideoReasonBench reads what follows these words
        return f"Final Answer: {target}"
    return str(target[0] if isinstance(target, list | tuple) else target)


class Kind:
    """A judge that finds everything right, in the form that each prompt asks for."""

    def identity(self):
        return {"name": "kind"}

    def generate(self, samples, generation):
        for sample in samples:
            for prompt in sample.prompts:
                yield Response(prompt.key, self._reply(prompt.text))

    def _reply(self, text):
        if '"extracted_answer"' in text:
            return '{"extracted_answer": "it", "correct": true}'
        if "total_score" in text:
            first = "accuracy" if "score_accuracy" in text else "completeness"
            second = "relevance" if "score_accuracy" in text else "reliability"
            return f"{{'score_{first}': 5, 'score_{second}': 5, 'total_score': 10}}"
        if "Extract at most 10 key events" in text:
            return '```json\n{"events": ["a man jumps", "a man runs"]}\n```'
        if "three classes" in text:
            one = '{"event": "x", "relationship": "entailment", "reason": "y"},'
            return '{"events": [' + 2 * one + "]}"
        if "Video Description:" in text:
            return "Reasoning: it fits.\nAnswer: B. running"
        if 'respond "Correct"' in text:
            return "Correct"
        if "Extracted Operations" in text:
            return "['add 5 to cup0']"
        if 'output "Correct" or "Incorrect"' in text:
            return "Correct"
        if "requiring visual information for further judgment" in text:
            return '```json\n{"result": 1}\n```'
        if "0, 1, 2, or 3" in text:
            return "3"
        if 'the letter "A", "B", or "C"' in text:
            return "A"
        if "'correct' or 'incorrect'" in text:
            return "{'pred': 'correct', 'score': 5, 'reason': 'same'}"
        return "{'pred': 'yes', 'score': 5}" if "'pred'" in text else "{'score': 5}"


def test_every_benchmark_of_this_kind_has_rows():
    assert len(ROWS) >= 30
    shared = {"mlvu/generation", "tempcompass", "videott/open"}
    assert {name for name in NAMES if "/" not in name} | shared >= set(ROWS)


WITH_PACKAGES = {"nextqa_oe": "wn", "vatex": "pycocoevalcap", "youcook2": "pycocoevalcap"}


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_score_the_most_under_every_protocol(name, tmp_path):
    if name == "nextqa_oe/lmms_eval":
        pytest.skip("needs NLTK's data, which is downloaded; its words are tested in test_wups.py")
    if name.split("/")[0] in WITH_PACKAGES:
        pytest.importorskip(WITH_PACKAGES[name.split("/")[0]])
    bench = task(name, tmp_path)
    records = [
        Record(q, clip.id, "", response=Response(q.key, said(q)))
        for clip in bench.clips()
        for q in clip.questions
    ]
    assert records
    if isinstance(bench.scorer, JudgedScorer):
        found = judgements(Kind(), bench.scorer, records, tmp_path / "calls").scores
        done = [scored(r, found[r.key]) for r in records]
    else:
        done = [scored(r, bench.scorer.score(r.question, r.response)) for r in records]
    given = {name for r in done if r.score for name in r.score.values}
    assert given <= set(bench.scorer.value_names)
    hidden = [r for r in done if r.question.target is None]
    assert {r.status for r in done if r not in hidden} == {"scored"}
    headline = bench.metrics[0].estimate(done)
    best = {"G-Avg": 10.0, "F1": 1.0}.get(
        bench.metrics[0].name, getattr(bench.metrics[0], "high", None)
    )
    if bench.metrics[0].name == "CIDEr":
        assert headline.value == 0.0  # nothing is rare in a corpus of one
    elif name.startswith("mmbench_video"):
        assert headline.value == 3.0
    else:
        assert headline.value == pytest.approx(best)


PROMPTS = {
    "activitynet_qa": "how many TVs are there",
    "activitynet_qa/lmms_eval": (
        "How many tvs are there? Answer the question using a single word or phrase."
    ),
    "vdd": (
        "Please provide a detailed description of the video, focusing on the main subjects, their "
        "actions, and the background scenes"
    ),
    "vdd/lmms_eval": (
        "Please provide a detailed description of the video, focusing on the main subjects, their "
        "actions, the background scenes."
    ),
    "nextqa_oe": "why did he sit?\nAnswer the question using several words or phrase.",
    "nextqa_oe/lmms_eval": ("why did he sit\nAnswer a question using a short phrase or sentence."),
    "mmvu": (
        "\nQuestion: Which?\nA: red\nB: blue\nC: green\nD: black\nE: white\n\nDo not generate any "
        "intermediate reasoning process. Answer directly with the option letter from the given "
        "choices.\n"
    ),
    "videommmu": (
        "Which?\nA. one\nB. two\nPlease ignore the Quiz question in last frame of the video."
    ),
    "vsibench": (
        "These are frames of a video.\nHow many chairs?\n"
        "Please answer the question using a single word or phrase."
    ),
    "charades_sta": (
        "Please find the visual event described by a sentence in the video, determining its "
        "starting and ending times. The format should be: 'The event happens in the start time - "
        "end time'. For example, The event 'person turn a light on' happens in the 24.3 - 30.4 "
        "seonds. Now I will give you the textual sentence: a person puts a book down. Please "
        "return its start time and end time."
    ),
    "timelens": (
        "Please find the visual event described by the sentence 'a man jumps', determining its "
        "starting and ending times. The format should be: 'The event happens in <start time> - "
        "<end time> seconds'."
    ),
    "motionbench": (
        "How?\nA. Left\nB. Right\nAnswer with only the option letter (A, B, C, D, E, or F)."
    ),
    "video_holmes": (
        "Based on the given video, reason and answer the single-choice question. Provide your "
        "reasoning between the <think> and </think> tags, and then give your final answer between "
        "the <answer> and </answer> tags. The question is: Who?. The options are: A: u, B: v, C: "
        "w, D: x, E: y, F: z. Your answer:"
    ),
    "dailyomni": (
        "\nYour task is to accurately answer multiple-choice questions based on the given video.\n"
        "Select the single most accurate answer from the given choices.\nQuestion: When?\nChoices: "
        "['A. a', 'B. b', 'C. c', 'D. d']\nYour answer should be a capital letter representing "
        "your choice: A, B, C, or D. Don't generate any other text.\n"
    ),
    "videott": "\nHow many?\nA. 1\nB. 2\nC. 3\nD. 4\nPlease select the best option.\n",
    "videott/open": "\nWhy does he run?\nPlease answer with a short phrase.\n",
    "videoreasonbench": "Which moves?",
    "cgbench/lmms_eval": (
        "Select the best answer to the following multiple-choice question based on the video.\n"
        "Which?\nA. p\nB. q\nC. r\nD. s\nE. t\nAnswer with the option letter only."
    ),
    "ovobench": (
        "\nQuestion: What was cut?\nOptions:\nA. onion; B. leek;\n\nRespond only with the letter "
        "corresponding to your chosen option (e.g., A, B, C). \nDo not include any additional text "
        "or explanation in your response.\n"
    ),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_the_words_are_the_protocols(name, tmp_path):
    assert next(iter(asked(name, tmp_path).values()))[2] == PROMPTS[name]


def test_video_mmmus_adaptation_has_its_own_words(tmp_path):
    found = asked("videommmu", tmp_path)
    learn = (
        "You should watch and learn the video content. Then apply what you learned to answer the "
    )
    end = "question. The image for this question is at the end of the video.\n"
    choice = f"{learn}following multi-choice {end}Which? <image 1>\nA. one\nB. two"
    assert found["validation_Accounting_1"][2] == choice
    assert found["validation_Accounting_2"][2] == f"{learn}following open-ended {end}How many?"


def test_mmvus_open_questions_and_cot_have_their_own_words(tmp_path):
    assert asked("mmvu", tmp_path)["validation_1"][2] == (
        "\nQuestion: What shot?\n\nDo not generate any intermediate reasoning process. Directly "
        "output the final short answer.\n"
    )
    steps = asked("mmvu/cot", tmp_path)
    assert steps["validation_0"][2].endswith(
        "'Therefore, the final answer is: $LETTER' (without quotes), where $LETTER is one of the "
        "options. Think step by\nstep before answering."
    )
    assert list(asked("mmvu/choice", tmp_path)) == ["validation_0"]


def test_a_judge_is_shown_the_rows_own_question(tmp_path):
    bench = task("activitynet_qa/lmms_eval", tmp_path)
    question = bench.clips()[0].questions[0]
    (prompt,) = bench.scorer.judge_prompts(question, Response(question.key, "2"))
    assert "Question: how many TVs are there\nCorrect Answer: two\nPredicted Answer: 2" in (
        prompt.turns[-1].parts[0].text
    )


def test_video_chatgpts_pairs_are_joined_by_video_and_answer(tmp_path):
    found = asked("videochatgpt", tmp_path)
    pairs = {
        q.metadata["pair_question"]: q.text for _, q, _ in found.values() if "pair" in q.metadata
    }
    assert pairs == {
        "What sits?": "Which animal?",
        "Which animal?": "What sits?",
        "Who barks?": "Which one barks?",
        "Which one barks?": "Who barks?",
    }
    places = {q.text: q.metadata["place"] for _, q, _ in found.values() if "pair" in q.metadata}
    assert places["What sits?"] == 1
    assert places["Which animal?"] == 2


def test_a_question_without_its_partner_is_an_error_of_the_data(tmp_path):
    rows = ROWS["videochatgpt"][:3]
    with pytest.raises(DataError, match=r"1 consistency rows have no partner.*row 3 \(v2\)"):
        asked("videochatgpt", tmp_path, rows)


def test_video_mmmus_videos_lie_by_area_and_types_follow_from_options(tmp_path):
    found = asked("videommmu", tmp_path)
    assert [clip.id for clip, _, _ in found.values()] == [
        "Science/validation_Math_3",
        "Medicine/dev_Basic_Medical_Science_1",
        "Business/validation_Accounting_1",
        "Business/validation_Accounting_2",
    ]
    kinds = [q.groups["asked"][0] for _, q, _ in found.values()]
    assert kinds == ["perception", "comprehension", "adaptation_choice", "adaptation_open"]
    assert found["validation_Accounting_2"][2].startswith(
        "You should watch and learn the video content. Then apply what you learned to answer the "
        "following open-ended question."
    )
    assert delta_knowledge(40.0, 25.0) == 20.0


def test_vsibench_averages_levels_before_tasks(tmp_path):
    bench = task("vsibench", tmp_path)
    said = {"0": "5", "1": "B", "2": "A", "3": "B"}  # 0.6, 1, 1, 0
    done = [
        scored(
            Record(q, c.id, "", response=Response(q.key, said[q.id])),
            bench.scorer.score(q, Response(q.key, said[q.id])),
        )
        for c in bench.clips()
        for q in c.questions
    ]
    assert bench.metrics[0].estimate(done).value == pytest.approx((0.6 + 1 + (1 + 0) / 2) / 3)


def test_vinogrounds_group_score_wants_all_four(tmp_path):
    bench = task("vinoground", tmp_path)
    wrong = {"1_neg_video"}
    done = []
    for clip in bench.clips():
        for q in clip.questions:
            text = ("B" if q.target == "A" else "A") if q.id in wrong else str(q.target)
            response = Response(q.key, text)
            record = Record(q, clip.id, "", response=response)
            done.append(scored(record, bench.scorer.score(q, response)))
    values = {metric.name: metric.estimate(done).value for metric in bench.metrics}
    assert values == {"group": 0.5, "text": 1.0, "video": 0.5, "accuracy": 7 / 8}


def test_ovobench_shows_only_what_came_before(tmp_path):
    clips = [clip for clip, _, _ in asked("ovobench", tmp_path).values()]
    moments = {clip.id: clip.segment for clip in clips}
    assert sorted(moments.values()) == [
        (0.0, 12.5),
        (0.0, 17.0),
        (0.0, 20.0),
        (0.0, 30.0),
        (0.0, 32.0),
    ]
    assert len({clip.video for clip in clips}) == 1


def test_an_answer_that_is_missing_or_no_moment_names_its_row(tmp_path):
    with pytest.raises(DataError, match=r"row 1.*no answer in answer"):
        asked("msvd_qa", tmp_path, [{"video_name": "v", "question": "?", "question_id": 1}])
    with pytest.raises(DataError, match="does not end after it starts"):
        asked("charades_sta", tmp_path, [{"video": "v", "caption": "c", "timestamp": [5, 5]}])


def test_pickled_videos_are_unpacked_and_code_in_them_is_not_run(tmp_path):
    (tmp_path / "video_pkl").mkdir()
    file = tmp_path / "video_pkl" / "video_chunk_0.pkl"
    file.write_bytes(pickle.dumps({"a": b"one", "b.mp4": b"two"}))
    assert unpack(tmp_path) == 2
    assert (tmp_path / "videos" / "a.mp4").read_bytes() == b"one"
    file.write_bytes(pickle.dumps({"a": Path}))
    with pytest.raises(DataError, match="could run code"):
        unpack(tmp_path)
    file.write_bytes(pickle.dumps({"../a": b"one"}))
    with pytest.raises(DataError, match="no plain name"):
        unpack(tmp_path)


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("Answer: B. running", 1),
        ("Answer: B", 1),
        ("Answer: (B) running", 1),
        ("B: running", 1),
        ("Option B. running", 1),
        ("**Answer: B. running**", 1),
        ("Answer:\nB. running", 1),
        ("Reasoning: A. is wrong.\nAnswer: running", 1),
        ("Answer: A. sitting", 0),
        ("Answer: None of the choices are correct", 0),
        ("", None),
        ("It may be A. or B.", None),
    ],
)
def test_a_captions_option_is_read_as_a_careful_human_would(reply, worth):
    if worth is None:
        with pytest.raises(JudgeError):
            caption(reply, "B. running")
    else:
        assert caption(reply, "B. running") == worth


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("Correct. It would be Incorrect if", 1),
        ("Not Correct", 0),
        ("The prediction is Correct.", 1),
        ("**Incorrect**", 0),
        ("correct", 1),
        ("Yes", None),
        ("", None),
        ("Either correct or incorrect", None),
    ],
)
def test_the_fallbacks_verdict_is_read_as_a_careful_human_would(reply, worth):
    if worth is None:
        with pytest.raises(JudgeError):
            correct(reply)
    else:
        assert correct(reply) == worth


def test_tempcompass_asks_the_judge_only_what_its_rule_does_not_read(tmp_path):
    bench = task("tempcompass/judged", tmp_path)
    scorer = bench.scorer
    prompts = {
        q.groups["kind"][0]: scorer.judge_prompts(q, Response(q.key, "it seems that he moves"))
        for q in bench.clips()[0].questions
    }
    assert (
        prompts["multi-choice"][0]
        .turns[1]
        .parts[0]
        .text.endswith(
            'respond "Incorrect".\n\nMulti-Choice Question:\nWhat is done?\nA. sitting\n'
            "B. running\n"
            "Ground-Truth Answer: B. running\nModel Prediction: it seems that he moves"
        )
    )
    assert "Ground-Truth Answer: Caption A: He runs.\n" in prompts["caption_matching"][0].text
    assert "Ground-Truth Answer: yes\n" in prompts["yes_no"][0].text
    assert prompts["captioning"][0].text.endswith(
        "Video Description:it seems that he moves\nMulti-Choice Question:\nWhat is done?\n"
        "A. sitting\nB. running\n"
    )
    first = bench.clips()[0].questions[0]
    assert scorer.judge_prompts(first, Response(first.key, "B. running")) == []


def test_dreams_events_are_asked_in_two_rounds_and_neutral_is_a_miss(tmp_path):
    scorer = task("dream1k", tmp_path).scorer
    question = task("dream1k", tmp_path).clips()[0].questions[0]
    response = Response(question.key, 'He says "hop" and jumps.')
    extract, recall = scorer.judge_prompts(question, response)
    assert "he says 'hop' and jumps." in extract.text
    assert "Events: ['a man jumps', 'a man runs']" in recall.text
    replies = ["{'events': ['he jumps']}", _related("entailment", "neutral")]
    (precision,) = scorer.more_prompts(question, response, replies)
    assert "Video Description:\na man jumps, then he runs" in precision.text
    assert "Events: ['he jumps']" in precision.text
    replies.append(_related("contradiction"))
    assert scorer.more_prompts(question, response, replies) == []
    assert scorer.score_judged(question, response, replies).values == {
        "recall": 0.5,
        "precision": 0.0,
    }
    nothing = ["{'events': []}", _related("neutral", "neutral")]
    assert scorer.more_prompts(question, response, nothing) == []
    assert scorer.score_judged(question, response, nothing).values["precision"] == 1.0
    for bad in (_related("entailment"), _related("entailment", "maybe"), "no events"):
        with pytest.raises(JudgeError):
            scorer.score_judged(question, response, ["{'events': []}", bad])


def _related(*classes):
    return json.dumps({"events": [{"event": "e", "relationship": one} for one in classes]})


def test_dreams_f1_is_made_of_the_means_over_sources(tmp_path):
    values = {"a": [(1.0, 0.5), (0.0, 0.5)], "b": [(1.0, 1.0), (1.0, 1.0)]}
    records = [
        Record(
            Question(f"{source}{n}", "?", target="x", groups={"source": (source,)}), f"{source}{n}",
            "", response=Response("q", "y"), score=Score({"recall": r, "precision": p}),
            status="scored",
        )
        for source, pairs in values.items() for n, (r, p) in enumerate(pairs)
    ]  # fmt: skip
    found = task("dream1k", tmp_path).metrics[0].estimate(records)
    assert found.value == pytest.approx(2 * 0.75 * 0.75 / 1.5)
    assert found.ci95[0] < found.value < found.ci95[1] <= 1.0
