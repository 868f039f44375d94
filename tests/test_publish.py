"""A run as others take it, held against their own readers where these are installed."""

import base64
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import types
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from harness.cli import main
from harness.errors import RequestError
from harness.report import imported
from harness.report.publish import hub, loggers
from tests.hub import MODEL, REPO, Hub, point_at, serving
from tests.runs import record, records, right, write

BOARD = {"name": "x", "tasks": [{"id": "test"}]}


@pytest.fixture
def run(tmp_path):
    answers = [*records(30, 0.6), record(30, "no idea"), record(31, None)]
    return write(tmp_path / "results", answers, model="org/model")


def published(run, out, *words):
    assert main(["publish", str(run.folder), "-o", str(out), *words]) == 0


def test_the_hubs_entry_holds_value_interval_n_and_protocol(tmp_path):
    run = write(tmp_path, records(30, 0.6), model="m")
    made = hub.entry(run, BOARD, dataset="org/data", url="https://example.org/run")
    assert made["dataset"] == {"id": "org/data", "task_id": "test"}
    assert made["value"] == pytest.approx(100 * run.summary.main.estimate.value, abs=0.05)
    assert made["source"]["url"] == "https://example.org/run"
    for told in ("95% interval", "30 questions", "8 frames", run.id):
        assert told in made["notes"]
    assert yaml.safe_load(hub.text(made)) == [made]


def test_the_hub_takes_only_a_task_of_the_data_sets_own_eval_yaml(tmp_path):
    run = write(tmp_path, records(30, 0.6))
    two = {"tasks": [{"id": "a"}, {"id": "b"}]}
    assert hub.entry(run, two, dataset="o/d", task_id="b")["dataset"]["task_id"] == "b"
    for board, wanted, said in ((two, "", "several tasks"), (two, "c", "no task 'c'")):
        with pytest.raises(RequestError, match=said):
            hub.entry(run, board, dataset="o/d", task_id=wanted)
    with pytest.raises(RequestError, match="names no task"):
        hub.entry(run, {}, dataset="o/d")
    with pytest.raises(RequestError, match="--dataset"):
        hub.entry(run, BOARD)


def test_a_part_a_control_or_an_incomplete_run_is_no_result(tmp_path, run):
    with pytest.raises(RequestError, match="incomplete"):
        hub.entry(run, BOARD, dataset="o/d")
    for asked in ({"control": "blank"}, {"limit": 3}):
        with pytest.raises(RequestError, match="whole benchmark"):
            hub.entry(write(tmp_path, records(6), **asked), BOARD, dataset="o/d")


def test_the_hubs_file_is_written_where_the_hub_looks(tmp_path):
    run, board = write(tmp_path / "results", records(6)), tmp_path / "eval.yaml"
    board.write_text(yaml.safe_dump(BOARD))
    published(run, tmp_path, "--to", "hub", "--dataset", "o/d", "--board", str(board))
    (made,) = yaml.safe_load((tmp_path / ".eval_results" / "demo.yaml").read_text())
    assert made["dataset"]["task_id"] == "test"


@pytest.fixture
def pushed(tmp_path, monkeypatch):
    """Pushes a run to a hub that knows the token "mine", with its eval.yaml among its files."""
    run = write(tmp_path / "results", records(6))
    with serving(Hub({"eval.yaml": yaml.safe_dump(BOARD).encode()}, writers="mine")) as served:
        point_at(served, monkeypatch, tmp_path / "cache")
        monkeypatch.setenv("HF_TOKEN", "mine")

        def push(repo=MODEL):
            published(run, tmp_path, "--to", "hub", "--dataset", REPO, "--push", repo)

        yield push, served, tmp_path / ".eval_results" / "demo.yaml"


def test_a_pull_request_adds_the_file_to_the_models_repository(pushed, capsys):
    push, served, path = pushed
    push()
    assert capsys.readouterr().out.strip() == f"{served.endpoint}/{MODEL}/discussions/1"
    ((head, file),) = served.opened
    assert head["value"]["summary"] == "Add an evaluation result (demo)"
    assert file["value"]["path"] == ".eval_results/demo.yaml"
    assert base64.b64decode(file["value"]["content"]) == path.read_bytes()


