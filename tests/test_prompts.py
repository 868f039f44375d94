"""What every protocol asks, word for word, and what a template may say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from harness.config import compose
from harness.controls import rotate
from harness.errors import DataError, RequestError
from harness.overrides import choices
from harness.prompts import PromptTemplate, read_image
from harness.scoring.choice import ChoiceScorer
from harness.task import Task
from harness.types import Clip, Image, Prompt, Question, Response, Text, Turn, Video
from tests.benchmarks import SRT, lay_out
from tests.open_rows import NAMES

GOLDEN = json.loads((Path(__file__).parent / "golden/prompts.json").read_text("utf-8"))
"""Each task's first questions with the prompts that the multiple-choice classes made of them before
tasks were composed: plain, with rotated options, without options, and at frames beyond the video's
subtitles ("late") where that differs."""

LATER = {"demo/open", "videomme_v2/reasoning", "videomme_v2/subtitles_interleaved"}
"""Besides those of test_open_benchmarks.py: what had no prompts before tasks were composed."""

QUESTION = Question("q", "Who?", ("cat", "dog", "cow"), "B", {"kind": ("who",)})
CLIP = Clip("v", Path("v.mp4"), (QUESTION,))


def benchmark(task: str, folder: Path) -> Task:
    words = [f"task={task}", "backend=fake", "video.workers=0"]
    if not task.startswith("demo"):
        words.append(f"data={lay_out(task, folder)}")
    found = compose(words).benchmark
    assert isinstance(found, Task)
    return found


def plain(prompt: Prompt) -> dict[str, Any]:
    """A prompt as the golden file has it: frames as [start, stop], text as it is."""
    turns: list[list[Any]] = []
    for turn in prompt.turns:
        turns.append([turn.role])
        for part in turn.parts:
            if isinstance(part, Text):
                turns[-1].append(part.text)
            else:
                assert isinstance(part, Video)
                turns[-1].append([part.start, part.stop])
    return {"turns": turns, "subtitles": prompt.subtitles}


def test_every_protocol_has_golden_prompts() -> None:
    assert set(GOLDEN["tasks"]) == set(choices("task")) - set(NAMES) - LATER


@pytest.mark.parametrize("task", GOLDEN["tasks"])
def test_a_protocol_asks_what_it_always_asked(task: str, tmp_path: Path) -> None:
    bench, golden = benchmark(task, tmp_path), GOLDEN["tasks"][task]
    assert bench.max_new_tokens == golden["max_new_tokens"]
    asked = {q.id: (clip, q) for clip in bench.clips() for q in clip.questions}
    for expected in golden["questions"]:
        clip, question = asked[expected["question"]]
        assert (clip.id, question.target) == (expected["clip"], expected["target"])
        assert list(question.options) == expected["options"]
        assert {k: list(v) for k, v in question.groups.items()} == expected["groups"]
        forms = {
            "plain": (question, GOLDEN["times"]),
            "late": (question, GOLDEN["late"]),
            "rotated": (rotate(question, 1), GOLDEN["times"]),
            "hidden": (replace(question, options_hidden=True), GOLDEN["times"]),
        }
        for name, wanted in expected["asked"].items():
            form, times = forms[name]
            target = wanted.pop("target", form.target)
            assert (plain(bench.write(clip, form, times)), form.target) == (wanted, target), name


def text(template: PromptTemplate, question: Question = QUESTION) -> str:
    return template.write(CLIP, question, [0.0]).text


def test_a_prompt_has_its_system_and_its_primer() -> None:
    template = PromptTemplate(
        "{question}\n{options}\nAnswer:",
        option="({letter}) {text}",
        system="Watch.",
        primer="Best option:(",
    )
    assert text(template) == (
        "system: Watch.\nuser: <video>Who?\n(A) cat\n(B) dog\n(C) cow\nAnswer:\n"
        "assistant: Best option:("
    )
    assert template.write(CLIP, QUESTION, []).subtitles is None


def test_without_options_nothing_tells_them_and_no_letter_counts() -> None:
    template = PromptTemplate("{question}\n{options}", primer="Best:(")
    hidden = replace(QUESTION, options_hidden=True)
    assert text(template, hidden) == "user: <video>Who?\nAnswer the question using a short phrase."
    scorer = ChoiceScorer()
    assert scorer.score(hidden, _said("It is a dog.")).values == {"accuracy": 1.0}
    assert scorer.score(hidden, _said("a cat")).values == {"accuracy": 0.0}
    assert scorer.score(hidden, _said("B")).values == {}


def test_braces_in_a_question_are_text() -> None:
    odd = replace(QUESTION, text="{options} {0}", options=("{x}", "{question}"))
    asked = text(PromptTemplate("{question}\n{options}\nAnswer:"), odd)
    assert asked.endswith("{options} {0}\nA. {x}\nB. {question}\nAnswer:")


def test_frames_and_times_can_be_told() -> None:
    prompt = PromptTemplate("{frames} frames at {times}: {question}").write(
        CLIP, QUESTION, [0.0, 1.54]
    )
    assert prompt.text == "user: <video>2 frames at 0.0 s, 1.5 s: Who?"


def test_a_kind_of_question_has_its_own_template() -> None:
    template = PromptTemplate("{question}", by="kind", templates={"who": "Name: {question}"})
    assert text(template) == "user: <video>Name: Who?"
    for other in ({"kind": ("why",)}, {}):
        assert text(template, replace(QUESTION, groups=other)) == "user: <video>Who?"


def test_a_question_can_be_asked_without_a_video() -> None:
    assert text(PromptTemplate("{question}", video=False)) == "user: Who?"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("template", "{quest}"),
        ("template", "{"),
        ("template", "{question.x}"),
        ("open_template", "{0}"),
        ("option", "{options}"),
        ("subtitle_block", "{lines}"),
    ],
)
def test_a_template_with_another_place_is_refused(field: str, value: str) -> None:
    fields: dict[str, Any] = {"template": "{question}", field: value}
    with pytest.raises(RequestError, match=rf"^task\.prompt\.{field}: write {{"):
        PromptTemplate(**fields)


def test_a_kinds_template_with_another_place_is_refused_by_its_name() -> None:
    with pytest.raises(RequestError, match=r"^task\.prompt\.templates\.who: write {question}"):
        PromptTemplate("{question}", templates={"who": "{name}"})


@pytest.mark.parametrize(
    ("subtitles", "times", "lines"),
    [
        ("sampled", [0.45, 0.45], ["Hello there.", "General greetings."]),
        ("per_frame", [0.45, 0.45], ["Hello there.", "Hello there."]),
        ("all", [0.45], ["Hello there.", "General greetings.", "Much later."]),
        ("sampled", [5.0], []),
        ("none", [0.45], []),
    ],
)
def test_the_subtitles_shown_are_those_of_the_rule(
    subtitles: Any, times: list[float], lines: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "v.srt"
    file.write_text(SRT)
    template = PromptTemplate(
        "{subtitles}{question}",
        subtitles=subtitles,
        subtitle_block="[{subtitles}] ",
        subtitle_join="/",
    )
    prompt = template.write(replace(CLIP, subtitles=file), QUESTION, times)
    block = f"[{'/'.join(lines)}] " if lines else ""
    assert prompt.text == f"user: <video>{block}Who?"
    assert prompt.subtitles == (None if subtitles == "none" else len(lines))


def test_interleaved_subtitles_need_a_file() -> None:
    prompt = PromptTemplate("{question}", subtitles="interleaved").write(CLIP, QUESTION, [0.0])
    assert (prompt.subtitles, prompt.turns) == (0, (Turn("user", (Video(), Text("Who?"))),))


def test_pictures_stand_before_the_question_and_for_its_options(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{name}.png" for name in "abc")
    for shade, path in enumerate(paths):
        Picture.new("RGB", (2, 3), (shade, 0, 0)).save(path)
    question = replace(QUESTION, options=("", ""), images=paths[:1], option_images=paths[1:])
    prompt = PromptTemplate("{question}\n{options}\nAnswer:").write(CLIP, question, [0.0])
    assert prompt.text == "user: <video><image>Who?\nA. <image>B. <image>\nAnswer:"
    shown = [part.pixels[0, 0, 0] for part in prompt.turns[0].parts if isinstance(part, Image)]
    assert shown == [0, 1, 2]
    assert np.shape(read_image(paths[0])) == (3, 2, 3)


def test_a_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "x.png"
    broken.write_bytes(b"no picture")
    for path in (broken, tmp_path / "missing.png"):
        with pytest.raises(DataError, match="not readable as a picture"):
            read_image(path)


@pytest.mark.parametrize("kind", ["webp", "gif", "png"])
def test_a_moving_picture_is_no_picture(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind}"
    first, *others = (Picture.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 99, 200))
    first.save(path, save_all=True, append_images=others)
    with pytest.raises(DataError, match=rf"a moving picture \({kind.upper()}\), where a"):
        read_image(path)
    first.save(path)
    assert np.shape(read_image(path)) == (8, 8, 3)


def test_a_picture_is_shown_upright(tmp_path: Path) -> None:
    picture = Picture.new("RGB", (2, 3))
    picture.putpixel((1, 0), (255, 0, 0))
    picture.getexif()[0x0112] = 6  # a quarter turn clockwise
    picture.save(tmp_path / "x.png", exif=picture.getexif())
    shown = read_image(tmp_path / "x.png")
    assert np.shape(shown) == (2, 3, 3)
    assert shown[1, 2, 0] == 255


def _said(text: str) -> Response:
    return Response("q", text)
