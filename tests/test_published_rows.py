"""A run beside published values and the hub's rows: each difference, and each row, to the word."""

from __future__ import annotations

import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, RequestError
from harness.report import hub_board, published
from harness.report.published import Published
from tests.runs import record, records, right, write

EMPTY = Published(**dict.fromkeys(Published.__dataclass_fields__, ""))
ROW = replace(
    EMPTY, model="mine", benchmark="demo", split="test", metric="accuracy", value="50",
    scale="100", trust="reported", source="a paper", printed_as="50.0",
)  # fmt: skip
STATED = {"frames": "8", "subtitles": "no", "prompt": "official", "reader": "videomme",
          "denominator": "all"}  # fmt: skip
UNSTATED = ("frames", "subtitles", "prompt", "reader", "denominator")


def beside(folder: Path, row: Published, **asked: Any) -> published.Verdict:
    run = write(folder, records(60, 0.5), model="mine", **asked)
    (found,) = published.against(run, "mine", [row])
    return found


@pytest.mark.parametrize(
    ("row", "asked", "differs", "unstated"),
    [
        ({}, {}, (), UNSTATED),
        (STATED, {}, (), ()),
        (STATED | {"frames": "32"}, {}, ("frames (32 there, 8 here)",), ()),
        (STATED | {"frames": "", "sampling": "1 fps"}, {}, ("frames (1 fps there, 8 here)",), ()),
        (STATED, {"frames": None}, ("frames (8 there, not known here)",), ()),
        (STATED | {"subtitles": "yes"}, {}, ("subtitles (yes there, no here)",), ()),
        (STATED, {"protocol": {"prompt": {"subtitles": "all"}}},
         ("subtitles (no there, yes here)",), ()),
        (STATED, {"protocol": {"prompt": None, "subtitles": "all"}},
         ("subtitles (no there, yes here)",), ()),
        (STATED | {"prompt": "lmms_eval", "reader": "x", "denominator": "answered"}, {},
         ("prompt (lmms_eval there, official here)", "reader (x there, videomme here)",
          "denominator (answered there, all here)"), ()),
        (STATED, {"control": "blank", "limit": 5, "permute_options": 4, "repeats": 2},
         ("limit (5 here)", "control (blank here)", "permute_options (4 here)",
          "repeats (2 here)"), ()),
        (STATED, {"expected": 61}, ("coverage (the run is incomplete)",), ()),
        (STATED | {"judge": "gpt-3.5"}, {"judge": {"checkpoint": "q", "rule": "r"}},
         (f"another judge (gpt-3.5 there, q here; {published.DRIFT})",), ()),
        (STATED | {"judge": "gpt-3.5"}, {"judge": {"x": 1}},
         (f"another judge (gpt-3.5 there, another one here; {published.DRIFT})",), ()),
        (STATED, {"judge": {"model": "m"}}, (), ()),
    ],
)  # fmt: skip
def test_every_difference_of_protocol_is_named(
    row: dict[str, str], asked: dict[str, Any], differs: tuple[str, ...],
    unstated: tuple[str, ...], tmp_path: Path,
) -> None:  # fmt: skip
    found = beside(tmp_path, replace(ROW, **row), **asked)
    assert (found.differs, found.unstated) == (differs, unstated)


def test_what_is_printed_of_a_verdict(tmp_path: Path) -> None:
    stated = replace(ROW, **STATED)
    found = beside(tmp_path / "1", stated)
    said = published.tables.interval(found.ours)
    low, high = (100 * end for end in found.ours.ci95)
    assert str(found) == f"consistent with 50 (a paper): {said}"
    for value, inside in ((low - 0.01, False), (low + 0.01, True), (high - 0.01, True),
                          (high + 0.01, False)):  # fmt: skip
        assert beside(tmp_path / "1", replace(stated, value=str(value))).consistent is inside
    far = replace(ROW, value="99", frames="8", trust="doubtful", note="two columns")
    assert str(beside(tmp_path / "1", replace(far, prompt="p"))) == (
        f"not consistent with 99 (a paper): {said}; differs in prompt (p there, official here); "
        "not stated there: subtitles, reader, denominator [doubtful: two columns]"
    )