def test_a_result_that_stands_there_already_is_not_sent_again(pushed, capsys):
    push, served, path = pushed
    push()
    served.model[".eval_results/demo.yaml"] = path.read_bytes()
    capsys.readouterr()
    push()
    shown = capsys.readouterr().out.strip()
    assert shown == f"{served.endpoint}/{MODEL}/blob/main/.eval_results/demo.yaml"
    assert len(served.opened) == 1


def test_a_refusal_and_a_hub_that_is_gone_are_one_line(pushed, monkeypatch):
    push, _, _ = pushed
    with pytest.raises(RequestError, match=r"refused the pull request.*404"):
        push("owner/other")
    monkeypatch.setenv("HF_TOKEN", "theirs")
    with pytest.raises(RequestError, match="hf auth login") as told:
        push()
    assert "\n" not in str(told.value)
    with pytest.raises(RequestError, match="not sent"):
        push("no such/name/at all")


def test_every_eval_evers_samples_leave_out_what_has_no_score(tmp_path, run, capsys):
    published(run, tmp_path, "--to", "every_eval_ever", "--organization", "us")
    path = tmp_path / "data" / "demo" / "org" / "model"
    if not path.exists():  # the checkpoint's name decides
        (path,) = [p.parent for p in tmp_path.glob("data/*/*/*/*_samples.jsonl")]
    (samples,) = path.glob("*_samples.jsonl")
    (whole,) = set(path.glob("*.json"))
    made, lines = json.loads(whole.read_text()), samples.read_text().splitlines()
    expected = sum(r.score is not None and bool(r.score.values) for r in run.records)
    worst = run.metrics[0].worth(next(r for r in run.records if r.status == "unparsed"))
    assert len(lines) == expected + (worst is not None)
    assert made["detailed_evaluation_results"]["total_rows"] == len(lines)
    first = made["evaluation_results"][0]["score_details"]
    assert first["score"] == run.summary.main.estimate.value
    interval = first["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"]) == run.summary.main.estimate.ci95
    mean = sum(json.loads(line)["evaluation"]["score"] for line in lines) / len(lines)
    assert mean == pytest.approx(first["score"])
    assert "have no score" in capsys.readouterr().err


