"""The commands that read runs: what they take, what they say, what they leave alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.cli.ending import ended
from harness.report.runs import load
from tests.runs import records, write

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def ran(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return ended(lambda: main(words)), *capsys.readouterr()

    return ran


def test_compare_says_which_runs_there_are(run: Any) -> None:
    write(RESULTS, records(30))
    write(RESULTS, records(30), model="other")
    code, _, err = run("compare", "A", "B")
    assert code == 2
    assert err.startswith("harness: A: no such run under results; there are:\n  demo/")
    assert "demo/other/" in err
    assert err.count("\n") == 3
    for salt in range(2, 12):
        write(RESULTS, records(30), model=f"m{salt}")
    _, _, err = run("compare", "A", "B")
    assert err.endswith("  and 2 more\n")
    assert err.count("\n") == 12


def test_runs_are_named_by_folder_id_model_or_task_and_model(run: Any) -> None:
    one = write(RESULTS, records(30))
    write(RESULTS, records(30, salt=1), model="other")
    for name in (str(one.folder), one.id, one.id[:6], "tiny_video", "demo/tiny_video"):
        code, out, err = run("compare", name, "other")
        assert code == 0, err
        assert "tiny_video" in out
    write(RESULTS, records(30), frames=16)
    code, _, err = run("compare", "tiny_video", "other")
    assert code == 2
    assert "tiny_video: 2 runs; name one of them:\n  demo/tiny_video/" in err
    assert f"/{one.id}  8 frames, whole\n" in err


def test_a_run_with_an_odd_entry_or_a_copy_of_itself_is_one_line_or_itself(run: Any) -> None:
    one, two = write(RESULTS, records(30)), write(RESULTS, records(30), model="other")
    shutil.copytree(two.folder, two.folder / "copy")
    for command in (["audit", str(two.folder)], ["watch", str(two.folder), "--once"]):
        code, _, err = run(*command)
        assert (code, err) == (0, "")
    (one.folder / "records-1.jsonl").mkdir()
    line = f"harness: {one.folder}/records-1.jsonl: is a folder and no file; move it away"
    for command in (["audit", one.id], ["watch", one.id, "--once"], ["leaderboard"]):
        code, out, err = run(*command)
        assert code == 1 + (command != ["leaderboard"])
        assert err.startswith(line)
        assert err.count("\n") == 1 + (command == ["leaderboard"])  # which names the copy
    assert "other" in out


def test_a_model_s_name_means_the_run_that_fits_the_other(run: Any) -> None:
    whole = write(RESULTS, records(30))
    part = write(RESULTS, records(6), limit=2)
    judged = write(RESULTS, records(30), judge={"content": "x"})
    write(RESULTS, records(30), task="open", judge={"content": "x"})
    write(RESULTS, records(6, salt=1), model="six", limit=2)
    write(RESULTS, records(30, salt=1), model="other")
    write(RESULTS, records(30, salt=1), model="two")
    write(RESULTS, records(6, salt=1), model="two", limit=2)
    for other, meant in {"six": part, "other": whole, "two": whole}.items():
        for words in (("tiny_video", other), (other, "tiny_video")):
            code, out, err = run("compare", *words)
            assert code == 0, err
            assert f"tiny_video: {meant.folder}\n" in out
            assert "not asked alike" not in out
    _, _, err = run("view", "demo/tiny_video")
    assert f"/{part.id}  8 frames, limit 2\n" in err
    assert f"/{judged.id}  8 frames, whole, judged\n" in err


def test_a_corrupt_summary_is_made_again(run: Any) -> None:
    found = write(RESULTS, records(30, share=1.0))
    for damage in ("{", "", "[]", '{"n": 3}', "NaN"):
        (found.folder / "summary.json").write_text(damage)
        code, out, err = run("leaderboard")
        assert (code, err) == (0, ""), damage
        assert "100.0" in out


def test_a_value_beyond_its_scale_costs_its_own_score_before_there_is_a_summary_too(
    run: Any,
) -> None:
    made = write(RESULTS, records(20, share=1.0))
    path = made.folder / "records-0.jsonl"
    path.write_text(path.read_text().replace('"accuracy": 1.0', '"accuracy": 3.0', 1))
    (made.folder / "summary.json").unlink()
    again = load(made.folder).summary
    assert (again.scored, again.unscored, again.complete) == (19, 1, False)
    code, out, err = run("leaderboard")
    assert (code, err) == (0, "")
    assert "100.0" in out
    assert "incomplete" in out
    code, out, err = run("gate", str(made.folder), str(write(RESULTS, records(20)).folder))
    assert (code in (0, 1), err) == (True, "")  # decided on the others


@pytest.mark.parametrize("place", ["copy", "demo/tiny_video/copy", "demo/tiny_video/ID/ID", "a/b"])
def test_a_copied_run_counts_once_and_is_said(run: Any, place: str) -> None:
    made = write(RESULTS, records(30))
    other = write(RESULTS, records(30, share=1.0), model="other")
    alone = run("compare", "tiny_video", "other")
    _, table, _ = run("leaderboard")
    copy = RESULTS / place.replace("ID", made.id)
    shutil.copytree(made.folder, copy, dirs_exist_ok=True)
    code, out, err = run("leaderboard")
    assert (code, out) == (1, table)
    assert err == (
        f"harness: {copy}: the same run as {made.folder}, which alone counts: move one of them "
        "away\n"
    )
    assert run("compare", "tiny_video", "other") == alone
    for name in ("results", "results/demo/tiny_video", made.id, str(made.folder)):
        names = (name, str(other.folder)) if name != "results" else ("tiny_video", "other")
        assert run("compare", *names)[0] == alone[0]
    code, _, err = run("site")
    assert err.count("the same run as") == 1


def test_one_request_answered_twice_is_no_copy(run: Any) -> None:
    made = write(RESULTS, records(30))
    copy = RESULTS / "elsewhere" / made.id
    shutil.copytree(made.folder, copy)
    lines = (copy / "records-0.jsonl").read_text().splitlines(keepends=True)
    (copy / "records-0.jsonl").write_text("".join(lines[:3]))
    (copy / "summary.json").unlink()
    code, out, err = run("leaderboard")
    assert (code, err) == (0, "")
    assert out.count("tiny_video") == 2
    code, _, err = run("view", made.id)
    assert (code, "2 runs" in err) == (2, True)


def test_the_leaderboard_goes_on_beside_a_run_that_cannot_be_read(run: Any) -> None:
    write(RESULTS, records(30))
    broken = write(RESULTS, records(30), model="broken")
    (broken.folder / "request.json").write_text("{")
    code, out, err = run("leaderboard")
    assert code == 1
    assert "tiny_video" in out
    assert err.count("\n") == 1
    assert "broken" in err


def test_a_task_without_runs_is_refused_with_those_that_there_are(run: Any) -> None:
    """An empty leaderboard and a 0 would be taken for one."""
    write(RESULTS, records(6))
    for command in ("leaderboard", "plot"):
        code, _, err = run(command, "--task", "nope")
        assert code == 2
        assert err == "harness: --task nope: no run of it; there are: demo\n"
    assert run("leaderboard", "--task", "demo")[0] == 0


def test_publish_into_a_file_is_one_line(run: Any, folder: Path) -> None:
    made = write(RESULTS, records(6))
    (folder / "notes.txt").write_text("mine")
    code, _, err = run("publish", made.id, "--to", "lmms", "-o", "notes.txt")
    assert code == 2
    assert err == "harness: notes.txt: no folder can be made there (a file of this name is there)\n"
    for words in (["site", "results", "-o", "notes.txt"], ["publish", made.id, "--to", "lmms",
                  "-o", "notes.txt/below"]):  # fmt: skip
        code, _, err = run(*words)
        assert code == 2, words
        assert "Traceback" not in err
        assert (folder / "notes.txt").read_text() == "mine"


def test_what_cannot_be_kept_is_printed_all_the_same(run: Any, folder: Path) -> None:
    """Another's results may be read and not written: here a folder stands where the file would."""
    one, other = write(RESULTS, records(6)), write(RESULTS, records(6, salt=1), model="other")
    (RESULTS / "compare.md").mkdir()
    (one.folder / "audit.md").mkdir()
    (one.folder / ".estimates.json").write_text('{"corrected": 3}')
    for words in (["compare", one.id, other.id], ["audit", one.id]):
        code, out, err = run(*words)
        assert code == 2
        assert "# " in out
        assert "cannot write" in err
    assert run("leaderboard")[0] == 0


