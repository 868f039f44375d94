"""From KEY=VALUE words and YAML files to a checked request, or one line that says what to write."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from harness.config import compose
from harness.errors import RequestError
from harness.overrides import prepared
from harness.prompts import PromptTemplate
from harness.run.request import Request
from harness.scoring.choice import ChoiceScorer
from harness.types import Prompt, Question, Response, Sample, Score

TASK = """
task:
  _target_: harness.task.Task
  name: mine
  source: {_target_: tests.test_config.Rows, path: "${data}"}
  prompt: {_target_: harness.prompts.PromptTemplate, template: "{question}"}
  scorer: {_target_: harness.scoring.choice.ChoiceScorer}
"""


@dataclass(frozen=True)
class Rows:
    path: str | None = None


@dataclass(frozen=True)
class Named:
    """A model that only needs a name."""

    model: str
    url: str = "http://localhost:8000"

    def identity(self) -> dict[str, str]:
        return {"model": self.model}

    def generate(self, samples: list[Sample], generation: object) -> Iterator[object]:
        yield from ()


@dataclass(frozen=True)
class Judged:
    """A scorer that asks a judge."""

    def judge_prompts(self, question: Question, response: Response) -> list[Prompt]:
        return []

    def score_judged(self, question: Question, response: Response, replies: list[str]) -> Score:
        return Score()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with tasks and a served model of its own."""
    files = {
        "task/mine": "# @package _global_" + TASK,
        "task/deaf": "# @package _global_" + TASK.replace(', path: "${data}"', ""),
        "model/remote": "name: a-name\ngeneration: {temperature: 0.6, top_p: 0.95}\n"
        "sampling: {rule: 'fps:2', frames: 64}\n",
        "model/open": "checkpoint: ???\n",
        "backend/named": "_target_: tests.test_config.Named\nmodel: ${model.name}\n",
    }
    for name, text in files.items():
        path = tmp_path / "configs" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def request(*words: str) -> Request:
    return compose(["task=mine", "backend=fake", *words])


def refused(*words: str) -> str:
    with pytest.raises(RequestError) as error:
        request(*words)
    said = str(error.value)
    assert "\n" not in said
    return said


def test_every_field_can_be_set_whether_the_yaml_names_it_or_not() -> None:
    made = request(
        "task.answer_marker=Answer:",
        "task.scorer.extractor=videomme",
        "task.prompt.system=Look.",
        "task.prompt.template='{question} {options}'",
        "task.metrics.0.counted=answered",
        "task.source.path=/x",
        "generation.top_k=20",
        "generation.temperature=0.5",
        "sampling.short=repeat",
        "video.store_gb=1",
        "video.store=/s",
        "backend.seed=3",
    )
    assert made.benchmark.answer_marker == "Answer:"
    assert made.benchmark.scorer == ChoiceScorer("videomme")
    assert made.benchmark.prompt == PromptTemplate("{question} {options}", system="Look.")
    assert made.benchmark.metrics[0].counted == "answered"  # type: ignore[attr-defined]
    assert made.benchmark.metrics[0].name == "accuracy"
    assert made.benchmark.source == Rows("/x")
    assert (made.generation.top_k, made.sampling.short, made.video.store_gb) == (20, "repeat", 1)
    assert made.backend.seed == 3  # type: ignore[attr-defined]


