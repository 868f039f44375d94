"""The gate: three planted regressions, and everything else that must not pass."""

import json
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.errors import JournalError, RequestError
from harness.report import baseline, gate
from tests.runs import gold, record, records, right, write, wrong


def verdict(before, after, **rules):
    checks = gate.check(baseline.side_of(before), baseline.side_of(after), **rules)
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
    lost = next(r for r in answers if r.score == 1.0)
    gained = next(r for r in answers if r.score == 0.0)
    changed = {lost.question: 0.0, gained.question: 1.0}
    answers = [
        replace(r, score=changed[r.question], answer="X") if r.question in changed else r
        for r in answers
    ]
    again = write(tmp_path / "after", answers)
    assert failed(verdict(good, again)) == set()
    checks = verdict(good, again, exact=True)
    assert failed(checks) == {"answers unchanged"}
    assert lost.question in checks["answers unchanged"].detail


def test_planted_one_class_of_questions_answered_wrong(good, tmp_path):
    answers = [r if i % 3 else record(i, wrong(i)) for i, r in enumerate(records())]
    checks = verdict(good, write(tmp_path / "after", answers))
    assert failed(checks) == {"no drop", "no part dropped"}
    assert "task_type: Counting" in checks["no part dropped"].detail
    assert "Order" not in checks["no part dropped"].detail


def test_planted_a_small_class_that_the_mean_hides(tmp_path):
    """15 of 900 questions, each of another video: 1.7 points overall, within --max-drop."""
    kind = [{"groups": {"task_type": "Order" if i % 60 else "OCR"}} for i in range(900)]
    before = [record(i, right(i) if i % 5 != 1 else wrong(i), **kind[i]) for i in range(900)]
    after = [r if i % 60 else record(i, wrong(i), **kind[i]) for i, r in enumerate(before)]
    checks = verdict(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert "task_type: OCR" in checks["no part dropped"].detail
    assert "no part dropped" in failed(checks)


def test_planted_one_frame_fewer(good, tmp_path):
    again = write(tmp_path / "after", records(), frames=7, sampling={"frames": 7})
    checks = verdict(good, again)
    assert failed(checks) == {"request unchanged"}
    assert checks["request unchanged"].detail == (
        "frames: 8, not 7; sampling.frames: 8, not 7"
    )  # fmt: skip
    assert failed(verdict(good, again, ignore=["frames", "sampling.frames"])) == set()


def test_planted_a_reader_that_takes_the_first_capital_letter(tmp_path):
    """The model says "The answer is (B)."; the broken reader reads T, under the same name."""
    said = [f"The answer is ({right(i) if i % 5 else wrong(i)})." for i in range(180)]
    before = [record(i, text, reader="lmms_mcq") for i, text in enumerate(said)]
    after = []
    for i, text in enumerate(said):
        read = next((c for c in text if c.isupper()), None)
        score = float(read == gold(i))
        after.append(record(i, text, answer=read, score=score, status="scored"))
    checks = verdict(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert {"no drop", "no part dropped"} <= failed(checks)


def test_unread_answers_cannot_hide_in_the_denominator(tmp_path):
    """Under ``answered`` a reader that reads nothing wrong has a perfect score."""
    rule = {"protocol": {"denominator": "answered"}}
    before = write(tmp_path / "a", records(), **rule)
    answers = [r if r.score else record(i, "?") for i, r in enumerate(records())]
    half = [r if i % 2 else record(i, "?") for i, r in enumerate(answers)]
    after = write(tmp_path / "b", half, **rule)
    assert after.summary["accuracy"] > before.summary["accuracy"]
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
    assert path.stat().st_size < 40_000
    read = baseline.read(path)
    assert read.questions == baseline.side_of(good).questions
    assert read.identity == good.identity
    assert len(path.read_text().splitlines()) > 180  # one line per question


def test_an_incomplete_run_cannot_become_a_baseline(tmp_path):
    run = write(tmp_path, [*records(177), record(177, None)])
    with pytest.raises(RequestError, match="incomplete"):
        baseline.update(run, results=tmp_path)
    assert not (tmp_path / "baselines").exists()


@pytest.mark.parametrize(
    "text", ["{", '{"format": 9}', '{"format": 1, "questions": {"q": {}}}', "[]"]
)
def test_a_damaged_baseline_is_named(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(JournalError, match=r"baseline\.json"):
        baseline.read(path)


def command(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "harness.gate", *map(str, words)],
        capture_output=True, text=True, env=environment or None,
    )  # fmt: skip


def test_the_command_from_update_to_failure(good, tmp_path):
    updated = command("--update", good.folder, "--results", tmp_path)
    assert updated.returncode == 0, updated.stderr
    path = updated.stdout.strip()
    broken = write(tmp_path / "after", [record(i, wrong(i)) for i in range(180)])
    summary, xml, page = tmp_path / "step.md", tmp_path / "gate.xml", tmp_path / "gate.md"
    words = ("--junit", xml, "--markdown", page)
    passed = command(path, good.folder, *words)
    assert passed.returncode == 0, passed.stdout
    ran = command(path, broken.folder, *words, GITHUB_STEP_SUMMARY=str(summary))
    assert ran.returncode == 1
    assert "# Gate: FAILED" in ran.stdout
    assert summary.read_text().strip() == page.read_text().strip() == ran.stdout.strip()
    suite = ElementTree.parse(xml).getroot()
    assert suite.tag == "testsuite"
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    assert len(suite.findall("testcase/failure")) == 2


def test_junit_is_xml_whatever_the_ids_hold(tmp_path):
    nasty = "../../etc/passwd\0\x1b[31m]]><x>"
    before = write(tmp_path / "a", [record(0, right(0), question=nasty)])
    after = write(tmp_path / "b", [record(0, None, question=nasty)])
    sides = baseline.side_of(before), baseline.side_of(after)
    checks = gate.check(*sides)
    suite = ElementTree.fromstring(gate.junit(sides[1], checks).split("\n", 1)[1])
    assert any("etc/passwd" in (e.get("message") or "") for e in suite.iter("failure"))
    assert "<x>" not in gate.markdown(*sides, checks)
    assert json.loads(json.dumps([check.detail for check in checks]))