def test_earlier_names_of_the_audit_s_options_work_and_are_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from harness.cli.audit import parser

    assert "--reader" not in parser().format_help()
    words = ["x", "--reader", "default", "--denominator", "all"]
    assert vars(parser().parse_args(words)).items() >= {
        ("extractor", "default"), ("counted", "all"),
    }  # fmt: skip
    assert vars(parser().parse_args(["x"])).items() >= {
        ("extractor", "videomme"), ("counted", "answered"),
    }  # fmt: skip


def test_the_gate_takes_the_run_that_was_asked_as_its_baseline_was(run: Any) -> None:
    same = write(RESULTS, records(90))
    code, out, err = run("gate", "--update", str(same.folder))
    assert code == 0, err
    baseline = out.strip()
    assert json.loads(Path(baseline).read_text())
    write(RESULTS, records(90, share=0.1), frames=16)
    code, out, err = run("gate", baseline, str(RESULTS / "demo" / "tiny_video"))
    assert code == 0, err or out
    code, out, err = run("gate", baseline, "tiny_video")
    assert code == 0, err or out
    code, out, err = run("gate", str(same.folder), "tiny_video")  # not against itself
    assert "16" in out + err
    assert f"{same.folder} against {same.folder}" not in out


def test_a_name_beside_a_run_means_another_run(run: Any) -> None:
    one, other = write(RESULTS, records(30)), write(RESULTS, records(30, salt=1), frames=16)
    code, out, err = run("compare", "tiny_video", one.id)
    assert code == 0, err
    assert f"tiny_video: {other.folder}\n" in out


