"""Readers: the default against a table written first, the others against their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scoring.options import without_prefixes
from harness.scoring.extractors import READERS, VERDICTS, option_text, right

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


HERE = Path(__file__).parent


def table() -> list[tuple[str | None, str, str]]:
    """(expected, options, response) of readers.tsv."""
    rows = []
    lines = (HERE / "readers.tsv").read_text(encoding="utf-8").split("\n")
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


def truth() -> list[tuple[str, str, str]]:
    """(reader, response, outcome) of truth_table.tsv."""
    lines = (HERE / "truth_table.tsv").read_text(encoding="utf-8").splitlines()
    head, *rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [
        (name, row[0], outcome)
        for row in rows
        for name, outcome in zip(head[1:], row[1:], strict=True)
    ]


TRUTH = truth()
JUDGING = ("mvbench", "mvbench_lmms", "mlvu", "tempcompass")


def test_every_named_rule_has_its_column() -> None:
    assert {name for name, _, _ in TRUTH} <= set(READERS)
    assert len(TRUTH) == 13 * 26


@pytest.mark.parametrize(("reader", "response", "outcome"), TRUTH)
def test_named_rules_do_what_their_sources_did(reader: str, response: str, outcome: str) -> None:
    if reader in JUDGING:
        expected = {"ok": True, "wrong": False, "-": None}[outcome]
        found = right(reader, response, OPTIONS["T"], "B")
        assert found == expected or (expected is False and found is None)
    else:
        assert READERS[reader](response, OPTIONS["T"]) == (None if outcome == "-" else outcome)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "response", ["", " ", "B", "(" * 5000, "\x00\ud7ff", "é" * 300, "A\n" * 999]
)
def test_no_reader_fails_or_invents_a_letter(reader: str, response: str) -> None:
    read = READERS[reader](response, OPTIONS["T"])
    assert read is None or read in "ABCDEFGH"
    assert READERS[reader](response, ()) in (None, *"ABCDEFGHIJ")


def test_mvbench_accepts_the_empty_response_for_any_gold_option() -> None:
    assert all(VERDICTS["mvbench"]("", OPTIONS["T"], gold) for gold in "ABCD")
    assert READERS["mvbench"]("", OPTIONS["T"]) is None
    assert right("mvbench", "b) blue truck", OPTIONS["T"], "B") is True
    assert right("mvbench", "The answer is (B)", OPTIONS["T"], "B") is None or not right(
        "mvbench", "The answer is (B)", OPTIONS["T"], "B"
    )


def test_mlvu_reads_before_the_first_bracket_only() -> None:
    assert READERS["mlvu"]("C) green bus (B)", OPTIONS["T"]) == "C"
    assert READERS["mlvu"](") B", OPTIONS["T"]) is None


def test_tempcompass_yes_no_goes_by_the_first_letters() -> None:
    assert READERS["tempcompass"]("Yes, it is.", ("yes", "no")) == "A"
    assert READERS["tempcompass"]("Nothing moves.", ("yes", "no")) == "B"
    assert READERS["tempcompass"]("The answer is yes", ("yes", "no")) is None


@pytest.mark.parametrize(
    ("response", "read"),
    [
        ("Option 2: He falls.", "B"),
        ("He falls.", "B"),
        ("(2) He falls.", "B"),
        ("Option 2", "B"),
        ("Option 2.", "B"),
        ("2", "B"),
        ("2.", "B"),
        ("B", None),
        ("Option 2 is right", None),
    ],
)
def test_tempcompass_captions_go_by_their_labels(response: str, read: str | None) -> None:
    assert READERS["tempcompass"](response, ("Option 1: He sits.", "Option 2: He falls.")) == read


def test_tomato_reads_a_letter_a_line_in_capitals_or_answer_is() -> None:
    assert READERS["tomato"]("b", OPTIONS["T"]) == "B"
    assert READERS["tomato"]("Answer is:(C)", OPTIONS["T"]) == "C"
    assert READERS["tomato"]("A: 1 CAR", ("1 CAR", "2 CARS")) == "A"
    assert READERS["tomato"]("A: red car", OPTIONS["T"]) is None
    assert READERS["tomato"]("The answer is B", OPTIONS["T"]) is None


def test_lmms_rules_stop_where_their_lists_stop() -> None:
    options = OPTIONS["J"]
    assert READERS["lmms_mcq"]("F", options) is None
    assert READERS["longvideobench_lmms"]("E", options) == "E"
    assert READERS["videomme_v2"]("The answer is H", options) == "H"


def test_texts_lose_their_letters_only_all_together() -> None:
    assert without_prefixes(["A. one", "B) two", "(C) three"]) == ("one", "two", "three")
    assert without_prefixes(["B. Obama", "A. Lincoln"]) == ("B. Obama", "A. Lincoln")
    assert without_prefixes(["A. Lincoln", "Obama"]) == ("A. Lincoln", "Obama")


def test_option_texts_need_no_letters() -> None:
    assert option_text("It is a blue truck.", OPTIONS["T"]) == "B"
    assert option_text("B", OPTIONS["T"]) is None