HOT = "generation.temperature=1"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("task.extracter=x", "task.extracter: no such setting; nearest: task.scorer.extractor"),
        ("task.extractor=x", "task.extractor: no such setting; write task.scorer.extractor"),
        ("task.template=x", "task.template: no such setting; write task.prompt.template"),
        ("task.reader=x", "task.reader: it is now task.scorer.extractor"),
        ("task.reeder=x", "task.reeder: no such setting; nearest: task.scorer.extractor"),
        ("task.aggregate=macro", "task.aggregate: it is now task.metrics (macro: [group])"),
        (
            "task.scorer.extrctor=x",
            "task.scorer.extrctor: no such setting; nearest: task.",
        ),
        (
            "generation.temprature=1",
            "generation.temprature: no such setting; nearest: gener",
        ),
        ("generation.temperature=hot", "generation.temperature='hot': write a number"),
        ("task.breakdowns=[1]", "task.breakdowns.0=1: write a text"),
        ("task.prompt.templates={a: 1}", "task.prompt.templates.a=1: write a text"),
        ("task.metrics.0.macro=[[a]]", "task.metrics.0.macro.0=('a',): write a text"),
        ("task.metrics.7.macro=[a]", "task.metrics.7: there are 1 by default"),
        ("video.timeout=soon", "video.timeout='soon': write a number"),
        ("video.decoder=vlc", "video.decoder='vlc': write pyav | torchcodec | decord"),
        ("frames=many", "frames='many': write a whole number"),
        ("limit=few", "limit='few': write a whole number | null"),
        ("control=blnk", "control='blnk': write none | blank | single_frame"),
        ("frames=0", "frames=0: write 1 or more"),
        ("limit=0", "limit=0: write 1 or more"),
        ("video.timeout=-3", "video.timeout=-3: write 0.001 or more"),
        ("generation.max_new_tokens=0", "generation.max_new_tokens=0: write 1 or more"),
        ("generation.temperature=-1", "generation.temperature=-1: write 0 or more"),
        ("generation.beams=0", "generation.beams=0: write 1 or more"),
        ("generation.repetition_penalty=0", "generation.repetition_penalty=0: write 1e-06 or more"),
        ("task.max_new_tokens=0", "task.max_new_tokens=0: write 1 or more"),
        ("plan=maybe", "plan='maybe': write true | false"),
        ("results=", "results=: name a folder"),
        ("judge.url=x", "judge.url: no judge is chosen: write judge=NAME too"),
        ("task.metrics.-1.macro=[a]", "task.metrics.-1.macro: not the name of a setting"),
        ("task.prompt=[a]", "task.prompt: a list where a mapping stands, or the other way round"),
        ("hydra/launcher=none", "hydra/launcher/none: Hydra has no such file here"),
        ("sampling.by_duration=[[9,8],[6,8]]", "sampling.by_duration: its seconds must ascend"),
        ("sampling.min_frames=99", "sampling.min_frames=99: write 1 to frames=8"),
        ("frmaes=8", "frmaes: no such setting; nearest: frames"),
        (
            "task.scorer.extractor=videomm",
            "task.scorer.extractor=videomm: no such name; nearest: videomme",
        ),
        ("task.scorer=default", "task.scorer='default': write a "),
        ("backend=named", "backend.model=null: write a text"),
        ("backend.model=x", "backend.model: no such setting"),
        ("task=mien", "task=mien: no such task; nearest: mine"),
        ("model.dtype=float16", "model.dtype: backend=fake does not use it"),
    ],
)
def test_a_wrong_setting_is_one_line(word: str, said: str) -> None:
    assert refused(word).startswith(said)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("task.metrics.x.value=a", "'x': no place in a list: its items are 0, 1, …"),
        ("task.metrics.9.value=a", "task.metrics[9]: the list has fewer items, and they are"),
        ("task.metrics={a: 1}", "task.metrics: a list where a mapping stands, or the other way"),
        ("model.dtyp=a", "model.dtyp: no such setting; nearest: model.dtype"),
        ("model.dtype=half", "model.dtype='half': write float16 | bfloat16 | float32"),
        ("backend.dtype=half", "backend.dtype='half': write float16 | bfloat16 | float32"),
        ("backend.device_map=cpu", "backend.device_map=cpu: write auto, balanced, "),
    ],
)
def test_a_wrong_setting_of_the_demo_is_said_by_the_name_that_was_written(
    word: str, said: str
) -> None:
    with pytest.raises(RequestError) as caught:
        compose(["task=demo", "model=tiny_video", word])
    assert str(caught.value).startswith(said)


