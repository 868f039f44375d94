"""Judged and numeric benchmarks from the command line's words to a summary, without weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace

import pytest

from harness.cli import judges, label, score
from harness.config import compose
from harness.errors import HarnessError, JudgeError, RequestError
from harness.report import leaderboard, live
from harness.report.diagnostics import diagnosed
from harness.report.runs import find
from harness.run.conclusion import complaints
from harness.run.journal import read_records
from harness.run.judge_cost import judge_cost
from harness.run.loop import plan, run
from harness.scoring.judge_prompts import judge_prompt
from harness.scoring.judged import YesNoScorer
from harness.types import Question, Score
from tests.bad_server import MODEL, Answer, said, serving
from tests.open_rows import ROWS
from tests.runs import records, write
from tests.served import always
from tests.small_benchmark import write_benchmark

QUESTIONS = [
    {"video_name": video, "question_id": f"{video}{n}", "question": f"what colour {n}",
     "answer": "dark red" if n % 2 else "blue", "type": "3"}
    for video in ("abc", "def") for n in range(4)
]  # fmt: skip


def lay_out(folder, name, rows, videos):
    data = folder / "data"
    write_benchmark(folder / "one")
    for video in videos:
        file = data / "videos" / f"{video.removesuffix('.mp4')}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "one" / "videos" / "one.mp4", file)
    (data / "rows.json").write_text(json.dumps(rows))
    return [f"task={name}", "backend=fake", f"data={data}", f"results={folder / 'results'}",
            "frames=2", "video.workers=0"]  # fmt: skip


def done(words, *more):
    told = []
    outcome = run(compose([*words, *more]), tell=told.append, progress=False)
    return outcome, told


@pytest.fixture
def activitynet(tmp_path):
    return lay_out(tmp_path, "activitynet_qa", QUESTIONS, ["v_abc", "v_def"])


def test_a_judged_run_says_who_judged_and_a_second_scoring_asks_nothing(activitynet):
    words = [*activitynet, "backend.rule=target", "judge=word_overlap"]
    first, told = done(words)
    assert first.summary.main.estimate.value == 1.0
    assert first.summary.complete
    assert first.summary.judge["identity"] == {"rule": "word overlap", "threshold": 0.5}
    assert (first.summary.judge["asked"], first.summary.judge["kept"]) == (4, 0)
    assert "judge: 4 calls, 0 already kept" in told
    again, told = done(words)
    assert (again.summary.judge["asked"], again.summary.judge["kept"]) == (0, 4)
    assert not any(line.startswith("judge:") for line in told)


def test_without_a_judge_nothing_is_a_zero(activitynet):
    outcome, told = done([*activitynet, "backend.rule=target"])
    assert outcome.summary.unscored == 8
    assert not outcome.summary.complete
    assert outcome.complaints == (
        f"8 responses kept, not judged: harness score {outcome.folder} judge=NAME",
    )
    assert not any(line.startswith("judge") for line in told)
    assert {r.reason for r in read_records(outcome.folder)} == {"not judged: no judge was named"}
    hint = f"8 responses kept, not judged: harness score {outcome.folder} judge=NAME"
    assert live.line(live.state(outcome.folder)) == f"8 of 8 questions, 8 unscored, {hint}"
    (made,) = find(outcome.folder.parents[2])[0]
    assert f"- fake on activitynet_qa: {hint}" in leaderboard.markdown([made])
    results = str(outcome.folder.parents[2])
    assert score.main([outcome.folder.name, "judge=word_overlap", "--results", results]) == 0
    assert "not judged" not in leaderboard.markdown(find(results)[0])


def test_a_finished_run_without_a_verdict_on_some_is_not_called_complete(activitynet):
    outcome, _ = done([*activitynet, "judge=fake", "judge.rule=constant:Fine."])
    said = live.line(live.state(outcome.folder))
    assert said.endswith("8 unscored, ended")
    assert "harness score" not in said
    assert outcome.summary.main.bounds == (0.0, 1.0)


@pytest.mark.parametrize(("lost", "complete"), [(1, True), (2, False)])
def test_a_judge_may_leave_two_percent_without_a_verdict(lost, complete, tmp_path):
    """Of 60 responses one: complete, exit code 0, and said beside the number; two are too many."""
    unread = {"score": None, "status": "unscored", "stage": "judge", "reason": "no verdict"}
    answers = [replace(r, **unread) if n < lost else r for n, r in enumerate(records(60))]
    made = write(tmp_path, answers, judge={"model": "m"})
    found = list(complaints(made.records, made.summary, False, made))
    beside = [line for line in diagnosed(made.summary) if "without a verdict" in line]
    assert made.complete == complete
    assert (found == [], len(beside)) == (complete, int(complete))
    assert live.line(live.state(made.folder)).endswith("complete" if complete else "ended")
    alone = write(tmp_path, answers, model="alone")
    assert list(complaints(alone.records, alone.summary, False, alone))


def test_a_score_that_its_scorer_lost_is_no_missing_verdict(tmp_path):
    """Of 60 responses one: within the judge's 2%, and not the judge's."""
    lost = {"score": None, "status": "unscored", "stage": "scorer", "reason": "a bug in own.py"}
    answers = [replace(r, **lost) if n < 1 else r for n, r in enumerate(records(60))]
    made = write(tmp_path, answers, judge={"model": "m"})
    (said,) = complaints(made.records, made.summary, False, made)
    assert said == "1 of 60 questions could not be scored, the first: a bug in own.py"
    assert not made.complete
    assert not [line for line in diagnosed(made.summary) if "without a verdict" in line]


@dataclass(frozen=True)
class Buggy(YesNoScorer):
    """Reads every reply but one as its base does."""

    def score_judged(self, question, response, replies):
        if question.id == "abc0":
            return {}["pred"]
        if question.id == "abc1":
            raise JudgeError("the reply says nothing")
        return super().score_judged(question, response, replies)


def test_bugs_and_lost_verdicts_of_one_run_are_told_apart(activitynet):
    asked = compose([*activitynet, "backend.rule=target", "judge=word_overlap"])
    kept = asked.benchmark.scorer
    buggy = Buggy(**{name: getattr(kept, name) for name in kept.__dataclass_fields__})
    asked = replace(asked, benchmark=replace(asked.benchmark, scorer=buggy))
    outcome = run(asked, tell=lambda line: None, progress=False)
    bug, verdict = outcome.complaints
    assert bug.startswith("1 of 8 questions could not be scored, the first: a bug in ")
    assert bug.endswith("in score_judged: KeyError: 'pred'")
    assert verdict == (
        "1 of 8 questions got no verdict of the judge, the first: the reply says nothing"
    )
    stages = {r.question.id: r.stage for r in read_records(outcome.folder) if r.stage}
    assert stages == {"abc0": "scorer", "abc1": "judge"}


def test_another_judge_scores_kept_responses_where_its_own_run_would_be(activitynet, capsys):
    results = activitynet[3].removeprefix("results=")
    words = [*activitynet, "backend.rule=constant:blue"]
    strict, _ = done([*words, "judge=word_overlap"])
    assert score.main([str(strict.folder), "judge=fake", "--results", results]) == 0
    folder = capsys.readouterr().out.strip().splitlines()[-1]
    summary = json.loads(
        (strict.folder.parent / folder.rsplit("/", 1)[-1] / "summary.json").read_text()
    )
    assert summary["metrics"]["accuracy"]["value"] == 1.0
    assert strict.summary.main.estimate.value == 0.5
    kind, _ = done([*words, "judge=fake"])
    assert str(kind.folder).endswith(folder.rsplit("/", 1)[-1])
    assert kind.summary.judge["asked"] == 0
    names = [str(strict.folder), str(kind.folder), "--results", results]
    assert judges.main(names) == 0
    assert "50.0% the same accuracy, kappa 0.000" in capsys.readouterr().out


def test_scoring_again_by_the_runs_own_judge_keeps_its_numbers(activitynet, capsys):
    results = activitynet[3].removeprefix("results=")
    first, _ = done([*activitynet, "backend.rule=hash", "judge=word_overlap"])
    before = json.loads((first.folder / "summary.json").read_text())
    assert score.main([first.folder.name, "--results", results]) == 0
    after = json.loads((first.folder / "summary.json").read_text())
    assert after["metrics"] == before["metrics"]
    assert after["judge"]["asked"] == 0


def test_a_model_s_name_means_its_judged_run_where_a_judge_is_needed(
    activitynet, capsys, monkeypatch
):
    results = activitynet[3].removeprefix("results=")
    plain, _ = done(activitynet)
    assert score.main([str(plain.folder), "judge=fake", "--results", results]) == 0
    again = plain.folder.parent / capsys.readouterr().out.strip().rpartition("/")[2]
    monkeypatch.setattr("builtins.input", lambda prompt: "q")
    assert label.main(["fake", "--results", results]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no verdict given"  # no file was made
    assert not (again / "labels.jsonl").exists()
    typed = iter(["y", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert label.main(["fake", "--results", results]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"1 verdict written to {again}/labels.jsonl"
    assert judges.main(["fake", "--results", results]) == 0
    assert "people" in capsys.readouterr().out


def test_people_label_a_run_and_are_held_against_its_judge(activitynet, capsys, monkeypatch):
    results = activitynet[3].removeprefix("results=")
    first, _ = done([*activitynet, "backend.rule=target", "judge=word_overlap"])
    typed = iter(["y", "y", "n", "y", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert label.main([first.folder.name, "-n", "8", "--results", results]) == 0
    assert "4 verdicts written" in capsys.readouterr().out
    assert judges.main([first.folder.name, "--results", results]) == 0
    out = capsys.readouterr().out
    assert "75.0% the same accuracy" in out
    assert "accuracy, corrected by people: 75.0 [" in out
    assert "(few: " in out
    assert "; as judged: " in out
    with pytest.raises(RequestError, match=r"--value rating: nobody .* are on accuracy, score"):
        judges.main([first.folder.name, "--results", results, "--value", "rating"])
    with pytest.raises(RequestError, match="-n 0: write how many"):
        label.main([first.folder.name, "-n", "0", "--results", results])


@pytest.mark.parametrize(
    ("name", "videos", "judge", "value"),
    [
        ("videochatgpt", ["v1", "v2", "v3"], "word_overlap", 5.0),
        ("vsibench", ["scannet/s1", "scannet/s2"], None, 1.0),
        ("charades_sta/default", ["AO8RW.mp4"], None, 1.0),
        ("videommmu", ["Science/validation_Math_3", "Medicine/dev_Basic_Medical_Science_1",
                       "Business/validation_Accounting_1", "Business/validation_Accounting_2"],
         None, 1.0),
        ("ovobench", ["o.mp4"], None, 1.0),
        ("vinoground", [f"{p}_{s}_{k}.mp4" for p in (0, 1) for s in ("pos", "neg")
                        for k in ("text", "video")], None, 1.0),
    ],
)  # fmt: skip
def test_a_model_that_is_always_right_has_full_marks(tmp_path, name, videos, judge, value):
    words = lay_out(tmp_path, name, ROWS[name.removesuffix("/default")], videos)
    outcome, _ = done(words, "backend.rule=target", *([f"judge={judge}"] if judge else []))
    assert outcome.summary.failed == 0
    assert outcome.summary.main.estimate.value == pytest.approx(value)


def test_a_judge_behind_a_server_is_asked_in_text_alone(activitynet, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    reply = Answer(said("```\n{'pred': 'yes', 'score': 4}\n```"))
    with serving(always(reply)) as server:
        served = ["judge=openai", f"judge.url={server.url}", f"judge.model={MODEL}"]
        outcome, _ = done([*activitynet, "backend.rule=target", *served])
    assert outcome.summary.main.estimate.value == 1.0
    assert outcome.summary.metrics["score"].estimate.value == 4.0
    assert outcome.summary.judge["identity"]["dialect"]


def test_a_plan_says_what_the_judge_will_be_asked(activitynet):
    request = compose([*activitynet, "judge=word_overlap"])
    cost = plan(request).judge
    assert cost.calls == plan(request).questions  # equal right answers, other responses
    assert cost.calls * 250 < cost.tokens < cost.calls * 350
    assert f"judge: up to {cost.calls} calls and 4 for its controls, about" in str(plan(request))
    assert "judge: up to 1 call and" in str(replace(cost, calls=1))
    assert "judge" not in str(plan(compose(activitynet)))


def test_a_plan_has_a_price_when_it_is_given_one(activitynet):
    price = ["judge.price.read=1000", "judge.price.written=1000000"]
    needed = plan(compose([*activitynet, "judge=word_overlap", *price]))
    tokens = needed.judge.tokens
    calls, most = needed.judge.calls, compose(activitynet).generation.max_new_tokens
    # as many calls and four controls, read at a thousandth a token and written at 1 a token
    each = (tokens + calls * most) / 1000 + calls * 512
    assert needed.judge.most == pytest.approx((1 + 4 / calls) * each)
    assert f"at most about {needed.judge.most:,.2f} by its price" in str(needed)
    assert "price" not in str(plan(compose([*activitynet, "judge=word_overlap"])))
    with pytest.raises(RequestError, match=r"judge\.price=cheap: write judge\.price\.read=N"):
        compose([*activitynet, "judge=word_overlap", "judge.price=cheap"])


def test_peoples_verdicts_correct_the_score_of_a_run(activitynet, tmp_path):
    words = [*activitynet, "backend.rule=target", "judge=word_overlap"]
    with pytest.raises(RequestError, match="no such file; harness label RUN writes one"):
        compose([*words, f"judge.calibrate={tmp_path / 'none.jsonl'}"])
    first, _ = done(words)
    keys = [r.key for r in read_records(first.folder)]
    file = tmp_path / "people.jsonl"
    verdicts = [{"question": k, "values": {"accuracy": float(n != 0)}} for n, k in enumerate(keys)]
    file.write_text("".join(json.dumps(line) + "\n" for line in verdicts))
    again, told = done([*words, f"judge.calibrate={file}"])
    assert again.folder == first.folder  # no verdict of the judge depends on people's
    found = json.loads((again.folder / "summary.json").read_text())["judge"]["corrected"]
    assert found["accuracy"]["value"] == pytest.approx(0.875)
    assert found["accuracy"]["ci95"][1] == 1.0  # cut to the scale
    assert (found["accuracy"]["n"], found["accuracy"]["clusters"]) == (8, 2)
    assert any(line.startswith("accuracy, corrected by 8 verdicts of people") for line in told)
    file.write_text(json.dumps({"question": "another", "values": {"accuracy": 1.0}}) + "\n")
    other, told = done([*words, f"judge.calibrate={file}"])
    assert "about responses without a judge's score" in other.summary.judge["not_corrected"]
    assert other.summary.complete


def test_a_pair_is_planned_as_one_call(tmp_path):
    words = lay_out(tmp_path, "videochatgpt", ROWS["videochatgpt"], ["v1", "v2", "v3"])
    cost = plan(compose([*words, "judge=word_overlap"])).judge
    assert cost.calls == 3 + 1 + 2


def refuses_a_key(request, number):
    return Answer({"error": {"message": "bad key"}}, 401)


def speaks_too_long(request, number):
    return Answer({"error": {"message": "max_tokens is above 256"}}, 400)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [(refuses_a_key, "judge.api_key_env"), (speaks_too_long, "max_tokens is above 256")],
)
def test_a_judge_that_refuses_is_found_before_the_model_is_asked(behaviour, said, activitynet):
    with serving(behaviour) as server:
        words = [*activitynet, "judge=openai", f"judge.url={server.url}", f"judge.model={MODEL}"]
        with pytest.raises(JudgeError, match=said) as raised:
            done(words)
        assert "backend" not in str(raised.value)
        assert len(server.asked) == 1
        asked, _ = done(activitynet)
        assert read_records(asked.folder)
        results = activitynet[3].removeprefix("results=")
        assert find(results)[0][0].folder == asked.folder, "the refused one is a failed start"


def test_a_served_judge_is_asked_the_tiny_thing_once_and_never_counts_it(activitynet):
    with serving(always(Answer(said("{'pred': 'yes', 'score': 4}")))) as server:
        words = ["judge=openai", f"judge.url={server.url}", f"judge.model={MODEL}"]
        outcome, _ = done([*activitynet, *words])
        first, *others = server.asked
        assert first["messages"] == [{"role": "user", "content": "Reply with the word yes."}]
        judged = outcome.summary.judge["asked"]
        assert sum(m["messages"] == first["messages"] for m in server.asked) == 1
        assert judged <= len(others)
        done([*activitynet, *words])
        assert sum(m["messages"] == first["messages"] for m in server.asked) == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["judge.url=ftp://x", "judge.model=m"], "judge.url"),
        (["judge.url=http://127.0.0.1:9/v1", "judge.model=m"], "judge.url"),
        (["judge.url=http://127.0.0.1:9/v1", "judge.model=m", "judge.timeout=0"], "judge.timeout"),
    ],
)
def test_early_errors_of_a_judge_name_the_judge_s_settings(words, named, activitynet, capsys):
    for start in (done, lambda asked: score.main(asked)):
        asked = [*activitynet, "judge=openai", *words]
        if start is not done:
            folder = str(done(activitynet)[0].folder)
            asked = [folder, "judge=openai", *words, "--results", activitynet[3][8:]]
        with pytest.raises(HarnessError) as raised:
            start(asked)
        assert named in str(raised.value)
        assert "backend." not in str(raised.value)


def test_calls_that_follow_from_replies_are_in_the_plan(tmp_path):
    """DREAM-1K asks two prompts of every description, and a third about the events it then has."""
    rows = ROWS["dream1k"]
    words = lay_out(tmp_path, "dream1k", rows, sorted({str(row["video"]) for row in rows}))
    needed = plan(compose([*words, "judge=word_overlap"]))
    with_events = sum(bool(row["events"]) for row in rows)
    assert needed.judge.more == len(rows)
    assert needed.judge.calls == len(rows) + with_events + len(rows)
    assert f"up to {len(rows):,} of the calls only follow from its replies" in str(needed)
    reply = '{"events": ["a man walks"]}'
    with serving(always(Answer(said(reply)))) as server:
        judge = ["judge=openai", f"judge.url={server.url}", f"judge.model={MODEL}"]
        outcome, _ = done([*words, *judge])
    assert 0 < outcome.summary.judge["asked"] <= needed.judge.calls


@dataclass(frozen=True)
class Rounds:
    """Asks in rounds, and does not know how many."""

    def judge_prompts(self, question, response):
        return [judge_prompt("first", "", "Is it?")]

    def more_prompts(self, question, response, replies):
        return []

    def score_judged(self, question, response, replies):
        return Score({"accuracy": 1.0})


def test_rounds_without_a_known_end_are_said_so():
    cost = judge_cost(Rounds(), [Question("q", "What?", target="x")])
    assert (cost.calls, cost.more, cost.continued) == (1, 0, True)
    assert "more calls may follow from its replies" in str(cost)


def test_a_bug_in_what_one_question_asks_of_the_judge_stops_no_plan():
    class Odd(Rounds):
        def judge_prompts(self, question, response):
            return [] if question.id == "p" else super().judge_prompts(question, {}["x"])

    questions = [Question("p", "What?", target="x"), Question("q", "What?", target="x")]
    assert judge_cost(Odd(), questions).calls == 0
