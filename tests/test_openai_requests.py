"""What a served model is sent, and what is made of its answers."""

from __future__ import annotations

import base64
import io
import json
import pickle
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Picture

from harness.errors import ModelError, RequestError
from harness.models.openai import OpenAI, pictures
from harness.types import (
    Failure,
    Generation,
    Image,
    Prompt,
    Question,
    Response,
    Sample,
    Text,
    Turn,
    Usage,
    Video,
)
from tests.bad_server import MODEL, Answer, said, serving
from tests.served import TIMES, always, ask, failed, first_then, model, one, quick, sample  # noqa: F401

# ── what is sent ─────────────────────────────────────────────────────────────────────────────


def parts(request: dict[str, Any]) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = request["messages"][0]["content"]
    return content


def decoded(url: str) -> np.ndarray[Any, Any]:
    data = base64.b64decode(url.partition("base64,")[2])
    return np.asarray(Picture.open(io.BytesIO(data)))


@pytest.mark.parametrize("picture", ["png", "webp"])
def test_frames_are_sent_without_loss_in_order_with_their_times(picture: str) -> None:
    _, server = ask(always(Answer(said())), dialect="vllm", picture=picture)
    [request] = server.asked
    video, text = parts(request)
    assert text == {"type": "text", "text": "what 0 of 0?"}
    head, _, pictures_ = video["video_url"]["url"].partition("base64,")
    assert head == "data:video/jpeg;"
    shown = [
        np.asarray(Picture.open(io.BytesIO(base64.b64decode(p)))) for p in pictures_.split(",")
    ]
    frames = sample().frames
    assert frames is not None
    assert np.array_equal(np.stack(shown), frames.pixels)
    assert request["media_io_kwargs"] == {
        "video": {
            "num_frames": -1,
            "fps": 1000,
            "frames_indices": [0, 500, 1250],
            "total_num_frames": 10000,
            "duration": 10.0,
        }
    }
    assert request["add_special_tokens"] is True
    assert (request["temperature"], request["max_tokens"]) == (0.0, 16)


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_a_video_file_holds_the_same_pixels_at_the_mean_rate(codec: pictures.Codec) -> None:
    frames = sample().frames
    assert frames is not None
    url = pictures.video_url(frames.pixels, TIMES, codec)
    with av.open(io.BytesIO(base64.b64decode(url.partition(b"base64,")[2]))) as video:
        rate = video.streams.video[0].average_rate
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert np.array_equal(np.stack(shown), frames.pixels)
    assert float(rate or 0) == pytest.approx(2 / 1.25)


def test_a_list_of_pictures_has_its_texts_about_time_between_them() -> None:
    _, server = ask(always(Answer(said())), frame_text="{number} at {time} s: ")
    texts = [part["text"] for part in parts(server.asked[0]) if part["type"] == "text"]
    assert texts == ["1 at 0.0 s: ", "2 at 0.5 s: ", "3 at 1.2 s: ", "what 0 of 0?"]
    shown = [decoded(p["image_url"]["url"]) for p in parts(server.asked[0]) if "image_url" in p]
    frames = sample().frames
    assert frames is not None
    assert np.array_equal(np.stack(shown), frames.pixels)
    assert "media_io_kwargs" not in server.asked[0]


