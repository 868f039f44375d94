"""Readers: the default against a table written first, the others against their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scoring.readers import READERS, VERDICTS, option_text, right

OPTIONS = {
    "T": ("red car", "blue truck", "green bus", "yellow van"),
    "N": ("1", "2", "3", "4", "5"),
    "Y": ("yes", "no"),
    "M": (
        "A man is running",
        "A woman is cooking dinner",
        "A dog chases a cat",
        "None of the above",
    ),
    "O": ("Red", "Red and blue", "Blue", "Neither of them"),
    "V": ("Vitamin C", "Vitamin D", "Vitamin A", "Vitamin B"),
    "S": (
        "He opens the door.",
        "He closes the door.",
        "He opens the window.",
        "He closes the window.",
    ),
    "J": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "D": ("walking", "running", "walking", "sitting"),
}
LETTERS = "ABCDEFGHIJ"


def table() -> list[tuple[str | None, str, str]]:
    """(expected, options, response) of readers.tsv."""
    rows = []
    lines = (Path(__file__).parent / "readers.tsv").read_text(encoding="utf-8").split("\n")
    for line in lines:
        if line and not line.startswith("#"):
            expected, options, response = line.split("\t")
            response = response.replace(r"\n", "\n").replace(r"\\", "\\")
            rows.append((None if expected == "-" else expected, options, response))
    return rows


ROWS = table()


def test_the_table_is_large_enough() -> None:
    assert len(ROWS) >= 200


@pytest.mark.parametrize(("expected", "options", "response"), ROWS)
def test_default_reads_as_a_careful_human(
    expected: str | None, options: str, response: str
) -> None:
    assert READERS["default"](response, OPTIONS[options]) == expected


@pytest.mark.parametrize(("expected", "options", "response"), ROWS)
def test_options_may_carry_their_letters(expected: str | None, options: str, response: str) -> None:
    listed = [f"{x}. {text}" for x, text in zip(LETTERS, OPTIONS[options], strict=False)]
    assert READERS["default"](response, listed) == expected
