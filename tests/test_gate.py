"""The gate: three planted regressions, and everything else that must not pass."""

import json
from dataclasses import asdict, replace
from datetime import date
from xml.etree import ElementTree

import pytest

from harness.cli import main
from harness.errors import JournalError, RequestError
from harness.metrics import Mean
from harness.report import baseline, early, gate, gate_verdict
from harness.report.gate_request import compared
from harness.report.gate_rules import Rules, Waiver
from harness.run.journal import read_records
from harness.stats import sequential
from harness.types import Score
from harness.video.sampling import Sampling
from tests.runs import gold, record, records, right, scored, write, wrong


def verdict(before, after, today=None, **rules):
    sides = baseline.side_of(before), baseline.side_of(after)
    checks = gate.check(*sides, Rules(**rules), today=today)
    return {check.name: check for check in checks}


def failed(checks):
    return {name for name, check in checks.items() if not check.passed}


@pytest.fixture
def good(tmp_path):
    return write(tmp_path / "before", records())


def test_the_same_answers_pass_even_exactly(good, tmp_path):
    again = write(tmp_path / "after", records())
    assert failed(verdict(good, again, exact=True)) == set()


def test_a_few_answers_may_change_unless_exact(good, tmp_path):
    """Other processors round differently: two flips in 180, one each way."""
    answers = records()
    lost = next(r for r in answers if r.score.values["accuracy"] == 1.0)
    gained = next(r for r in answers if r.score.values["accuracy"] == 0.0)
    changed = {lost.key: 0.0, gained.key: 1.0}
    answers = [scored(r, changed[r.key]) if r.key in changed else r for r in answers]
    again = write(tmp_path / "after", answers)
    assert failed(verdict(good, again)) == set()
    checks = verdict(good, again, exact=True)
    assert failed(checks) == {"answers unchanged"}
    assert lost.key in checks["answers unchanged"].detail


def test_planted_one_class_of_questions_answered_wrong(good, tmp_path):
    answers = [r if i % 3 else record(i, wrong(i)) for i, r in enumerate(records())]
    checks = verdict(good, write(tmp_path / "after", answers))
    assert failed(checks) == {"no drop", "no part dropped"}
    assert "task_type: Counting" in checks["no part dropped"].detail
    assert "Order" not in checks["no part dropped"].detail