def test_every_eval_evers_own_validator_passes(tmp_path, run):
    validator = os.environ.get("EVERY_EVAL_EVER") or shutil.which("every_eval_ever")
    if not validator:
        pytest.skip("every-eval-ever (for Python 3.12) is not installed: no validator")
    published(run, tmp_path, "--to", "every_eval_ever", "--organization", "us")
    files = [str(p) for p in sorted((tmp_path / "data").rglob("*.json*"))]
    assert len(files) == 2
    done = subprocess.run(
        [validator, "validate", *files], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_inspect_reads_its_log_again(tmp_path, run):
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    published(run, tmp_path, "--to", "inspect")
    read = log.read_eval_log(str(tmp_path / f"{run.id}.eval"))
    assert len(read.samples) == len(run.records)
    by = {sample.id: sample for sample in read.samples}
    failed = next(r for r in run.records if r.status == "failed")
    assert not by[failed.key].scores
    assert [message.role for message in by[failed.key].messages] == ["user"]
    answered = run.records[0]
    asked, said = by[answered.key].messages
    assert (asked.content, said.content) == (answered.prompt, answered.response.text)
    assert read.stats.completed_at > read.stats.started_at
    metrics = read.results.scores[0].metrics
    assert metrics["accuracy"].value == run.summary.main.estimate.value


def test_inspect_view_opens_the_log(tmp_path, run):
    pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")
    published(run, tmp_path, "--to", "inspect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "inspect_ai", "view", "start", "--port", str(port)]
    with (tmp_path / "view.log").open("w") as said:
        viewer = subprocess.Popen(
            [*command, "--log-dir", str(tmp_path)], cwd=tmp_path, stdout=said, stderr=said
        )
    try:
        (log,) = asked(viewer, port, "log-files")["files"]
        shown = asked(viewer, port, f"logs/{quote(log['name'], safe='')}")
    finally:
        viewer.terminate()
        viewer.wait()
    assert shown["eval"]["run_id"] == run.id
    assert len(shown["samples"]) == len(run.records)
    metrics = shown["results"]["scores"][0]["metrics"]
    assert metrics["accuracy"]["value"] == run.summary.main.estimate.value


def asked(viewer, port, what):
    """What the viewer answers, once it listens."""
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/{what}") as answer:
                return json.load(answer)
        except URLError as error:
            if isinstance(error, HTTPError) or viewer.poll() is not None:
                raise
            time.sleep(0.1)


def test_without_inspect_it_is_said_what_to_install(tmp_path, run, monkeypatch):
    for module in ("inspect_ai", "inspect_ai.log"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RequestError, match="pip install inspect-ai"):
        main(["publish", str(run.folder), "--to", "inspect"])


def test_what_lmms_eval_reads_comes_back_as_it_went(tmp_path):
    run = write(tmp_path / "results", [record(i, right(i)) for i in range(6)])
    published(run, tmp_path, "--to", "lmms")
    (path,) = tmp_path.glob("*_samples_demo.jsonl")
    again = imported.take_in(path, tmp_path / "imported", model="m")
    assert [r.response.text for r in again.records] == [r.response.text for r in run.records]
    assert again.summary.main.estimate.value == 1.0
    assert json.loads(path.read_text().splitlines()[0])["accuracy"] == 1.0


def test_a_failure_has_no_response_and_no_metric_for_lmms_eval(tmp_path, run):
    published(run, tmp_path, "--to", "lmms")
    (path,) = tmp_path.glob("*_samples_demo.jsonl")
    lines = {o["doc"]["question_id"]: o for o in map(json.loads, path.read_text().splitlines())}
    failed = next(r for r in run.records if r.status == "failed")
    assert lines[failed.key]["resps"] == []
    assert "accuracy" not in lines[failed.key]


class Refusal(Exception):
    """As mlflow's and wandb's own."""


@pytest.mark.parametrize(
    ("form", "module"),
    [
        ("mlflow", {"set_experiment": None, "exceptions": {"MlflowException": Refusal}}),
        ("wandb", {"init": None, "errors": {"Error": Refusal}}),
    ],
)
def test_what_a_logger_refuses_is_said_in_one_line(run, tmp_path, monkeypatch, form, module):
    def refuse(*_, **__):
        raise Refusal("no such store\n(log in)")

    parts = {k: types.SimpleNamespace(**v) if v else refuse for k, v in module.items()}
    monkeypatch.setitem(sys.modules, form, types.SimpleNamespace(**parts))
    with pytest.raises(RequestError, match=rf"publish --to {form}: no such store \(log in\)"):
        published(run, tmp_path, "--to", form)


def test_without_a_logger_it_is_said_what_to_install(run, tmp_path, monkeypatch):
    for form in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, form, None)
        with pytest.raises(RequestError, match=f"pip install {form}"):
            published(run, tmp_path, "--to", form)


def separately(code, folder, **environment):
    """What a new process prints: loggers start threads and servers that outlive a test."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, **environment},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def logged(run, form):
    words = ["publish", str(run.folder), "--to", form, "--project", "p"]
    return f"from harness.cli import main; main({words!r}); main({words!r})\n"


def test_mlflow_itself_keeps_every_number_once(tmp_path, run):
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed")
    read = (
        "import json, mlflow\n"
        "runs = mlflow.search_runs(experiment_names=['p'], output_format='list')\n"
        "print(json.dumps([[r.data.params['id'], r.data.metrics] for r in runs]))"
    )
    store = f"sqlite:///{tmp_path / 'store.db'}"
    ((name, metrics),) = json.loads(
        separately(logged(run, "mlflow") + read, tmp_path, MLFLOW_TRACKING_URI=store)
    )
    assert name == run.id
    assert metrics == pytest.approx(loggers.numbers(run))
    assert metrics["count/failed"] == 1


def test_wandb_itself_writes_a_run_offline(tmp_path, run):
    if importlib.util.find_spec("wandb") is None:
        pytest.skip("wandb is not installed")
    separately(logged(run, "wandb"), tmp_path, WANDB_MODE="offline", WANDB_SILENT="true")
    files = list((tmp_path / "wandb").glob(f"offline-run-*-{run.id}/run-{run.id}.wandb"))
    assert files
    held = b"".join(file.read_bytes() for file in files)
    assert all(name.encode() in held for name in loggers.numbers(run))