def test_a_setting_that_nothing_reads_is_refused() -> None:
    assert str(request("data=/some").benchmark.source.path) == "/some"  # type: ignore[attr-defined]
    assert refused("task=deaf", "data=/nope").startswith("data=/nope: task=deaf does not read it")
    assert refused("sampling.frames=4", "frames=8").startswith("frames=8: sampling=linspace sets")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generation.top_p=0.9"], "generation.top_p=0.9: nothing is drawn at temperature 0"),
        ([HOT, "generation.top_p=3"], "generation.top_p=3: write 1 or less"),
        ([HOT, "generation.top_p=0"], "generation.top_p=0: write 1e-06 or more"),
        ([HOT, "generation.top_k=-2"], "generation.top_k=-2: write 0 or more"),
        ([HOT, "generation.min_p=7"], "generation.min_p=7: write 1 or less"),
        (["generation.temperature=inf"], "generation.temperature=inf: write a finite number"),
        (["task.prompt.templates={a: x}", "+judge={a: [nan]}"], "judge.a.0=nan: write a finite"),
        (["frames=10000000"], "frames=10000000: write 1000000 or less"),
        (["task=3"], "task=3: no such task"),
        (["model=true"], "model=true: no such model"),
        (["model=null"], "model=null: no such model"),
        (["judge=null"], "judge=null: no such judge"),
        (["results=a\0b"], "'results=a\\x00b': holds what is no character of UTF-8"),
        (["task.prompt.system=\ud83d"], "'task.prompt.system=\\ud83d': holds what is no char"),
        (["generation.seed=1"], "generation.seed=1: nothing is drawn at temperature 0"),
        (
            ["generation=letters", "generation.temperature=1"],
            "generation.temperature=1: letters are compared, nothing is generated",
        ),
        (
            ["model.generation.top_p=0.9"],
            "model.generation.top_p: generation=greedy does not use the model's card: write "
            "generation=card too, or generation.top_p=VALUE",
        ),
        (
            ["backend=transformers", "model=tiny_video", "model.generation.temprature=1"],
            "model.generation.temprature: generation=greedy does not use the model's card: write "
            "generation=card too; nearest: temperature",
        ),
        (
            ["+model.sampling={rule: linspace}"],
            "model.sampling: sampling=linspace does not use the model's card",
        ),
        (
            ["model=remote", "generation=card", "model.generation.temprature=1"],
            "model.generation.temprature: no such setting; nearest: model.generation.temperature",
        ),
        (
            ["model=remote", "sampling=card", "model.sampling.frames=x"],
            "model.sampling.frames='x': write a whole number",
        ),
        (
            ["model=remote", "sampling=card", "sampling.frames=x"],
            "sampling.frames='x': write a whole number",
        ),
        (["video.store_gb=9"], "video.store_gb=9: no frames are kept: set video.store too"),
        (
            ["video.workers=0", "video.in_flight=2"],
            "video.in_flight=2: nothing is read ahead without workers",
        ),
        (
            ["video.decoder=decord", "video.damaged=partial"],
            "video.damaged=partial: video.decoder=decord cannot tell a damaged video",
        ),
        (
            ["+judge={_target_:tests.test_config.Named,model:j}"],
            "judge: ChoiceScorer, the scorer of task mine, asks no judge",
        ),
    ],
)
def test_a_setting_without_effect_is_refused(words: list[str], said: str) -> None:
    assert refused(*words).startswith(said)


def test_settings_that_take_effect_together_are_not_refused() -> None:
    made = request("generation.temperature=1", "generation.top_p=0.9", "generation.seed=1")
    assert (made.generation.temperature, made.generation.top_p) == (1, 0.9)
    assert request("video.store=/x", "video.store_gb=9").video.store_gb == 9


def test_a_path_may_hold_anything() -> None:
    for path in ("/my videos/(new), all", "/it's here", "/a=b", "/b\\c d", "/b\\'c \\", "/ü[1]"):
        assert request(f"data={path}").benchmark.source.path == path  # type: ignore[attr-defined]


def test_a_text_may_hold_what_hydra_s_grammar_does_not() -> None:
    for text in ("!", "Answer: (", "{question}?", "a # b", "50%", 'it\'s "so"'):
        system = text if "{" not in text else "x"
        made = request(f"task.prompt.system={system}", f"task.answer_marker={text}")
        assert made.benchmark.answer_marker == text
    assert request("task.prompt.template={question} {options}!").benchmark.prompt.template == (  # type: ignore[attr-defined]
        "{question} {options}!"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frames", "8"], "frames 8: write frames=8"),
        (["frames 8"], "frames 8: write frames=8"),
        (["--frames", "8"], "--frames 8: write frames=8"),
        (["--frames=8"], "--frames=8: write frames=8, without dashes"),
        (
            ["data=/my", "holiday/x"],
            "holiday/x: not KEY=VALUE; a value with spaces goes into ",
        ),
        (["fraems"], "fraems: not KEY=VALUE; nearest: frames"),
    ],
)
def test_words_that_are_no_settings(words: list[str], said: str) -> None:
    with pytest.raises(RequestError) as error:
        prepared(words)
    assert str(error.value).startswith(said)


def test_a_model_that_only_needs_a_name() -> None:
    made = compose(["task=mine", "model=remote", "backend=named"])
    assert made.backend == Named("a-name")
    assert made.model == "a-name"
    assert (
        compose(["task=mine", "model=remote", "backend=named", "backend.url=x"]).backend.url == "x"
    )  # type: ignore[attr-defined]


