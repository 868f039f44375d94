"""Scoring a run again without its model, and the judge stage of a run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.cli.ending import ended
from harness.errors import JudgeError
from harness.run.journal import read_records
from harness.scoring.choice import ChoiceScorer
from harness.types import Prompt, Question, Response, Score, Text, Turn
from tests.small_benchmark import write_benchmark

JUDGED = """\
# @package _global_
data: data
task:
  _target_: harness.task.Task
  name: judged
  source:
    _target_: harness.data.Source
    path: ${data}
    columns: {video: videoID, id: question_id}
  prompt: {_target_: harness.prompts.PromptTemplate, template: "{question}"}
  scorer: {_target_: tests.test_score.Rating}
  metrics:
    - {_target_: harness.metrics.Mean, value: rating, unit: "", high: 5.0}
"""


@dataclass(frozen=True)
class Rating:
    """Asks a judge for 'Rating: N'."""

    def judge_prompts(self, question: Question, response: Response) -> list[Prompt]:
        text = f"{question.text} {response.text}"
        return [Prompt(Question("rating", text), (Turn("user", (Text(text),)),))]

    def score_judged(self, question: Question, response: Response, replies: list[str]) -> Score:
        _, found, number = replies[0].partition("Rating: ")
        if not found:
            raise JudgeError(f"the judge said {replies[0]!r}")
        return Score({"rating": float(number)}, number)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_benchmark(tmp_path / "data")
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "judged.yaml").write_text(JUDGED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def ran(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return ended(lambda: main(words)), *capsys.readouterr()

    return ran


DEMO = ("task=demo", "backend=fake", "video.workers=0", "limit=4")
LATER = ("task=judged", "backend=fake", "video.workers=0")


def folders() -> list[Path]:
    return sorted(path.parent for path in Path("results").rglob("request.json"))


def summary(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


def test_the_same_rule_makes_the_same_summary_in_place(run: Any) -> None:
    run(*DEMO)
    (folder,) = folders()
    before = summary(folder)
    (folder / "summary.json").unlink()
    code, out, err = run("score", "fake")
    assert (code, err) == (0, "")
    assert folders() == [folder]
    assert {**summary(folder), "waited": 0} == {**before, "waited": 0}
    assert out.splitlines()[-1] == str(folder)


@dataclass(frozen=True)
class Wide(ChoiceScorer):
    """Gives question 001-1 three times what there is."""

    def score(self, question: Question, response: Response) -> Score:
        found = super().score(question, response)
        return Score({"accuracy": 3.0}, "A") if question.id == "001-1" else found


@pytest.mark.parametrize("scorer", ["tests.test_score.Wide", "harness.scoring.choice.ChoiceScorer"])
def test_values_beyond_their_scale_are_scored_again(run: Any, scorer: str) -> None:
    """As an earlier version left them, or a scorer that was mended since."""
    run(*DEMO, "task.scorer._target_=tests.test_score.Wide")
    (folder,) = folders()
    lines = (folder / "records-0.jsonl").read_text().splitlines(keepends=True)
    kept = [json.loads(line) for line in lines]
    for record in kept:
        if record["question"]["id"] == "001-1":
            record |= {"score": {"values": {"accuracy": 3.0}, "answer": "A", "explanation": ""}}
            record |= {"status": "scored", "reason": None, "stage": None}
    (folder / "records-0.jsonl").write_text("".join(json.dumps(one) + "\n" for one in kept))
    (folder / "summary.json").unlink()
    code, out, err = run("score", "fake", f"task.scorer._target_={scorer}")
    if scorer.endswith("Wide"):
        assert code == 1
        assert err.count("\n") == 1
        assert "1 of 12 questions could not be scored, the first: its scorer gave 3 as acc" in err
        assert summary(folder)["unscored"] == 1
    else:
        assert (code, err) == (0, "")
        assert summary(Path(out.splitlines()[-1]))["unscored"] == 0


def test_another_rule_makes_a_run_of_its_own_and_leaves_the_first(run: Any) -> None:
    run(*DEMO, "backend.rule='constant:As B'")
    (first,) = folders()
    kept = (first / "summary.json").read_text(), (first / "records-0.jsonl").read_text()
    code, out, err = run("score", first.name, "task.scorer.extractor=egoschema_lmms")
    assert code == 0, err
    other = Path(out.splitlines()[-1])
    assert ((first / "summary.json").read_text(), (first / "records-0.jsonl").read_text()) == kept
    assert [r.response for r in read_records(other)] == [r.response for r in read_records(first)]
    read = [{r.score.answer for r in read_records(made) if r.score} for made in (first, other)]
    assert read == [{"A"}, {"B"}]  # the benchmark's own rule takes the first capital letter
    again = run(*DEMO, "backend.rule='constant:As B'", "task.scorer.extractor=egoschema_lmms")
    assert "nothing left to ask" in again[1]  # the run that this command would have made
    assert len(folders()) == 2


def test_what_decides_the_responses_cannot_be_changed(run: Any) -> None:
    run(*DEMO)
    for word in ("frames=4", "task.prompt.system=x", "model=tiny_video"):
        code, _, err = run("score", "fake", word)
        assert (code, err.count("\n")) == (2, 1)
        assert "decides the responses, which stay as they are" in err


def test_a_judge_that_no_scorer_asks_is_refused(run: Any) -> None:
    run(*DEMO)
    code, _, err = run("score", "fake", "judge=fake")
    assert (code, err.count("\n"), len(folders())) == (2, 1, 1)
    assert "ChoiceScorer, the scorer of task demo, asks no judge" in err


def test_a_judge_is_asked_in_the_run(run: Any) -> None:
    code, _, err = run(*LATER, "judge=fake", "judge.rule='constant:Rating: 4'")
    assert code == 0, err
    (folder,) = folders()
    assert summary(folder)["metrics"]["rating"]["value"] == 4
    assert "constant:Rating: 4" in str(summary(folder)["judge"])
    (record,) = read_records(folder)
    assert record.status == "scored"
    assert list(folder.glob("judged-*.jsonl"))


def test_without_a_judge_responses_wait_for_one(run: Any) -> None:
    code, out, err = run(*LATER)
    assert code == 1
    (folder,) = folders()
    assert f"1 response kept, not judged: harness score {folder} judge=NAME" in err
    assert "judge:" not in out
    assert summary(folder)["unscored"] == 1
    assert not summary(folder)["complete"]
    code, out, err = run("score", folder.name, "judge=fake", "judge.rule='constant:Rating: 3'")
    assert code == 0, err
    assert summary(Path(out.splitlines()[-1]))["metrics"]["rating"]["value"] == 3


def test_a_judge_that_makes_no_sense_costs_the_score_and_is_asked_again(run: Any) -> None:
    words = (*LATER, "judge=fake", "judge.rule=constant:Fine.")
    code, _, err = run(*words)
    assert code == 1
    assert "the judge said 'Fine.'" in err
    (folder,) = folders()
    (record,) = read_records(folder)
    assert (record.status, record.stage) == ("unscored", "judge")
    assert record.response is not None
    code, _, err = run(*words)
    assert code == 1
    assert "got no verdict of the judge" in err


def test_a_judge_that_cannot_be_had_costs_no_response(run: Any) -> None:
    missing = "+judge={_target_:harness.models.transformers.Transformers,checkpoint:/no/where}"
    code, _, err = run(*LATER, missing)
    assert code == 2  # said before the model is asked
    assert "/no/where" in err


def test_a_run_that_is_going_on_is_not_scored_from_outside(run: Any) -> None:
    from harness.run.journal import Journal, read_json

    run(*DEMO)
    (folder,) = folders()
    with Journal(folder, read_json(folder / "request.json")):
        code, _, said = run("score", str(folder))
    assert code == 2
    assert "another process is running this same request" in said


def test_scoring_into_a_run_that_is_there_keeps_what_it_has(run: Any) -> None:
    run(*DEMO, "task.scorer.extractor=mlvu")
    (whole,) = folders()
    n = len(read_records(whole))
    run(*DEMO)
    part = next(folder for folder in folders() if folder != whole)
    lines = (part / "records-0.jsonl").read_bytes().splitlines(keepends=True)
    (part / "records-0.jsonl").write_bytes(b"".join(lines[:3]))
    asked = (whole / "request.json").read_text()
    _, out, _ = run("score", str(part), "task.scorer.extractor=mlvu")
    assert str(whole) in out
    assert (whole / "request.json").read_text() == asked, "a run that was asked stays one"
    assert len(read_records(whole)) == n


def test_responses_that_were_asked_again_are_scored_again(run: Any) -> None:
    """The copies of them in a run that only scores others' are no answers of its own."""
    from dataclasses import replace

    from harness.run.scoring import rewrite

    run(*DEMO)
    (first,) = folders()
    run("score", first.name, "task.scorer.extractor=mlvu")
    records = [replace(r, response=Response(r.key, "(D)")) for r in read_records(first)]
    rewrite(first, records)
    _, out, _ = run("score", first.name, "task.scorer.extractor=mlvu")
    other = Path(out.splitlines()[-1])
    assert other != first
    assert {r.response.text for r in read_records(other) if r.response} == {"(D)"}