def test_one_video_has_no_interval_and_so_no_verdict(tmp_path: Path) -> None:
    run = write(tmp_path, [record(i, right(i)) for i in range(3)], model="mine")
    found = published.against(run, "mine", [replace(ROW, **STATED)])
    assert found[0].consistent is None
    assert str(found[0]).startswith("no interval to compare with 50 (a paper): 100.0 [?, ?]")
    cells = [cell.strip() for cell in published.markdown(run, found).splitlines()[4].split("|")]
    assert cells[1:5] == ["accuracy", "50", "100.0 [?, ?]", "?"]
    assert published.rows(found)[0]["consistent"] is None


def test_parts_and_headline_stand_under_the_files_names(tmp_path: Path) -> None:
    run = write(tmp_path, records(60, 0.5), model="mine")
    rows = [replace(ROW, metric=m) for m in ("accuracy", "accuracy:short", "accuracy:order", "f1")]
    found = published.against(run, "mine", rows)
    assert [v.published.metric for v in found] == ["accuracy", "accuracy:short", "accuracy:order"]
    assert [v.ours for v in found] == [
        run.summary.main.estimate, run.summary.part("duration")["short"],
        run.summary.part("task_type")["Order"],
    ]  # fmt: skip


def test_what_is_said_where_nothing_is_published(tmp_path: Path) -> None:
    run = write(tmp_path, records(6), model="mine")
    with pytest.raises(RequestError) as refused:
        published.against(run, None, [replace(ROW, model="b"), replace(ROW, model="a")])
    assert str(refused.value) == (
        "nothing is published for model 'mine' on 'demo'; --as may be one of a, b"
    )
    with pytest.raises(RequestError) as unknown:
        published.against(run)
    assert str(unknown.value) == (
        "nothing is published for model 'mine' on 'demo'; no such benchmark there"
    )


@pytest.mark.parametrize(
    ("checkpoint", "name"),
    [("Org/Model-7B-hf", "model-7b"), ("/a/b/Model/", "model"), ("hf-Model", "hf-model")],
)
def test_a_checkpoints_stable_name(checkpoint: str, name: str) -> None:
    assert published.stable_name(checkpoint) == name


def board(*values: object, **more: Any) -> list[Published]:
    told = {"source": None, "notes": None, "pull_request": None, "verified": False} | more
    entries = [
        types.SimpleNamespace(model_id=f"Org/M{rank}-hf", value=value, rank=rank, **told)
        for rank, value in enumerate(values, start=1)
    ]
    return hub_board._published(entries, "owner/bench", "demo")


def test_a_row_of_the_hubs_leaderboard() -> None:
    plain = replace(
        EMPTY, model="m1", benchmark="demo", split="unknown", metric="accuracy", value="71.4285714",
        scale="100", trust="hub", source="hub leaderboard of owner/bench, rank 1",
        url="https://huggingface.co/Org/M1-hf", printed_as="71.4285714",
    )  # fmt: skip
    assert board(71.4285714) == [plain]
    told = {"source": {"url": "https://x.org"}, "notes": "8 frames", "pull_request": 3}
    assert board(71.4285714, verified=True, **told) == [
        replace(plain, trust="hub, verified", url="https://x.org", note="8 frames; pull request 3")
    ]


@pytest.mark.parametrize(
    ("values", "read", "printed"),
    [
        ((0.5, 1.0), ["50", "100"], ["0.5", "1"]),
        ((0.5, 1.5), ["0.5", "1.5"], ["0.5", "1.5"]),
        ((0.333333333, None, "x"), ["33.3333333"], ["0.333333333"]),
        ((-0.5, 0.5), ["-0.5", "0.5"], ["-0.5", "0.5"]),
        ((), [], []),
    ],
)
def test_shares_are_told_from_percentages(
    values: tuple[object, ...], read: list[str], printed: list[str]
) -> None:
    found = board(*values)
    assert [row.value for row in found] == read
    assert [row.printed_as for row in found] == printed


def test_a_file_of_published_values_that_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "published.csv"
    monkeypatch.setattr(published, "_PLACES", (tmp_path / "none", path))
    for text, said in (
        (None, "missing; install again, or restore it from the repository"),
        ("model\n", f"its columns must be {','.join(Published.__dataclass_fields__)}"),
    ):
        if text is not None:
            path.write_text(text)
        with pytest.raises(DataError) as refused:
            published.published.__wrapped__()
        assert str(refused.value) == f"{path}: {said}"