def test_generation_as_the_model_s_card_or_the_protocol_says() -> None:
    words = ["task=mine", "model=remote", "backend=named"]
    assert compose(words).generation.max_new_tokens == 16
    assert compose([*words, "task.max_new_tokens=99"]).generation.max_new_tokens == 99
    card = compose([*words, "generation=card", "generation.top_p=0.5"]).generation
    assert (card.temperature, card.top_p, card.max_new_tokens) == (0.6, 0.5, 16)
    own = compose([*words, "generation=card", "model.generation.top_p=0.5"]).generation
    assert (own.temperature, own.top_p) == (0.6, 0.5)
    assert request("model=remote", "generation=card", "model.generation.top_k=3").generation.top_k
    assert "no generation settings of its card" in refused("generation=card")
    assert compose([*words, "decoding=letters"]).generation.letters


def test_a_commit_is_of_the_checkpoint_that_its_yaml_names() -> None:
    own = compose(["model=qwen2_5_vl_7b"]).settings["backend"]
    assert len(own["revision"]) == 40
    other = compose(["model=qwen2_5_vl_7b", "model.checkpoint=me/mine"]).settings["backend"]
    assert (other["checkpoint"], other["revision"]) == ("me/mine", None)
    both = compose(["model=qwen2_5_vl_7b", "model.checkpoint=me/mine", "model.revision=v1"])
    assert both.settings["backend"]["revision"] == "v1"
    source = compose(["task=videomme", "task.source.repo=me/data"]).settings["task"]["source"]
    assert (source["repo"], source["revision"]) == ("me/data", "")
    assert compose(["task=videomme"]).settings["task"]["source"]["revision"]


def test_sampling_as_the_model_s_card_says() -> None:
    words = ["task=mine", "model=remote", "backend=named"]
    made = compose([*words, "sampling=card", "sampling.short=repeat"]).sampling
    assert (made.rule, made.frames, made.short) == ("fps:2", 64, "repeat")
    assert refused(*words[1:], "sampling=card", "frames=8").startswith("frames=8: sampling=card")


def test_the_backend_is_told_how_many_frames_there_will_be() -> None:
    own = "+model.sampling={rule: linspace, frames: 64}"
    for words, frames in (
        (["frames=4"], 4),
        (["sampling.frames=6"], 6),
        ([own, "sampling=card"], 64),
        ([own, "sampling=card", "sampling.frames=7"], 7),
    ):
        made = compose(["task=mine", "model=tiny_video", *words])
        assert made.backend.frames == made.sampling.frames == frames  # type: ignore[attr-defined]


def test_a_name_that_is_built_in_too_is_refused(folder: Path) -> None:
    (folder / "configs" / "model" / "tiny_video.yaml").write_text("name: mine\n")
    assert refused("model=tiny_video").startswith(
        "model=tiny_video: configs/model/tiny_video.yaml has the name of a built-in one; rename it"
    )
    assert request("model=tiny_image").model == "fake"


def test_what_a_model_leaves_open_must_be_said() -> None:
    assert "model.checkpoint" in refused("backend=transformers", "model=open")


def test_a_judge_is_built_and_kept() -> None:
    judged = request(
        "+judge={_target_:tests.test_config.Named,model:j}",
        "task.scorer={_target_:tests.test_config.Judged}",
    )
    assert judged.judge == Named("j")
    assert request().judge is None


def test_hydra_s_state_does_not_leak() -> None:
    before = list(sys.argv)
    request()
    refused("task=mien")
    assert not GlobalHydra.instance().is_initialized()
    assert sys.argv == before


def test_a_key_of_a_model_s_yaml_that_nothing_uses_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for group in ("model", "backend"):
        (tmp_path / "configs" / group).mkdir(parents=True, exist_ok=True)
    own = "_target_: harness.models.fake.Fake\nrule: ${model.rule}\n"
    (tmp_path / "configs" / "backend" / "own.yaml").write_text(own)
    card = tmp_path / "configs" / "model" / "mine.yaml"
    card.write_text("checkpoint: null\nrule: first\n")
    assert compose(["model=mine", "backend=own"]).model == "mine"
    card.write_text("checkpoint: null\nrule: first\nfrobnicate: 1\n")
    for backend in ("own", "fake"):
        with pytest.raises(RequestError, match=r"^model.frobnicate: configs/model/mine.yaml sets"):
            compose(["model=mine", f"backend={backend}"])
    card.write_text("checkpoint: null\nrule: first\n")  # another backend's own, and not this one's
    assert compose(["model=mine", "backend=fake"]).model == "fake"
