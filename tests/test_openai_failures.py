"""A server that fails in every way known: nothing is lost, and nothing scored that was not said."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import ModelError
from harness.models.openai import OpenAI, client
from harness.models.openai.errors import retry_after
from harness.types import (
    Failure,
    Generation,
    Response,
    Sample,
)
from tests.bad_server import MODEL, Answer, said, serving
from tests.served import TIMES, always, ask, failed, first_then, model, one, quick, sample  # noqa: F401


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer({"error": {"message": "the GPU fell over", "code": 400}}), "the GPU fell over"),
        (Answer({"id": "x", "choices": []}), "without choices"),
        (Answer({"id": "x"}), "without choices"),
        (Answer(said(None)), "content is null"),
        (Answer(said("", "content_filter")), "content_filter"),
        (Answer(said(None, refusal="I cannot help.")), "refused: I cannot help."),
        (Answer(said("", "tool_calls")), "tool_calls"),
        (Answer(b" " * (9 * 2**20)), "more than 8 MB"),
        (Answer({"error": {"message": "bad media"}}, 400), "HTTP 400: bad media"),
        (Answer({"error": {"message": "no such file"}}, 404), "HTTP 404: no such file"),
        (Answer(b"too large", 413), "HTTP 413: too large"),
        (Answer({"detail": [{"msg": "no"}]}, 422), "HTTP 422"),
    ],
)
def test_what_is_no_answer_is_a_failure_at_once(answer: Answer, reason: str) -> None:
    results, server = ask(always(answer))
    assert reason in failed(results["c0q0"])
    assert len(server.asked) == 1


def test_a_prompt_that_is_too_long_is_the_prompts_failure() -> None:
    words = "This model's maximum context length is 4096 tokens. However, you requested 5000."
    answer = Answer({"error": {"message": words, "param": "input_tokens"}}, 400)
    result = one(always(answer), allow_overflow=True)
    assert isinstance(result, Failure)
    assert result.stage == "prompt"
    assert "4096" in result.reason


@pytest.mark.parametrize(
    "bad",
    [
        Answer(b"<html>busy</html>"),
        Answer(b'{"choices": [{"mess'),
        Answer(b"[1, 2]"),
        Answer(said("A", None)),
        Answer(said("A", "abort")),
        Answer(said(5)),  # type: ignore[arg-type]
        Answer(said(), headers={"content-encoding": "gzip"}),
        Answer(said(), cut=5),
        Answer(hang_up=True),
        Answer({"error": {"message": "overloaded", "code": 503}}),
        *(
            Answer({"error": {"message": "later"}}, status)
            for status in (408, 409, 429, 500, 502, 503)
        ),
    ],
)
def test_what_may_work_the_next_time_is_asked_again(bad: Answer) -> None:
    results, server = ask(first_then(bad, bad, Answer(said("C"))))
    result = results["c0q0"]
    assert isinstance(result, Response), result
    assert result.text == "C"
    assert len(server.asked) == 3
    results, server = ask(always(bad)) if not bad.cut and not bad.hang_up else (results, server)
    if isinstance(results["c0q0"], Failure):
        assert "(3 attempts)" in failed(results["c0q0"])
        assert len(server.asked) == 3


def test_a_compressed_answer_is_unpacked() -> None:
    packed = gzip.compress(json.dumps(said("C")).encode())
    result = one(always(Answer(packed, headers={"content-encoding": "gzip"})))
    assert isinstance(result, Response)
    assert result.text == "C"
    bomb = gzip.compress(b" " * (20 * 2**20))
    answer = Answer(bomb, headers={"content-encoding": "gzip"})
    assert "more than 8 MB" in failed(one(always(answer)))


def test_a_server_that_streams_all_the_same_ends_the_run() -> None:
    events = b'data: {"choices": [{"delta": {"content": "A"}}]}\n\ndata: [DONE]\n\n'
    with pytest.raises(ModelError, match="stream of events although asked not to"):
        one(always(Answer(events, headers={"content-type": "text/event-stream"})))


def test_what_the_environment_gets_wrong_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def complaint(url: str) -> str:
        with pytest.raises(ModelError) as raised:
            OpenAI(url, MODEL, api_key_env="KEY").identity()
        assert "\n" not in str(raised.value)
        return str(raised.value)

    with serving() as server:
        monkeypatch.setenv("KEY", "hush\nhush")
        assert "KEY: holds what no key has" in complaint(server.url)
        assert "hush" not in complaint(server.url)
        monkeypatch.setenv("KEY", " hush\n")  # as read from a file
        assert OpenAI(server.url, MODEL, api_key_env="KEY").identity()
        assert "http or https" in complaint(server.url.replace("http:", "https:"))
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("ALL_PROXY", "odd://127.0.0.1:9")
        assert "ALL_PROXY" in complaint(server.url)
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        assert "no server answers there" in complaint(server.url)
    monkeypatch.delenv("ALL_PROXY")
    for models in (Answer({"data": 5}), Answer({"data": [5]})):
        with serving(models=models) as server:
            assert "it serves nothing" in complaint(server.url)


def test_a_dripping_or_silent_server_is_held_to_the_deadline() -> None:
    for slow in (Answer(said(), drip=0.05), Answer(said(), delay=1.0)):
        results, _ = ask(first_then(slow, Answer(said("C"))), timeout=0.3)
        result = results["c0q0"]
        assert isinstance(result, Response)
        assert result.text == "C"
    assert "within 0.2 s" in failed(one(always(Answer(said(), delay=0.6)), timeout=0.2, attempts=2))


def test_retry_after_is_obeyed_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps: list[float] = []

    def behaviour(request: dict[str, Any], number: int) -> Answer:
        stamps.append(time.monotonic())
        if number == 0:
            return Answer({}, 429, {"retry-after": "0.4"})
        return Answer({}, 429, {"retry-after": "9999"}) if number == 1 else Answer(said())

    assert isinstance(one(behaviour, longest_wait=0.6), Response)
    assert stamps[1] - stamps[0] >= 0.4
    assert stamps[2] - stamps[1] >= 0.6, "capped: else this test would not end"


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("3") == 3.0
    assert retry_after("-1") == 0.0
    assert retry_after(None) is retry_after("soon") is None
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"error": {"message": "bad key"}}, 401), "api_key_env"),
        (Answer({"error": {"message": "not yours"}}, 403), "api_key_env"),
        (
            Answer({"error": {"message": "The model `x` does not exist.", "param": "model"}}, 404),
            "backend.model=NAME",
        ),
        (Answer(b"", 307, {"location": "http://other/"}), "redirects to http://other/"),
        (Answer({"error": {"message": "pay", "code": "insufficient_quota"}}, 429), "quota"),
    ],
)
def test_what_no_question_can_get_past_ends_the_run(answer: Answer, words: str) -> None:
    with pytest.raises(ModelError, match="(?i)" + words.replace("/", "/")) as raised:
        ask(always(answer), sample(), sample(1))
    assert "\n" not in str(raised.value)


def test_a_server_that_goes_away_ends_the_run_and_keeps_what_was_said() -> None:
    samples = [sample(n) for n in range(6)]
    with serving() as server:
        asked = model(server, in_flight=1).generate(iter(samples), Generation())
        kept = [next(asked) for _ in range(4)]
        server.behaviour = always(Answer(hang_up=True))
        with pytest.raises(ModelError, match="run the same command again to resume"):
            kept.extend(asked)
    assert all(isinstance(result, Response) for result in kept), "none became a failure"


def test_a_broken_server_ends_the_run_after_some_failures() -> None:
    kept: list[Response | Failure] = []
    broken = first_then(Answer(said()), Answer({"error": "engine died"}, 500))
    with serving(broken) as server, pytest.raises(ModelError, match="engine died"):
        kept.extend(model(server).generate((sample(n) for n in range(30)), Generation()))
    assert len(kept) < client.BROKEN + 8


def test_nothing_is_lost_or_said_twice_by_a_server_that_fails_now_and_then() -> None:
    kinds = [
        Answer(b"", 500), Answer({}, 429, {"retry-after": "0"}), Answer(hang_up=True),
        Answer(said(), cut=9), Answer(b"oops"),
    ]  # fmt: skip

    def behaviour(request: dict[str, Any], number: int) -> Answer:
        text = request["messages"][0]["content"][-1]["text"]
        return kinds[number // 3 % 5] if number % 3 == 1 else Answer(said(text))

    samples = [sample(n, questions=4) for n in range(25)]
    with serving(behaviour) as server:
        asked = model(server, attempts=12).generate(iter(samples), Generation())
        results = list(asked)
    assert sorted(r.question for r in results) == sorted(
        prompt.key for s in samples for prompt in s.prompts
    )
    for result in results:
        assert isinstance(result, Response), result
        clip, _, question = result.question[1:].partition("q")
        assert result.text == f"what {question} of {clip}?"


# ── how many at once ─────────────────────────────────────────────────────────────────────────


def test_a_clips_questions_go_together_and_clips_in_order() -> None:
    results, server = ask(
        always(Answer(said(), delay=0.01)), *(sample(n) for n in range(5)), in_flight=2
    )
    assert len(results) == 15
    clips = [text.rpartition(" ")[2] for text in server.texts()]
    places = {clip: clips.index(clip) for clip in sorted(set(clips))}
    assert list(places.values()) == sorted(places.values())
    assert server.most_together == 2


def test_more_are_in_flight_while_the_server_is_quick() -> None:
    _, server = ask(
        always(Answer(said(), delay=0.05)), *(sample(n) for n in range(20)), in_flight=12
    )
    assert 4 < server.most_together <= 12


def test_fewer_are_in_flight_once_it_is_busy() -> None:
    busy = threading.Event()
    together: list[int] = []

    with serving() as server:

        def behaviour(request: dict[str, Any], number: int) -> Answer:
            if server.together > 3:
                busy.set()
                return Answer({}, 429)
            if busy.is_set():
                together.append(server.together)
            return Answer(said(), delay=0.01)

        server.behaviour = behaviour
        asked = model(server, in_flight=16, attempts=50).generate(
            (sample(n) for n in range(40)), Generation()
        )
        assert sum(isinstance(result, Response) for result in asked) == 120
    assert busy.is_set()
    refused = len(server.asked) - 120
    assert refused < 60, "it does not go on asking for more than it gets"


def test_samples_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def samples() -> Iterator[Sample]:
        for number in range(50):
            read.append(number)
            yield sample(number)

    with serving() as server:
        asked = model(server, in_flight=2).generate(samples(), Generation())
        next(asked)
        assert len(read) <= 3
        asked.close()  # type: ignore[attr-defined]
    assert len(read) < 10
