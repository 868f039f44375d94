"""The benchmarks run, on toys: what they measure is measured elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import engine, families, gpu, rotations, sharing, towers, workers
from harness import demo


@pytest.mark.parametrize("name", families.FAMILIES)
def test_gpu_in_its_tiny_mode(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(
        "sys.argv",
        f"gpu --family {name} --tiny --json --videos 3 --new 4 --in-flight 1 2".split(),
    )
    gpu.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["device"] == "CPU"
    rows = [(row["family"], row["in_flight"]) for row in found["rows"]]
    assert rows == [(name, 1), (name, 2)]
    for row in found["rows"]:
        assert sum(row["split"].values()) == pytest.approx(1)
        assert row["equal"] > 0.5  # bfloat16: near ties may flip


def test_gpu_refuses_to_measure_without_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu"])
    with pytest.raises(SystemExit):
        gpu.main()
    assert "no CUDA device here" in capsys.readouterr().err


def test_gpu_has_the_real_7b_shape() -> None:
    asked = gpu.subject("llava_next_video", False, torch.device("meta"), "sdpa")
    parameters = sum(p.numel() for p in asked.model.parameters())
    assert 7.06e9 < parameters < 7.07e9
    [first, *_] = asked.questions(0)
    assert (first.tokens == asked.model.config.video_token_index).sum() == 32 * 144
    # about two operations for each of 6.5 billion weights in the layers, and the attention's
    assert 70e12 < gpu.operations(asked, 16) < 100e12


def test_towers_in_toys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--size", "toy", "--frames", "6", "--layers", "2", "--repeats", "1"]
    monkeypatch.setattr("sys.argv", ["towers", *words, "--json"])
    towers.main()
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["family"] for each in found] == list(towers.WIDE)
    assert [list(each["seconds"]) for each in found] == [
        *[["1", "2", "4", "all"]] * 2,
        *[["2", "4", "all"]] * 2,
    ]
    monkeypatch.setattr("sys.argv", ["towers", *words, "--family", "qwen3_vl"])
    towers.main()
    assert "| qwen3_vl | 0.0 |" in capsys.readouterr().out


@pytest.mark.parametrize("name", families.FAMILIES)
def test_sharing_compares_answers_and_prints_json(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--family", name, "--size", "toy", "--json", "--repeats", "1", "--questions", "1", "3"]
    monkeypatch.setattr("sys.argv", ["sharing", *words])
    sharing.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["way"] == ("copied" if name == "qwen3_5" else "packed")
    assert set(found["questions"]) == {"1", "3"}
    for row in found["questions"].values():
        assert row["equal"] is True
        assert 0 < row["floor"] <= 1
        assert row["ratio"] > 0


def test_workers_compares_every_frame(capsys: pytest.CaptureFixture[str]) -> None:
    clip = Path(demo.__file__).parent / "data" / "videos" / "shapes001.mp4"
    workers.main(["--json", "--clip", str(clip), "--frames", "4", "--clips", "3", "--repeats", "1"])
    found = json.loads(capsys.readouterr().out)
    assert found["frames_equal"] is True
    assert found["one_seconds"] > 0
    assert found["many_seconds"] > 0


def test_workers_refuses_one_worker(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        workers.main(["--workers", "1"])
    assert "give 2 or more" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tiny_video", "tiny_qwen"])
def test_the_engine_beside_generate(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "tiny_qwen":
        pytest.importorskip("torchvision")
    words = ["--model", name, "--json", "--repeats", "1", "--clips", "3"]
    monkeypatch.setattr("sys.argv", ["engine", *words, "--threads", str(torch.get_num_threads())])
    engine.main()
    [found] = json.loads(capsys.readouterr().out.splitlines()[-1])["models"]
    assert (found["questions"], found["flips"]) == (9, 0)
    assert found["per_second"] > 0


def test_rotations_compares_answers(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--frames", "2", "--side", "56", "--questions", "2", "--repeats", "1", "--json"]
    assert rotations.main(words) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["asked"], row["prompts"]) for row in rows] == [
        ("one prefix", 2),
        ("one prefix", 8),
        ("each alone", 2),
        ("each alone", 8),
    ]
    assert {row["answers equal"] for row in rows} == {"2/2", "8/8"}


def test_all_families_are_one_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--all-families", "--size", "toy", "--repeats", "1", "--questions", "2"]
    monkeypatch.setattr("sys.argv", ["sharing", *words])
    sharing.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[3:]] == [f"| {n}" for n in families.FAMILIES]
    assert all(line.endswith("| yes |") for line in lines[3:])