def test_jpeg_only_when_asked_and_then_on_record() -> None:
    with serving() as server:
        lossy = model(server, picture="jpeg", jpeg_quality=75)
        assert lossy.identity()["pictures"] == "jpeg 75"
        assert model(server).identity()["pictures"] == "png"
        list(lossy.generate([sample(questions=1)], Generation()))
    assert parts(server.asked[0])[0]["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_a_text_prompt_needs_no_frames_and_a_video_prompt_does() -> None:
    bare = sample(frames=False)
    results, server = ask(always(Answer(said())), bare)
    assert [type(result) for result in results.values()] == [Response] * 3
    assert server.asked[0]["messages"] == [{"role": "user", "content": "what 0 of 0?"}]
    shown = Sample(bare.clip, None, None, sample(1).prompts)
    assert "no frames" in failed(ask(always(Answer(said())), shown)[0]["c1q0"])


def test_pieces_of_a_clip_and_stills_keep_their_order() -> None:
    still = np.full((8, 8, 3), 7, np.uint8)
    turn = Turn("user", (Video(0, 1), Text("one"), Image(still), Video(1, 3), Text("two")))
    asked = Sample(sample().clip, None, sample().frames, (Prompt(Question("q", "?"), (turn,)),))
    _, server = ask(always(Answer(said())), asked)
    kinds = [part["type"] for part in parts(server.asked[0])]
    assert kinds == ["image_url", "text", "image_url", "image_url", "image_url", "text"]
    result = ask(always(Answer(said())), asked, dialect="vllm")[0]["q"]
    assert "in pieces" in failed(result)


def test_a_begun_answer_is_continued_or_refused() -> None:
    turns = (*sample().prompts[0].turns, Turn("assistant", (Text("Best option:("),)))
    begun = Sample(sample().clip, None, sample().frames, (Prompt(Question("q", "?"), turns),))
    _, server = ask(always(Answer(said())), begun, dialect="vllm")
    assert server.asked[0]["continue_final_message"] is True
    assert server.asked[0]["messages"][-1] == {"role": "assistant", "content": "Best option:("}
    result = ask(always(Answer(said())), begun)[0]["q"]
    assert isinstance(result, Failure)
    assert result.stage == "prompt"


def test_a_system_turn_is_said_once() -> None:
    _, server = ask(always(Answer(said())), system="Be brief.")
    assert [m["role"] for m in server.asked[0]["messages"]] == ["system", "user"]
    turns = (Turn("system", (Text("Mine."),)), *sample().prompts[0].turns)
    own = Sample(sample().clip, None, sample().frames, (Prompt(Question("q", "?"), turns),))
    _, server = ask(always(Answer(said())), own, system="Be brief.")
    assert server.asked[0]["messages"][0] == {"role": "system", "content": "Mine."}
    assert len(server.asked[0]["messages"]) == 2


def test_generation_is_sent_as_it_is_or_refused() -> None:
    drawn = Generation(temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.1, seed=3)
    _, server = ask(always(Answer(said())), sample(), generation=drawn, dialect="vllm")
    request = server.asked[0]
    assert (request["temperature"], request["top_p"], request["top_k"]) == (0.7, 0.8, 20)
    assert request["repetition_penalty"] == 1.1
    assert len({request["seed"] for request in server.asked}) == 3, "each question has its own"
    with pytest.raises(RequestError, match=r"generation\.top_k: a server of the kind 'openai'"):
        ask(always(Answer(said())), generation=drawn)
    with pytest.raises(RequestError, match=r"generation\.beams"):
        ask(always(Answer(said())), generation=Generation(beams=2), dialect="vllm")


def test_extra_settings_go_along_and_null_takes_out() -> None:
    extra = {"temperature": None, "max_tokens": None, "max_completion_tokens": 9}
    _, server = ask(always(Answer(said())), extra=extra)
    assert "temperature" not in server.asked[0]
    assert "max_tokens" not in server.asked[0]
    assert server.asked[0]["max_completion_tokens"] == 9


def test_structured_choices_are_the_options_letters() -> None:
    _, server = ask(always(Answer(said())), dialect="vllm", structured_choices=True)
    assert server.asked[0]["structured_outputs"] == {"choice": ["A", "B", "C"]}
    _, server = ask(always(Answer(said())), dialect="sglang", structured_choices=True)
    assert server.asked[0]["regex"] == "(A|B|C)"
    with pytest.raises(RequestError, match="structured_choices"):
        ask(always(Answer(said())), structured_choices=True)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "hush")
    _, server = ask(always(Answer(said())), api_key_env="MY_KEY")
    assert server.headers[0]["authorization"] == "Bearer hush"
    _, server = ask(always(Answer(said())))
    assert "authorization" not in server.headers[0]


# ── what is served ───────────────────────────────────────────────────────────────────────────


def test_the_identity_names_what_is_served_and_not_where() -> None:
    listed = [
        {"id": MODEL, "owned_by": "vllm", "root": "org/it", "max_model_len": 99, "created": 5}
    ]
    with serving(models=listed) as here, serving(models=listed) as there:
        identity = model(here).identity()
        assert identity == model(there, in_flight=1, timeout=9.0).identity()
        assert identity["served"] == {
            "name": MODEL, "owner": "vllm", "root": "org/it", "context": 99, "version": "1.2.3"
        }  # fmt: skip
        assert (identity["dialect"], identity["frames_as"]) == ("vllm", "frames")
        assert identity["times"] == "told"
        assert model(here, tell_times=False).identity()["times"] == "not told"
        json.dumps(identity)
        assert pickle.loads(pickle.dumps(model(here))) == model(here)
    with serving(models=None) as silent:
        assert model(silent).identity()["served"] == {"name": MODEL}


def test_what_is_not_served_is_refused_before_the_run() -> None:
    with serving() as server, pytest.raises(ModelError, match="does not serve 'b'; it serves a-m"):
        OpenAI(server.url, "b").identity()
    with pytest.raises(ModelError, match="no server answers there"):
        OpenAI("http://127.0.0.1:9/v1", "b").identity()
    not_json = "is not an OpenAI-compatible server"
    html = Answer(b"<html>hello</html>")
    with serving(models=html) as server, pytest.raises(ModelError, match=not_json):
        model(server).identity()
    with pytest.raises(RequestError, match=r"backend\.url='localhost:80'"):
        OpenAI("localhost:80", "b")
    with serving() as server, pytest.raises(RequestError, match="frames_as=frames"):
        model(server, frames_as="frames").identity()


