"""tiny_judge and the demo's open questions: the rule, the training, the whole judged path."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import harness.demo
from harness.cli import judges, score
from harness.config import compose
from harness.errors import ModelError, RequestError
from harness.models.transformers.text import TextModel
from harness.run.loop import run
from harness.scoring.judge_prompts import judge_prompt
from harness.types import (
    Clip,
    Failure,
    Generation,
    Prompt,
    Question,
    Response,
    Sample,
    Text,
    Turn,
    Video,
)
from training import judge
from training.agreement import SCORER, agreement, drawn, of_run
from training.grading import grade, pool

FOLDER = Path(harness.demo.__path__[0]) / "checkpoints" / "tiny_judge"
CLIP = Clip("text", None)


@pytest.fixture(scope="module")
def tiny() -> TextModel:
    return TextModel(str(FOLDER), dtype="float32", device="cpu")


def test_a_judge_that_names_no_end_of_an_answer(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "judge")
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        said = json.loads((folder / name).read_text())
        ends = {key: None for key in said if key in ("eos_token_id", "eos_token", "pad_token")}
        (folder / name).write_text(json.dumps(said | ends))
    asked = [judge_prompt(said, "", said) for said in ("Say yes.", "Say a longer word than that.")]
    model = TextModel(str(folder), dtype="float32", device="cpu")
    found = answers(model, *asked, new=4)
    assert [answer.finish for answer in found if isinstance(answer, Response)] == ["length"] * 2


@pytest.mark.parametrize(
    ("answer", "candidate", "graded"),
    [
        ("red", "Red.", (1, 5)),
        ("red", "It is red, I think", (1, 5)),
        ("red", "B. red", (1, 5)),
        ("red", "red or blue", (0, 2)),
        ("red", "blue", (0, 1)),
        ("red", "a circle", (0, 0)),
        ("red", "", (0, 0)),
        ("left", "top-left", (0, 0)),  # a place is no direction
        ("2", "There are 2 of them.", (1, 5)),
    ],
)
def test_the_rule(answer: str, candidate: str, graded: tuple[int, int]) -> None:
    assert grade(answer, candidate) == graded


def test_a_word_of_no_list_has_no_grade() -> None:
    with pytest.raises(KeyError):
        pool("zebra")


def test_it_agrees_with_the_rule_on_answers_that_it_has_not_seen(tiny: TextModel) -> None:
    same, whole, unread = agreement(tiny, drawn(150, seed=7))
    assert same >= 0.95
    assert whole >= 0.95
    assert unread == 0


def test_the_checkpoint_is_small_and_reads_the_published_prompt() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 2_000_000
    asked = drawn(1)[0]
    question = Question("1", asked.question, target=asked.answer)
    (prompt,) = SCORER.judge_prompts(question, Response("1", asked.candidate))
    assert TextModel(str(FOLDER))._written(prompt).strip() == judge.prompt(asked)


def test_its_training_still_teaches() -> None:
    tokens = judge.words()
    model = judge.build(tokens)
    batch = judge.Batch(tokens, drawn(16))
    assert int((batch.hints == 1).sum()) > 0  # some answers hold the right word
    width = batch.reply.shape[1]

    def loss() -> float:
        with torch.inference_mode():
            scores = model(batch.ids, attention_mask=batch.mask).logits[:, -width - 1 : -1]
            return float(
                torch.nn.functional.cross_entropy(scores.flatten(0, 1), batch.reply.flatten())
            )

    before = loss()
    judge.train(tokens, model, steps=6, size=8, rate=3e-3)
    assert loss() < 0.9 * before


def test_the_whole_judged_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "task=demo/open", "backend=fake", "backend.rule=target", "judge=tiny_judge", "frames=1",
        "limit=4", "video.workers=0", f"results={tmp_path}",
    ]  # fmt: skip
    outcome = run(compose(words), tell=print, progress=False)
    assert outcome.complaints == ()
    assert outcome.summary.main.estimate.value == 1.0
    assert outcome.summary.metrics["score"].estimate.value == 5.0
    controls = {c["kind"]: (c["n"], c["passed"]) for c in outcome.summary.judge["controls"]}
    assert controls == dict.fromkeys(("gold", "shuffled", "blank", "repeat"), (1, 1))
    assert of_run(outcome.folder).startswith("fake: 12 of 12 verdicts are the rule's")
    capsys.readouterr()
    assert score.main([str(outcome.folder), "--results", str(tmp_path)]) == 0
    assert "calls" not in capsys.readouterr().out  # all replies are kept
    assert score.main([str(outcome.folder), "judge=word_overlap", "--results", str(tmp_path)]) == 0
    other = next(p for p in outcome.folder.parent.iterdir() if p != outcome.folder)
    assert judges.main([str(outcome.folder), str(other), "--results", str(tmp_path)]) == 0
    assert "100.0% the same accuracy" in capsys.readouterr().out


def test_the_demos_open_questions_are_its_rows_without_options() -> None:
    source = compose(["task=demo"]).benchmark
    asked = [
        q for clip in compose(["task=demo/open"]).benchmark.clips(None) for q in clip.questions
    ]
    rows = [q for clip in source.clips(None) for q in clip.questions]
    assert [q.id for q in asked] == [q.id for q in rows]
    for one, row in zip(asked, rows, strict=True):
        assert one.options == ()
        assert one.target == row.options["ABCD".index(str(row.target))]


def answers(model: TextModel, *prompts: Prompt, new: int = 8) -> list[Response | Failure]:
    sample = Sample(CLIP, None, None, prompts)
    return list(model.generate([sample], Generation(max_new_tokens=new)))


def test_a_prompt_with_frames_or_too_long_a_one_costs_itself_alone(tiny: TextModel) -> None:
    frames = Prompt(Question("a", ""), (Turn("user", (Video(), Text("?"))),))
    longer = judge_prompt("b", "", "red " * 2000)
    shown, long, fine = answers(tiny, frames, longer, judge_prompt("c", "", "red"))
    assert isinstance(shown, Failure)
    assert "shown no frames" in shown.reason
    assert isinstance(long, Failure)
    assert "exceed the model's context" in long.reason
    assert isinstance(fine, Response)


def test_prompts_of_unlike_length_are_answered_as_each_alone(tiny: TextModel) -> None:
    items = drawn(4, seed=11)
    prompts = [
        replace(
            SCORER.judge_prompts(
                Question(str(n), one.question, target=one.answer), Response("", one.candidate)
            )[0],
            question=Question(str(n), ""),
        )
        for n, one in enumerate(items)
    ]
    together = [a.text for a in answers(tiny, *prompts) if isinstance(a, Response)]
    alone = [a.text for p in prompts for a in answers(tiny, p) if isinstance(a, Response)]
    assert together == alone
    assert all(text.startswith("{'pred': '") for text in together)


def test_it_is_asked_greedily_and_named_by_its_content(tiny: TextModel) -> None:
    with pytest.raises(RequestError, match="asked greedily"):
        list(tiny.generate([], Generation(temperature=1.0)))
    identity = tiny.identity()
    assert set(identity) == {"content", "dtype"}
    assert json.dumps(identity)


def test_a_setting_that_the_template_does_not_read_is_refused() -> None:
    model = TextModel(str(FOLDER), device="cpu", template_settings={"enable_thinking": False})
    with pytest.raises(ModelError, match=r"model\.template_settings\.enable_thinking: this check"):
        answers(model, judge_prompt("k", "", "Right?"))


def test_a_system_turn_that_the_template_refuses_stands_before_the_users(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in FOLDER.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    template = (
        "{%- if messages[0]['role'] == 'system' -%}{{ raise_exception('no system role') }}"
        "{%- endif -%}{%- for m in messages -%}{{ m['role'] + ': ' + m['content'] }}{%- endfor -%}"
    )
    (folder / "chat_template.jinja").write_text(template)
    model = TextModel(str(folder), dtype="float32", device="cpu")
    assert model._written(judge_prompt("k", "Be strict.", "Right?")) == "user: Be strict.\n\nRight?"
    (folder / "chat_template.jinja").write_text("{{ raise_exception('never') }}")
    broken = TextModel(str(folder), dtype="float32", device="cpu")
    with pytest.raises(ModelError, match="its chat template fails: never"):
        answers(broken, judge_prompt("k", "", "Right?"))
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="has no chat template"):
        answers(TextModel(str(folder)), judge_prompt("k", "", "Right?"))


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "model"
    folder.mkdir()
    for file in FOLDER.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights: dict[str, np.ndarray] = load_file(folder / "model.safetensors")
    weights.pop("lm_head.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights, e\.g\. lm_head\.weight"):
        answers(TextModel(str(folder), dtype="float32", device="cpu"), judge_prompt("k", "", "?"))
