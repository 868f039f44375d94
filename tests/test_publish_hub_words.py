"""What the hub is sent and asked, and what is said where it refuses, to the word."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, RequestError
from harness.report.publish import hub


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "o/d: its eval.yaml cannot be had (FileNotFoundError); only a data set with one "
               "takes results: name another with --dataset, or give it with --board"),
        ("{", "o/d: its eval.yaml is no YAML"),
        ("- a", "o/d: its eval.yaml holds no tasks"),
    ],
)  # fmt: skip
def test_an_eval_yaml_that_is_none(
    text: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(*words: str, **told: str) -> str:
        asked.append((words, told))
        return str(tmp_path / "eval.yaml")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    if text is not None:
        (tmp_path / "eval.yaml").write_text(text)
    with pytest.raises(DataError) as refused:
        hub.board_of("o/d")
    assert str(refused.value) == said
    assert asked == [(("o/d", "eval.yaml"), {"repo_type": "dataset"})]
    (tmp_path / "eval.yaml").write_text("name: é\ntasks: [{id: a}]", encoding="utf-8")
    assert hub.board_of("o/d") == {"name": "é", "tasks": [{"id": "a"}]}


@pytest.mark.parametrize(
    ("pr_url", "address"),
    [
        ("https://hub/pr/1", "https://hub/pr/1"),
        (None, "https://hub/m/blob/main/.eval_results/a.yaml"),
    ],
)
def test_what_a_pull_request_holds(
    pr_url: str | None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []

    def upload(_: object, **told: Any) -> object:
        sent.append(told)
        return types.SimpleNamespace(pr_url=pr_url, repo_url="https://hub/m")

    monkeypatch.setattr("huggingface_hub.HfApi.upload_file", upload)
    path = Path("out/a.yaml")
    assert hub.push(path, "o/m") == address
    assert sent == [
        {"path_or_fileobj": path, "path_in_repo": ".eval_results/a.yaml", "repo_id": "o/m",
         "create_pr": True, "commit_message": "Add an evaluation result (a)"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "login"),
    [(401, "; log in with `hf auth login`"), (403, "; log in with a token that may write"),
     (404, "")],
)  # fmt: skip
def test_what_is_said_of_a_refusal(
    status: int, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    error = HfHubHTTPError.__new__(HfHubHTTPError)
    Exception.__init__(error, "no such\nplace")
    error.response = types.SimpleNamespace(status_code=status)  # type: ignore[assignment]
    for raised, said in (
        (error, f"--push o/m: the hub refused the pull request (no such place){login}"),
        (OSError("gone"), "--push o/m: not sent (gone)"),
    ):

        def upload(_: object, error: Exception = raised, **__: Any) -> object:
            raise error

        monkeypatch.setattr("huggingface_hub.HfApi.upload_file", upload)
        with pytest.raises(RequestError) as refused:
            hub.push(Path("a.yaml"), "o/m")
        assert str(refused.value) == said