def test_planted_a_small_class_that_the_mean_hides(tmp_path):
    """15 of 900 questions, each of another video: 1.7 points overall, within --max-drop."""
    kind = [{"groups": {"task_type": ("Order" if i % 60 else "OCR",)}} for i in range(900)]
    before = [record(i, right(i) if i % 5 != 1 else wrong(i), question=kind[i]) for i in range(900)]
    after = [r if i % 60 else record(i, wrong(i), question=kind[i]) for i, r in enumerate(before)]
    checks = verdict(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert "task_type: OCR" in checks["no part dropped"].detail
    assert "no part dropped" in failed(checks)


def test_planted_one_frame_fewer(good, tmp_path):
    again = write(tmp_path / "after", records(), frames=7, sampling={"frames": 7})
    checks = verdict(good, again)
    assert failed(checks) == {"request unchanged"}
    assert checks["request unchanged"].detail == (
        "frames: baseline 8, run 7; sampling.frames: baseline 8, run 7"
    )  # fmt: skip
    assert failed(verdict(good, again, ignore=("frames", "sampling.frames"))) == set()


def test_planted_an_extractor_that_takes_the_first_capital_letter(tmp_path):
    """The model says "The answer is (B)."; the broken extractor reads T, under the same name."""
    said = [f"The answer is ({right(i) if i % 5 else wrong(i)})." for i in range(180)]
    before = [record(i, text, "lmms_mcq") for i, text in enumerate(said)]
    after = []
    for i, text in enumerate(said):
        read = next((c for c in text if c.isupper()), None)
        score = Score({"accuracy": float(read == gold(i))}, read)
        after.append(record(i, text, score=score, status="scored"))
    checks = verdict(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert {"no drop", "no part dropped"} <= failed(checks)


def test_unparsed_answers_cannot_hide_in_what_is_counted(tmp_path):
    """Under ``answered`` an extractor that reads nothing wrong has a perfect score."""
    rule = {"metric": {"counted": "answered"}}
    before = write(tmp_path / "a", records(), **rule)
    answers = [r if r.score.values["accuracy"] else record(i, "?") for i, r in enumerate(records())]
    half = [r if i % 2 else record(i, "?") for i, r in enumerate(answers)]
    after = write(tmp_path / "b", half, **rule)
    assert after.summary.main.estimate.value > before.summary.main.estimate.value
    assert "no drop" in failed(verdict(before, after))


def test_lost_coverage_fails(good, tmp_path):
    answers = records()[:-1]
    answers[3] = record(3, None)
    checks = verdict(good, write(tmp_path / "after", answers, expected=180))
    assert failed(checks) == {"coverage kept"}
    assert "178 of 180" in checks["coverage kept"].detail
    assert "001-1" in checks["coverage kept"].detail
    nothing = write(tmp_path / "nothing", [], expected=180)
    assert {"coverage kept", "no drop"} <= failed(verdict(good, nothing))


def test_a_drop_larger_than_allowed_fails_though_it_may_be_chance(tmp_path):
    before = write(tmp_path / "a", [record(i, right(i)) for i in range(12)])
    after = write(tmp_path / "b", [record(i, right(i) if i else wrong(i)) for i in range(12)])
    assert failed(verdict(before, after, max_drop=0.05)) == {"no drop"}
    assert failed(verdict(before, after, max_drop=0.10)) == set()


def test_a_baseline_is_small_and_reads_back(good, tmp_path):
    path = baseline.update(good, results=tmp_path)
    assert path == tmp_path / "baselines" / "demo" / "tiny_video.json"
    assert path.stat().st_size < 60_000
    read = baseline.read(path)
    assert read.identity == good.identity
    side = baseline.side_of(good)
    assert read.metrics == side.metrics
    for key, kept in read.records.items():
        whole = side.records[key]
        assert (kept.status, kept.video, kept.score) == (whole.status, whole.video, whole.score)
        assert kept.question.target == whole.question.target
        assert kept.question.groups == whole.question.groups
    assert read.records.keys() == side.records.keys()
    assert all(c.passed for c in gate.check(read, side, Rules(exact=True)))
    assert len(path.read_text().splitlines()) > 180  # one line per question


def test_an_incomplete_run_cannot_become_a_baseline(tmp_path):
    run = write(tmp_path, [*records(177), record(177, None)])
    with pytest.raises(RequestError, match="incomplete"):
        baseline.update(run, results=tmp_path)
    assert not (tmp_path / "baselines").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": 9}',
        '{"format": 1, "questions": {"q": {}}}',
        '{"format": 2, "metrics": [], "identity": {}, "questions": {"q": {}}}',
    ],
)
def test_a_damaged_baseline_is_named(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(JournalError, match=r"baseline\.json"):
        baseline.read(path)


def test_a_baseline_of_the_first_format_is_still_held_against(tmp_path, good):
    """Its groups were texts, its scores numbers, a rotation was written into the id."""
    questions = {
        r.key: {
            "video": r.video,
            "groups": {name: " | ".join(values) for name, values in r.question.groups.items()},
            "score": r.score.values["accuracy"],
            "answer": r.score.answer,
        }
        for r in good.records
    }
    questions["rotated@2"] = next(iter(questions.values()))
    path = tmp_path / "old.json"
    protocol = {"reader": "videomme", "denominator": "answered"}
    identity = {"task": "demo", "model": "tiny_video", "protocol": protocol}
    path.write_text(json.dumps({"format": 1, "identity": identity, "questions": questions}))
    old = baseline.read(path)
    assert old.records["rotated [rotation 2, repeat 0]"].question.rotation == 2
    checks = {check.name: check for check in gate.check(old, baseline.side_of(good))}
    assert failed(checks) == {"request unchanged", "coverage kept"}
    assert checks["no drop"].detail.endswith("0 gained, 0 lost of 180")
    broken = write(tmp_path / "b", [record(i, wrong(i)) for i in range(180)])
    checks = {check.name: check for check in gate.check(old, baseline.side_of(broken))}
    assert {"no drop", "no part dropped"} <= failed(checks)


def test_what_is_passed_over_is_said(good, tmp_path):
    again = write(tmp_path / "after", records(), frames=7)
    detail = verdict(good, again, ignore=("frames",))["request unchanged"].detail
    assert detail == "asked alike but for what --ignore passes over (frames: baseline 8, run 7)"
    alike = verdict(good, good, ignore=("frames",))["request unchanged"].detail
    assert alike == "asked exactly alike (--ignore frames)"


def test_other_right_answers_are_another_request(good, tmp_path):
    answers = [
        replace(r, question=replace(r.question, target="A")) if i < 4 else r
        for i, r in enumerate(records())
    ]
    checks = verdict(good, write(tmp_path / "after", answers))
    assert "request unchanged" in failed(checks)
    assert "right answers are others: 000-2" in checks["request unchanged"].detail


@pytest.fixture
def order_lost(good, tmp_path):
    """All questions of one kind wrong, in a run that is otherwise the same."""
    answers = [r if i % 3 != 2 else record(i, wrong(i)) for i, r in enumerate(records())]
    return good, write(tmp_path / "after", answers)


def test_a_part_may_drop_by_what_it_is_allowed(order_lost):
    """Order drops by 78.3 points."""
    assert "task_type: Order -78.3" in verdict(*order_lost)["no part dropped"].detail
    others = dict.fromkeys(PARTS, 1.0)
    checks = verdict(*order_lost, tolerances=others | {"task_type: Order": 0.79}, max_drop=1.0)
    assert "no part dropped" not in failed(checks)
    checks = verdict(*order_lost, tolerances=others | {"task_type: Order": 0.78}, max_drop=1.0)
    assert "task_type: Order" in checks["no part dropped"].detail
    assert "duration" not in checks["no part dropped"].detail
    with pytest.raises(RequestError, match="no such part or check"):
        verdict(*order_lost, tolerances={"task_type: Odour": 0.1})


PARTS = (
    "duration: short", "duration: medium", "duration: long", "domain: Knowledge",
    "sub_category: Law",
)  # fmt: skip


def test_a_waiver_holds_to_its_day_and_says_why(order_lost):
    texts = [f"{name}=2027-01-31 a new decoder" for name in (*PARTS, "task_type: Order")]
    waivers = tuple(Waiver.read(text) for text in [*texts, "no drop=2027-01-31 a new decoder"])
    rules = {"waivers": waivers}
    last, after = date(2027, 1, 31), date(2027, 2, 1)
    checks = verdict(*order_lost, today=last, **rules)
    assert failed(checks) == set()
    assert "waived until 2027-01-31: a new decoder" in checks["no drop"].detail
    assert "task_type: Order" in checks["no part dropped"].detail
    checks = verdict(*order_lost, today=after, **rules)
    assert failed(checks) == {"no drop", "no part dropped"}
    assert "its waiver ended on 2027-01-31" in checks["no drop"].detail
    unneeded = Waiver.read("coverage kept=2027-01-31 x")
    checks = verdict(*order_lost, today=last, waivers=(unneeded,))
    assert "not needed" in checks["coverage kept"].detail
    for text in ("no drop", "no drop=tomorrow x", "no drop=2027-02-30 x", "no drop=2027-01-31"):
        with pytest.raises(RequestError, match="CHECK=YYYY-MM-DD REASON"):
            Waiver.read(text)


def test_alpha_decides_what_is_significant(tmp_path):
    before = write(tmp_path / "a", [record(i, right(i)) for i in range(60)])
    answers = [record(i, right(i) if i % 15 else wrong(i)) for i in range(60)]  # p is about 0.04
    after = write(tmp_path / "b", answers)
    assert "no drop" in failed(verdict(before, after, max_drop=0.5))
    assert "no drop" not in failed(verdict(before, after, max_drop=0.5, alpha=0.01))
    for alpha in (0, 1, 5):
        with pytest.raises(RequestError, match="between 0 and 1"):
            Rules(alpha=alpha)
    with pytest.raises(RequestError, match="no drop"):
        Rules(max_drop=-0.1)


def test_parts_are_adjusted_for_their_number(tmp_path):
    """One part of fifty drops with p = 0.02: by chance alone, one in fifty does."""
    kind = [{"groups": {"kind": (str(i % 50),)}} for i in range(1500)]
    before = [record(i, right(i), question=kind[i]) for i in range(1500)]
    bad = {0, 150, 300, 450, 600, 750}  # six of the thirty in part 0
    after = [record(i, wrong(i), question=kind[i]) if i in bad else r for i, r in enumerate(before)]
    checks = verdict(write(tmp_path / "a", before), write(tmp_path / "b", after), max_drop=0.05)
    assert "no part dropped" not in failed(checks)
    only = [({"groups": {"kind": ("0",)}}) if i % 50 == 0 else {"groups": {}} for i in range(1500)]
    one, other = (
        [replace(r, question=replace(r.question, **only[i])) for i, r in enumerate(some)]
        for some in (before, after)
    )
    checks = verdict(write(tmp_path / "c", one), write(tmp_path / "d", other), max_drop=0.05)
    assert "no part dropped" in failed(checks)


def test_the_drop_of_an_error_is_a_rise(tmp_path):
    rule = {"metric": {"higher_is_better": False}}
    low = [scored(record(i, "A"), 0.1) for i in range(90)]
    high = [scored(record(i, "A"), 0.3 + (i % 7) / 100) for i in range(90)]
    before, after = (write(tmp_path / n, x, **rule) for n, x in (("a", low), ("b", high)))
    assert {"no drop", "no part dropped"} == failed(verdict(before, after))
    assert failed(verdict(after, before)) == set()


@pytest.mark.parametrize(
    ("metric", "was", "now", "enough", "less"),
    [
        ({}, 1.0, 0.9, "11", "9"),  # percent: points
        ({"unit": "", "high": 5.0}, 4.0, 3.5, "0.6", "0.4"),  # a judge's 0 to 5
        ({"unit": "s", "high": None, "higher_is_better": False}, 2.0, 5.0, "3.5", "2.5"),
    ],
)
def test_max_drop_is_in_the_unit_that_the_metric_is_printed_in(
    metric, was, now, enough, less, tmp_path, monkeypatch, capsys
):
    """It may be chance: two videos, of which one moved."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    before = [scored(record(i, "A"), was) for i in range(6)]
    far = was + 2 * (now - was)
    after = [scored(record(i, "A"), far if i < 3 else was) for i in range(6)]
    one, other = (
        write(tmp_path / name, some, metric=metric) for name, some in (("a", before), ("b", after))
    )
    words = ["gate", str(one.folder), str(other.folder)]
    assert main([*words, "--max-drop", enough]) == 0
    assert main([*words, "--max-drop", less]) == 1
    assert f"more than --max-drop {less}" in capsys.readouterr().out


def test_the_usual_drop_is_a_share_of_the_scale_and_none_without_one(tmp_path):
    """0.05 of a second, of 100 seconds, is no drop; 0.05 of 0..1 is five points."""
    rules = Rules()
    assert rules.drop_of(Mean("accuracy")) == 0.05
    assert rules.drop_of(Mean("score", high=5.0, unit="")) == 0.25
    assert rules.drop_of(Mean("error", high=None, unit="s")) is None
    assert Rules(max_drop=2.0).drop_of(Mean("error", high=None, unit="s")) == 2.0


def many(changed=0, clips=400):
    """Three questions a clip; the first ``changed`` of every ten clips answered wrong."""
    return [record(i, wrong(i) if (i // 3) % 10 < changed else right(i)) for i in range(3 * clips)]


def early_verdict(before, after, **rules):
    sides = baseline.side_of(before), baseline.side_of(after)
    return {check.name: check for check in early.check(*sides, Rules(**rules))}


def test_a_gate_stops_as_soon_as_a_run_is_as_good(tmp_path):
    before, after = write(tmp_path / "a", many()), write(tmp_path / "b", many())
    (found,) = [c for c in early_verdict(before, after).values() if "sequential" in c.name]
    assert found.passed
    asked = int(found.detail.split("after ")[1].split()[0])
    assert 30 < asked < 200
    assert "of 400 clips" in found.detail


def test_a_gate_stops_sooner_when_a_run_is_much_worse(tmp_path):
    before, after = write(tmp_path / "a", many()), write(tmp_path / "b", many(changed=5))
    found = early_verdict(before, after)["no drop (sequential)"]
    assert not found.passed
    assert int(found.detail.split("after ")[1].split()[0]) < 40


def test_a_run_of_only_the_first_clips_is_enough(tmp_path):
    """That is the point: the others were never asked."""
    before = write(tmp_path / "a", many())
    order = early.Early(baseline.side_of(before), Rules()).order
    some = set(order[:150])
    after = write(tmp_path / "b", [r for r in many() if r.video in some], expected=1200)
    checks = early_verdict(before, after)
    assert failed(checks) == set()
    few = set(order[:20])
    after = write(tmp_path / "c", [r for r in many() if r.video in few], expected=1200)
    assert "coverage kept" in failed(early_verdict(before, after))  # not decided, not finished


def test_a_failing_run_cannot_pass_early(tmp_path):
    before = write(tmp_path / "a", many())
    after = write(tmp_path / "b", [record(i, None) for i in range(1200)])
    checks = early_verdict(before, after)
    assert {"coverage kept", "no drop (sequential)"} <= failed(checks)


def test_where_clips_do_not_suffice_the_fixed_checks_decide(tmp_path):
    before, after = write(tmp_path / "a", records(30)), write(tmp_path / "b", records(30))
    assert "no part dropped" in early_verdict(before, after)


def test_the_order_is_fixed_and_known_to_both_sides():
    clips = [f"v{i}" for i in range(50)]
    assert sequential.order(clips) == sequential.order(reversed(clips))
    assert sequential.order(clips) != clips
    assert sequential.order(clips, 1) != sequential.order(clips, 0)


def test_a_run_is_asked_only_as_far_as_the_gate_needs(tmp_path, monkeypatch, capsys):
    """End to end with the fake model: the same answers, then an answer that is mostly wrong."""
    monkeypatch.chdir(tmp_path)
    task = ["task=demo", "backend=fake", "video.workers=0"]
    assert main([*task, "backend.rule=right:0.9"]) == 0
    assert main(["gate", "--update", "results/demo"]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    words = ["gate", "--sequential", path, *task, "--results", "else", "--max-drop", "20"]
    assert main([*words, "backend.rule=right:0.9"]) == 0
    said = capsys.readouterr().out
    asked = int(said.split("as good after ")[1].split()[0])
    assert 20 < asked < 40
    assert "of 66 clips" in said
    (folder,) = (request.parent for request in (tmp_path / "else").rglob("request.json"))
    answered = {record.video for record in read_records(folder)}
    assert asked <= len(answered) < 66
    assert main([*words, "backend.rule=constant:A", "--ignore", "backend"]) == 1
    assert int(capsys.readouterr().out.split("worse after ")[1].split()[0]) < 20
    assert main([*words, "backend.rule=right:0.9"]) == 0  # what was answered is enough
    assert {record.video for record in read_records(folder)} == answered
    with pytest.raises(RequestError, match="name a baseline"):
        main(["gate", path, *task])


def test_junit_is_xml_whatever_the_ids_hold(tmp_path):
    nasty = "../../etc/passwd\0\x1b[31m]]><x>"
    before = write(tmp_path / "a", [record(0, right(0), question={"id": nasty})])
    after = write(tmp_path / "b", [record(0, None, question={"id": nasty})])
    sides = baseline.side_of(before), baseline.side_of(after)
    checks = gate.check(*sides)
    suite = ElementTree.fromstring(gate_verdict.junit(sides[1], checks).split("\n", 1)[1])
    assert any("etc/passwd" in (e.get("message") or "") for e in suite.iter("failure"))
    assert "<x>" not in gate_verdict.markdown(*sides, checks)
    assert json.loads(json.dumps([check.detail for check in checks]))


def test_a_setting_that_is_new_with_its_default_changes_no_baseline() -> None:
    kept = {"sampling": {"rule": "linspace", "frames": 8, "short": "fewer"}, "generation": {}}
    now = compared({**kept, "repeats": 1, "sampling": asdict(Sampling())}, ())
    assert compared(kept, ()) == now
    assert compared({**kept, "repeats": 2}, ()) != now
    assert compared({**kept, "sampling": asdict(Sampling(last=True))}, ()) != now


def test_a_baseline_file_that_is_not_there_is_said_to_be_that(good, tmp_path):
    for words in (["nothere.json", str(good.folder)], [str(good.folder), "nothere.json"]):
        with pytest.raises(RequestError) as error:
            main(["gate", *words, "--results", str(tmp_path)])
        assert str(error.value) == (
            "nothere.json: no such baseline file; harness gate --update nothere.json RUN makes it"
        )


@pytest.mark.parametrize("name", ["model.dtype", "backend.dtype"])
def test_what_is_ignored_has_either_name(name, tmp_path):
    """The one that the command line has, which the verdict shows, or the one that a run keeps."""
    first, second = (write(tmp_path, records(30), backend={"dtype": each}) for each in ("a", "b"))
    said = verdict(first, second)["request unchanged"]
    assert (said.passed, said.detail) == (False, "model.dtype: baseline 'a', run 'b'")
    assert verdict(first, second, ignore=(name,))["request unchanged"].passed