def test_a_server_of_sglangs_kind_is_known_and_asked_in_its_own_words() -> None:
    """As its documentation and sources (0.5.23) have it; it has no build for CPUs to be asked."""
    listed = [{"id": MODEL, "owned_by": "sglang", "root": "org/it", "max_model_len": 4096}]
    letters = {"content": [{"token": "A", "top_logprobs": [{"token": "A", "logprob": -0.1}]}]}
    body = said("A", logprobs=letters)
    body["choices"][0]["prompt_token_ids"] = [1, *[5] * 12, 9]
    with serving(always(Answer(body)), models=listed) as server:
        served = model(server, tokens_per_frame=4)
        assert served.identity()["times"] == "by a constant rate"
        results = list(served.generate([sample()], Generation(letters=True)))
        assert [type(result) for result in results] == [Response] * 3
        with pytest.raises(ModelError, match="take 12 tokens in the server's prompt, not 15"):
            list(model(server, tokens_per_frame=5).generate([sample()], Generation()))
    request = server.asked[0]
    video = parts(request)[0]
    assert video["type"] == "video_url"
    assert video["video_url"]["url"].startswith("data:video/mp4;base64,")
    assert request["return_prompt_token_ids"] is True
    assert "uuid" not in video
    assert not {"media_io_kwargs", "add_special_tokens", "return_token_ids"} & set(request)


# ── what is answered ─────────────────────────────────────────────────────────────────────────


def test_a_whole_answer() -> None:
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    result = one(always(Answer(said(" B\n", usage=usage, system_fingerprint="fp_1"))))
    assert isinstance(result, Response)
    assert (result.text, result.finish, result.fingerprint) == ("B", "stop", "fp_1")
    assert result.usage == Usage(7, 2, 5)
    assert 0 < result.seconds < 5


@pytest.mark.parametrize(
    ("answer", "text", "finish", "thinking"),
    [
        (said("The ans", "length"), "The ans", "length", ""),
        (said("", "stop"), "", "stop", ""),
        (said("B", reasoning_content="hm"), "B", "stop", "hm"),
        (said("B", reasoning="hm"), "B", "stop", "hm"),
        (said(None, "length", reasoning_content="hm"), "", "thinking", "hm"),
        (said("<think>hm</think>B"), "B", "stop", "hm"),
        (said("<think>hm, A or", "length"), "", "thinking", "hm, A or"),
        (said([{"type": "text", "text": "B"}]), "B", "stop", ""),  # type: ignore[arg-type]
    ],
)
def test_how_an_answer_ended(answer: Any, text: str, finish: str, thinking: str) -> None:
    result = one(always(Answer(answer)))
    assert isinstance(result, Response)
    assert (result.text, result.finish, result.thinking) == (text, finish, thinking)


# ── letters ──────────────────────────────────────────────────────────────────────────────────


def listed(**tokens: float) -> dict[str, Any]:
    top = [{"token": t.replace("_", " "), "logprob": float(np.log(p))} for t, p in tokens.items()]
    return {"content": [{"token": "A", "top_logprobs": top}]}


def test_letters_are_summed_over_the_tokens_that_say_them() -> None:
    answer = Answer(said("A", "length", logprobs=listed(A=0.2, _A=0.1, B=0.25, _B=0.2, The=0.1)))
    results, server = ask(always(answer), generation=Generation(letters=True))
    result = results["c0q0"]
    assert isinstance(result, Response)
    assert (result.text, result.finish) == ("B", "letters")
    assert result.probabilities == {"A": pytest.approx(0.3), "B": pytest.approx(0.45)}
    request = server.asked[0]
    assert (request["max_tokens"], request["logprobs"], request["top_logprobs"]) == (1, True, 20)


def test_letters_that_are_not_there_are_a_failure() -> None:
    letters = Generation(letters=True)
    answer = Answer(said("The", "length", logprobs=listed(The=0.5, AB=0.2)))
    assert "no option letter" in failed(one(always(answer), generation=letters))
    with pytest.raises(ModelError, match="without log-probabilities"):
        one(always(Answer(said())), generation=letters)
    words = "Requested sample logprobs of 20, which is greater than max allowed: 5"
    with pytest.raises(ModelError, match="--max-logprobs 20"):
        one(always(Answer({"error": {"message": words}}, 400)), generation=letters)
