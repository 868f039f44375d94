"""What hostile or broken input may not do: run code, leave its folder, or lose answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.cli.ending import ended
from harness.config import compose
from harness.errors import DataError, HarnessError
from harness.report.leaderboard import markdown
from harness.report.runs import load
from harness.run.journal import read_records
from harness.run.loop import run
from harness.run.recorder import LONGEST_RESPONSE
from tests.small_benchmark import write_benchmark


def request_of(folder: Path, *words: str) -> Any:
    where = [f"data={folder / 'data'}", f"results={folder / 'results'}", "video.workers=0"]
    return compose(["task=demo", "backend=fake", *where, *words])


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\0b", "..", ""])
def test_a_video_id_cannot_leave_its_folder(name: str, tmp_path: Path) -> None:
    write_benchmark(tmp_path / "data", videoID=name)
    with pytest.raises(DataError) as error:
        run(request_of(tmp_path))
    assert "\n" not in str(error.value)


def test_markup_in_questions_and_answers_stays_text(tmp_path: Path) -> None:
    script = "<script>alert(1)</script>|`\n"
    write_benchmark(tmp_path / "data", question=script, question_id=script, domain=script)
    outcome = run(request_of(tmp_path, f"backend.rule='constant:{script.strip()}'"))
    record = read_records(outcome.folder)[0]
    assert record.status == "unparsed"
    assert script in record.prompt
    assert "<script>" not in markdown([load(outcome.folder)])


def test_an_answer_of_50_mb_is_a_failure_and_not_kept(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "data")
    request = request_of(tmp_path, "backend.rule=constant:B", "allow_failures=true")
    object.__setattr__(request.backend, "rule", "constant:" + "B" * 50_000_000)
    (record,) = read_records(run(request).folder)
    assert record.status == "failed"
    assert record.response is None
    assert record.reason == f"a response of 50,000,000 characters (limit {LONGEST_RESPONSE:,})"


def test_a_yaml_file_cannot_run_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs" / "task").mkdir(parents=True)
    trap = tmp_path / "sprung"
    tag = f"name: !!python/object/apply:os.system ['touch {trap}']\n"
    (tmp_path / "configs" / "task" / "evil.yaml").write_text(tag)
    monkeypatch.chdir(tmp_path)
    assert ended(lambda: main(["task=evil", "backend=fake"])) == 2
    assert not trap.exists()
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert "python/object/apply" in said


def test_subtitles_of_any_encoding_are_read(tmp_path: Path) -> None:
    cue = "1\r\n00:00:00,000 --> 00:09:00,000\r\ncaf\xe9\r\n"
    write_benchmark(tmp_path / "data", subtitles=cue.encode("latin-1"))
    outcome = run(request_of(tmp_path, "task=demo/subtitles"))
    assert "caf" in read_records(outcome.folder)[0].prompt


def test_broken_subtitles_cost_their_own_clip(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "data", subtitles=b'[{"start": 0', ending=".json")
    outcome = run(request_of(tmp_path, "task=demo/subtitles"))
    (record,) = read_records(outcome.folder)
    assert record.status == "failed"
    assert "one.json are not JSON" in (record.reason or "")
    assert outcome.complaints


@pytest.mark.parametrize(
    "rows",
    [b"", b"not json\n", b"[1, 2]\n", b'{"videoID": "one"}\n', b"\xff\xfe\x00", b'{"a": NaN}\n'],
)
def test_rows_that_are_none_are_one_clear_line(rows: bytes, tmp_path: Path) -> None:
    write_benchmark(tmp_path / "data")
    (tmp_path / "data" / "rows.jsonl").write_bytes(rows)
    with pytest.raises(HarnessError) as error:
        run(request_of(tmp_path))
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "results").rglob("*.jsonl"))


def test_a_summary_with_nan_is_made_again_from_the_records(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "data")
    folder = run(request_of(tmp_path)).folder
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"scored": float("nan")}))
    assert load(folder).summary.scored == summary["scored"] == 1