def test_the_gate_writes_nothing_unasked(run: Any, folder: Path) -> None:
    found = write(RESULTS, records(90))
    _, out, _ = run("gate", "--update", str(found.folder))
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    code, _, err = run("gate", out.strip(), str(found.folder))
    assert code == 0, err
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before
    run("gate", out.strip(), str(found.folder), "--junit", "a.xml", "--markdown", "a.md")
    assert (folder / "a.xml").is_file()
    assert (folder / "a.md").is_file()


def test_the_gate_s_rules_are_words(run: Any) -> None:
    found = write(RESULTS, records(90))
    _, out, _ = run("gate", "--update", str(found.folder))
    worse = str(write(RESULTS, records(90, share=0.1), model="worse").folder)
    ignore = ("--ignore", "model", "--ignore", "backend")
    assert run("gate", out.strip(), worse, *ignore)[0] == 1
    waived = ("no drop=2999-01-01 known", "no part dropped=2999-01-01 known")
    waive = [word for said in waived for word in ("--waive", said)]
    assert run("gate", out.strip(), worse, *ignore, *waive)[0] == 0
    for words, said in (
        (["--waive", "no drop"], "write CHECK=YYYY-MM-DD REASON"),
        (["--tolerance", "Order"], "--tolerance 'Order': write PART=POINTS"),
        (["--tolerance", "nothing=3"], "'nothing': no such part or check here"),
        (["--alpha", "2"], "--alpha 2: must lie between 0 and 1"),
    ):
        code, _, err = run("gate", out.strip(), worse, *words)
        assert (code, err.count("\n")) == (2, 1)
        assert said in err


def test_what_is_listed_is_capped_until_all_is_asked_for(run: Any) -> None:
    one = write(RESULTS, records(180, share=0.9))
    other = write(RESULTS, records(180, share=0.1), model="other")
    few = run("compare", one.id, other.id)[1]
    many = run("compare", one.id, other.id, "--all")[1]
    assert "more: --all lists them" in few
    assert "more: --all lists them" not in many
    assert few.splitlines()[-1] == many.splitlines()[-1]  # the summary comes last
    assert run("audit", one.id)[0] == run("audit", one.id, "--all")[0] == 0


def test_a_pipe_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    import subprocess
    import sys

    for salt in range(30):
        write(RESULTS, records(6, salt=salt), model=f"m{salt}", seed=salt)
    command = f"{sys.executable} -m harness leaderboard | head -1"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert ran.stderr == ""