def test_a_run_scored_elsewhere_keeps_what_no_record_says(run: Any) -> None:
    run(*DEMO)
    (first,) = folders()
    known = {**summary(first), "waited": 3.5, "share": 0.25}
    (first / "summary.json").write_text(json.dumps(known))
    for words in ((), ("task.scorer.extractor=mlvu",)):
        _, out, _ = run("score", first.name, *words)
        made = summary(Path(out.splitlines()[-1]))
        assert (made["waited"], made["share"]) == (3.5, 0.25)


def test_responses_cut_off_are_advised_the_tokens_that_the_run_advises(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from harness.models.fake import Fake

    whole = Fake.generate

    def cut(self: Fake, samples: Any, generation: Any) -> Any:
        yield from (replace(a, finish="length") for a in whole(self, samples, generation))

    monkeypatch.setattr(Fake, "generate", cut)
    words = (*DEMO, "task.answer_marker=ANSWER", "generation.max_new_tokens=32")
    code, _, err = run(*words)
    assert (code, "raise generation.max_new_tokens to 128 or more" in err) == (1, True)
    (folder,) = folders()
    code, _, err = run("score", folder.name)
    assert (code, "raise generation.max_new_tokens to 128 or more" in err) == (1, True)


def test_a_judges_calls_stay_in_the_results_folder_of_the_run(run: Any, tmp_path: Path) -> None:
    run(*LATER, "results=elsewhere")
    (folder,) = Path("elsewhere").rglob("judged/fake/*")
    code, _, err = run("score", str(folder), "judge=fake", "judge.rule='constant:Rating: 3'")
    assert code == 0, err
    assert list(Path("elsewhere/.judge_calls").glob("*.jsonl"))
    assert not Path("results").exists()
