"""Served models through whole runs: resumed after a kill, complained about, and examined."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.config import compose
from harness.errors import ModelError, RequestError
from harness.models.fake import Fake
from harness.models.openai.proof import compare
from harness.run.journal import read_records
from harness.run.loop import run
from harness.types import Generation, Usage
from tests.bad_server import MODEL, Answer, Behaviour, said, serving
from tests.served import quick, sample  # noqa: F401

CLIPS = 6


def words(url: str, folder: Path) -> list[str]:
    settings = ["model=hosted", "model.name=it", "backend=openai", "backend.attempts=3"]
    settings += [f"backend.url={url}", f"backend.model={MODEL}", "backend.in_flight=2"]
    return [*settings, f"limit={CLIPS}", f"results={folder}", "video.workers=0", "frames=2"]


def records(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.rglob("records-0.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def quiet(line: str) -> None:
    pass


def asked(request: dict[str, Any]) -> str:
    """The question that a request asks, as its last text."""
    return str(request["messages"][-1]["content"][-1]["text"])


def test_a_kill_and_a_resume_ask_only_what_is_left(tmp_path: Path) -> None:
    slow: Behaviour = lambda request, number: Answer(said("B"), delay=0.15)  # noqa: E731
    with serving(slow) as server:
        command = [sys.executable, "-m", "harness", *words(server.url, tmp_path)]
        environment = os.environ | {"NO_PROXY": "127.0.0.1"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while len(server.asked) < 8 and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        kept = {record["prompt"] for record in records(tmp_path)}
        assert 4 <= len(kept) < 3 * CLIPS
        before = len(server.asked)
        run(compose(words(server.url, tmp_path)), quiet, progress=False)
        again = [asked(request) for request in server.asked[before:]]
    assert len(again) == 3 * CLIPS - len(kept)
    assert not [text for text in again if any(prompt.endswith(text) for prompt in kept)]
    found = records(tmp_path)
    assert len({record["question"]["id"] for record in found}) == len(found) == 3 * CLIPS
    assert {record["status"] for record in found} == {"scored"}


def test_a_server_that_goes_away_ends_the_run_and_a_resume_goes_on(tmp_path: Path) -> None:
    """Nothing that was said is lost, and what was not said is no failure."""
    dead: Behaviour = lambda request, number: (  # noqa: E731
        Answer(hang_up=True) if number >= 6 else Answer(said("B"))
    )
    with serving(dead) as server:
        with pytest.raises(ModelError, match="run the same command again to resume"):
            run(compose(words(server.url, tmp_path)), quiet, progress=False)
        assert {record["status"] for record in records(tmp_path)} == {"unscored"}
        assert len(records(tmp_path)) in (5, 6), "one may be on its way when the run ends"
        server.behaviour = lambda request, number: Answer(said("B"))
        outcome = run(compose(words(server.url, tmp_path)), quiet, progress=False)
    assert outcome.complaints == ()
    assert outcome.summary.n == 3 * CLIPS


def test_failures_have_their_reasons_and_are_never_answers(tmp_path: Path) -> None:
    kinds = [
        Answer(said("", "content_filter")), Answer({"error": {"message": "bad media"}}, 400),
        Answer(said(None)), Answer(said("B")),
    ]  # fmt: skip
    with serving(lambda request, number: kinds[number % 4]) as server:
        outcome = run(compose(words(server.url, tmp_path)), quiet, progress=False)
    summary = outcome.summary
    assert (summary.failed, summary.scored) == (14, 4)
    reasons = {record["reason"] for record in records(tmp_path) if record["status"] == "failed"}
    assert any("content_filter" in reason for reason in reasons)
    assert any("bad media" in reason for reason in reasons)
    assert any("content is null" in reason for reason in reasons)
    assert all(r["response"] is None for r in records(tmp_path) if r["status"] == "failed")


def test_what_a_server_says_beside_its_answer_is_kept(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 70, "completion_tokens": 2, "prompt_tokens_details": None}
    answer = Answer(said("B", usage=usage, reasoning_content="hm", system_fingerprint="fp"))
    with serving(lambda request, number: answer) as server:
        outcome = run(compose(words(server.url, tmp_path)), quiet, progress=False)
    for record in read_records(outcome.folder):
        response = record.response
        assert response is not None
        assert response.usage == Usage(70, 2)
        assert (response.text, response.thinking, response.fingerprint) == ("B", "hm", "fp")
        assert response.told_times == ()


def test_a_build_that_changes_within_a_run_is_complained_about(tmp_path: Path) -> None:
    with serving(lambda r, n: Answer(said("B", system_fingerprint=f"fp_{n // 9}"))) as server:
        outcome = run(compose(words(server.url, tmp_path)), quiet, progress=False)
    assert any("build changed within the run (fp_0, fp_1)" in line for line in outcome.complaints)


def test_the_doctor_tells_a_served_model_from_another() -> None:
    samples = [sample(0), sample(1)]
    generation = Generation()
    same = compare(Fake("hash"), Fake("hash"), samples, generation, "it")
    assert same.sound
    assert (same.questions, same.flips, same.failed, same.largest) == (6, (), (), 0.0)
    assert "the same model" in str(same)
    other = compare(Fake("constant:B"), Fake("constant:A"), samples, generation, "it")
    assert not other.sound
    assert len(other.flips) == 6
    assert "6 answers differ (c0q0, c0q1, c0q2, c1q0, c1q1, …)" in str(other)
    broken = compare(Fake(failures={"c0q1": "no"}), Fake(), samples, generation, "it")
    assert broken.failed == ("c0q1",)
    assert not broken.sound


def test_the_doctor_needs_a_checkpoint(tmp_path: Path) -> None:
    with serving() as server, pytest.raises(RequestError, match="whose checkpoint model= names"):
        main(["doctor", *words(server.url, tmp_path)])
