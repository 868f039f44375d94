"""Thinking is told from the answer by the model's own marks, closed or not."""

from __future__ import annotations

import pytest

from harness.models.thinking import holds, opens, split


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("B", False, ("", "B", True)),
        ("<think>A or B?</think>\n\nB", False, ("A or B?", "B", True)),
        ("<think>\n\n</think>\n\nB", False, ("", "B", True)),
        ("A or B?</think>B", True, ("A or B?", "B", True)),
        ("A or B?</think>B", False, ("A or B?", "B", True)),
        ("<think>A or B?</think>B", True, ("A or B?", "B", True)),
        (
            "<think>The answer is B. Wait, let me",
            False,
            ("The answer is B. Wait, let me", "", False),
        ),
        ("The answer is B. Wait", True, ("The answer is B. Wait", "", False)),
        ("<think>one</think>B<think>two</think> C", False, ("one\ntwo", "B C", True)),
        ("◁think▷A or B?◁/think▷B", False, ("A or B?", "B", True)),
        ("<|channel>thought\nA or B?<channel|>B", False, ("A or B?", "B", True)),
        (
            "<|channel|>analysis<|message|>A or B?<|end|>"
            "<|start|>assistant<|channel|>final<|message|>B<|return|>",
            False,
            ("A or B?", "B", True),
        ),
        ("<|channel|>analysis<|message|>A or", False, ("A or", "", False)),
        ("<|channel|>final<|message|>B<|return|>", False, ("", "B", True)),
    ],
)
def test_split(text: str, opened: bool, expected: tuple[str, str, bool]) -> None:
    assert split(text, opened) == expected


def test_marks_are_found() -> None:
    assert opens("<|im_start|>assistant\n<think>\n")
    assert opens("assistant: ◁think▷")
    assert not opens("<think>\n\n</think>\n\n")
    assert holds("x</think>")
    assert not holds("I think")
