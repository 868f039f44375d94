"""Extractors: the default against a table written first, the others against their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scoring.extractors import EXTRACTORS, VERDICTS, option_text, right
from harness.scoring.extractors.markup import clean
from harness.scoring.options import without_prefixes

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
    "P": (
        "He opens the door and leaves the room.",
        "He closes the window.",
        "He sits down on the sofa and reads a book.",
        "None of the above",
    ),
    "W": ("3", "4", "5", "12"),
    "G": ("two dogs", "three dogs", "two cats", "no animal"),
    "R": ("hoping for rain", "hopping for rain", "x", "y"),
    "D": ("walking", "running", "walking", "sitting"),
    "E": ("yes", "no", "only at the end"),
    "Q": ("+", "-", "="),
}
LETTERS = "ABCDEFGHIJ"


HERE = Path(__file__).parent


def table() -> list[tuple[str | None, str, str]]:
    """(expected, options, response) of extractors.tsv."""
    rows = []
    lines = (HERE / "extractors.tsv").read_text(encoding="utf-8").split("\n")
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
    assert EXTRACTORS["default"](response, OPTIONS[options]) == expected


@pytest.mark.parametrize(("expected", "options", "response"), ROWS)
def test_options_may_carry_their_letters(expected: str | None, options: str, response: str) -> None:
    listed = [f"{x}. {text}" for x, text in zip(LETTERS, OPTIONS[options], strict=False)]
    assert EXTRACTORS["default"](response, listed) == expected


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
    assert {name for name, _, _ in TRUTH} <= set(EXTRACTORS)
    assert len(TRUTH) == 13 * 26


@pytest.mark.parametrize(("reader", "response", "outcome"), TRUTH)
def test_named_rules_do_what_their_sources_did(reader: str, response: str, outcome: str) -> None:
    if reader in JUDGING:
        expected = {"ok": True, "wrong": False, "-": None}[outcome]
        found = right(reader, response, OPTIONS["T"], "B")
        assert found == expected or (expected is False and found is None)
    else:
        assert EXTRACTORS[reader](response, OPTIONS["T"]) == (None if outcome == "-" else outcome)


@pytest.mark.parametrize("reader", EXTRACTORS)
@pytest.mark.parametrize(
    "response", ["", " ", "B", "(" * 5000, "\x00\ud7ff", "é" * 300, "A\n" * 999]
)
def test_no_reader_fails_or_invents_a_letter(reader: str, response: str) -> None:
    read = EXTRACTORS[reader](response, OPTIONS["T"])
    assert read is None or read in "ABCDEFGH"
    assert EXTRACTORS[reader](response, ()) in (None, *"ABCDEFGHIJ")


def test_mvbench_accepts_the_empty_response_for_any_gold_option() -> None:
    assert all(VERDICTS["mvbench"]("", OPTIONS["T"], gold) for gold in "ABCD")
    assert EXTRACTORS["mvbench"]("", OPTIONS["T"]) is None
    assert right("mvbench", "b) blue truck", OPTIONS["T"], "B") is True
    assert right("mvbench", "The answer is (B)", OPTIONS["T"], "B") is None or not right(
        "mvbench", "The answer is (B)", OPTIONS["T"], "B"
    )


def test_mlvu_reads_before_the_first_bracket_only() -> None:
    assert EXTRACTORS["mlvu"]("C) green bus (B)", OPTIONS["T"]) == "C"
    assert EXTRACTORS["mlvu"](") B", OPTIONS["T"]) is None


def test_tempcompass_yes_no_goes_by_the_first_letters() -> None:
    assert EXTRACTORS["tempcompass"]("Yes, it is.", ("yes", "no")) == "A"
    assert EXTRACTORS["tempcompass"]("Nothing moves.", ("yes", "no")) == "B"
    assert EXTRACTORS["tempcompass"]("The answer is yes", ("yes", "no")) is None


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
    assert (
        EXTRACTORS["tempcompass"](response, ("Option 1: He sits.", "Option 2: He falls.")) == read
    )


def test_tomato_reads_a_letter_a_line_in_capitals_or_answer_is() -> None:
    assert EXTRACTORS["tomato"]("b", OPTIONS["T"]) == "B"
    assert EXTRACTORS["tomato"]("Answer is:(C)", OPTIONS["T"]) == "C"
    assert EXTRACTORS["tomato"]("A: 1 CAR", ("1 CAR", "2 CARS")) == "A"
    assert EXTRACTORS["tomato"]("A: red car", OPTIONS["T"]) is None
    assert EXTRACTORS["tomato"]("The answer is B", OPTIONS["T"]) is None


def test_lmms_rules_stop_where_their_lists_stop() -> None:
    options = OPTIONS["J"]
    assert EXTRACTORS["lmms_mcq"]("F", options) is None
    assert EXTRACTORS["longvideobench_lmms"]("E", options) == "E"
    assert EXTRACTORS["videomme_v2"]("The answer is H", options) == "H"


def test_texts_lose_their_letters_only_all_together() -> None:
    assert without_prefixes(["A. one", "B) two", "(C) three"]) == ("one", "two", "three")
    assert without_prefixes(["B. Obama", "A. Lincoln"]) == ("B. Obama", "A. Lincoln")
    assert without_prefixes(["A. Lincoln", "Obama"]) == ("A. Lincoln", "Obama")


def test_option_texts_need_no_letters() -> None:
    assert option_text("It is a blue truck.", OPTIONS["T"]) == "B"
    assert option_text("B", OPTIONS["T"]) is None


@pytest.mark.parametrize(
    ("response", "before", "after"),
    [
        ("the answer is b.", None, "B"),
        ("i think the correct answer is **c** here", None, "C"),
        ("Based on it", "B", "B"),
        ("it is the green bus", "C", "C"),
        ("red car or green bus", None, None),
        ("I can't process this file. the answer is b", None, None),
        ("the answer is b, the green bus", "C", "B"),
    ],
)
def test_vlmevalkit_reads_video_mme_otherwise_since_june_2026(
    response: str, before: str | None, after: str | None
) -> None:
    """a67ace50 reads a declared letter before it looks for the options' texts."""
    for name in ("videomme", "videomme_v2"):
        assert EXTRACTORS[f"{name}_vlmeval_until_2026_06"](response, OPTIONS["T"]) == before
        assert EXTRACTORS[f"{name}_vlmeval"](response, OPTIONS["T"]) == after


@pytest.mark.parametrize(
    ("response", "before", "after"),
    [
        ("Best answer: D", "B", "D"),
        ("The best option is C", "C", "C"),
        ("(b", "B", "B"),
        ("", "A", "A"),
        ("no idea what this could be or who did it in the end", None, None),
    ],
)
def test_vlmevalkits_shared_rule_had_commas_missing(
    response: str, before: str | None, after: str | None
) -> None:
    assert EXTRACTORS["mcq_vlmeval_until_2026_06"](response, OPTIONS["T"]) == before
    assert EXTRACTORS["mcq_vlmeval"](response, OPTIONS["T"]) == after


def test_lmms_eval_read_video_mme_otherwise_before_april_2026() -> None:
    old, new = EXTRACTORS["videomme_lmms_until_2026_04"], EXTRACTORS["lmms_mcq"]
    for response, before, after in (
        ("Answer: C", "A", "C"),
        ("Best option: D", "B", "D"),
        ("The answer is D", "D", "D"),
        ("First A, then D", "A", "D"),
    ):
        assert (old(response, OPTIONS["T"]), new(response, OPTIONS["T"])) == (before, after)


@pytest.mark.parametrize("response", ["A, " * 2000, "A or " * 2000, "\n- A: x " * 500, "{" * 9000])
def test_the_default_comes_to_an_end_on_long_lists(response: str) -> None:
    assert EXTRACTORS["default"](response, OPTIONS["T"]) in (None, "A")


@pytest.mark.parametrize(
    ("expected", "options", "response"),
    [
        ("B", "Y", "(B) no"),  # an option's own "no" rejects nothing
        ("B", "Y", "B: no"),
        ("A", "Y", "A: yes"),
        ("I", "J", "I would go with I."),
        ("C", "V", "Vitamin A is what he takes."),
        ("E", "J", "Not A, not B. E fits best."),
        ("D", "M", r"\boxed{None of the above}"),
        ("C", "N", '{"answer": 3}'),
        (None, "N", '{"answer": [2, 3]}'),
        ("B", "T", '{"reason": "A is red", "answer": "blue truck"}'),
        ("B", "T", "{'Final Answer': 'B', 'reason': 'A is right'}"),  # of Python, as JSON
        ("C", "T", '{"answer": ["C"], "not": "A"}'),
        (None, "T", '{"answer": null, "reason": "A is red"}'),
        ("A", "T", '{"reason": "it must be A"}'),  # no field for an answer: the text
        ("B", "T", "B, as in {[1]: 2}"),  # no dict of Python: a list is no key
    ],
)
def test_other_options_are_read_with_the_same_care(
    expected: str | None, options: str, response: str
) -> None:
    assert EXTRACTORS["default"](response, OPTIONS[options]) == expected


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ('{"answer": ["C"]}', "C"),
        ('{"answer": [2, "a car"]}', "2, a car"),
        ('{"answer": null, "choice": "B"}', ""),  # the first field that is there counts
        ('{"reason": "C"}', '{"reason": "C"}'),
        ("{2: 3}", "{2: 3}"),
        ("['answer']", "['answer']"),
    ],
)
def test_the_answer_of_an_object_is_its_first_field_for_one(response: str, answer: str) -> None:
    assert clean(response) == answer


@pytest.mark.parametrize(
    ("rule", "response", "letter"),
    [
        # each phrase counts where it stands first: "my answer is" may come after "answer is"
        ("lmms_mcq", "The answer is not A but B\nMy answer is: A or so", "A"),
        ("lmms_mcq", "(B) as the option is C) or so", "B"),  # no phrase of theirs
        ("lmms_mcq", "(B) as the best option is C) or so", "C"),
        ("mvbench_lmms", "B. final answer\nand so on", "B"),
        ("mvbench_lmms", "B.final answer\nand so on", None),  # a line alone may lack the blank
        ("mvbench_lmms", "B.final answer", "B"),
    ],
)
def test_lmms_evals_rules_by_its_functions_run(
    rule: str, response: str, letter: str | None
) -> None:
    assert EXTRACTORS[rule](response, OPTIONS["T"]) == letter


@pytest.mark.parametrize(
    ("response", "four", "ten", "fourteen"),
    [
        ("J", None, "J", "J"),
        ("The answer is H.", None, "H", "H"),
        ("(E) five", None, "E", "E"),
        ("B", "B", "B", "B"),
        ("I choose B", "B", "I", "I"),
        ("K", None, None, None),
    ],
)
def test_lmms_evals_rule_reads_as_many_letters_as_its_task_names(
    response: str, four: str | None, ten: str | None, fourteen: str | None
) -> None:
    options = OPTIONS["J"]
    assert EXTRACTORS["lmms_mcq"](response, options) == four
    assert EXTRACTORS["lmms_mcq_all"](response, options) == ten
    assert EXTRACTORS["cgbench_lmms"](response, options) == fourteen
    assert EXTRACTORS["lmms_mcq_all"](response, options[:4]) == four


@pytest.mark.parametrize(
    ("rule", "response", "letter"),
    [
        ("video_holmes", "B. At the end", "A"),
        ("video_holmes", "C. A man", "A"),
        ("video_holmes", "Answer: C", "A"),
        ("video_holmes", "B: x", "B"),
        ("video_holmes", "C: because A is wrong", "A"),
        ("video_holmes", "Because the man: C", "B"),
        ("video_holmes", "The Answer is C.", "A"),
        ("video_holmes", "<answer>C</answer>", "C"),
        ("video_holmes", "<answer>B</answer> or <answer>D</answer>", "D"),
        ("video_holmes", "[E]", "E"),
        ("video_holmes", "", None),
        ("motionbench_lmms", "ANSWER", "A"),
        ("motionbench_lmms", "ANSWER: D", "D"),
        ("motionbench_lmms", "<think>A</think>The best answer is C", "C"),
        ("motionbench_lmms", "a dog", "A"),
        ("motionbench_lmms", "", None),
        ("dailyomni", "A man", "A"),
        ("dailyomni", "Answer: B", "A"),
        ("dailyomni", " b", "B"),
        ("dailyomni", "(B)", None),
        ("minerva_lmms", "The answer is d", "D"),
        ("minerva_lmms", "A or E", "E"),
        ("minerva_lmms", "none", None),
    ],
)
def test_recent_rules_do_what_was_seen_of_them(
    rule: str, response: str, letter: str | None
) -> None:
    assert EXTRACTORS[rule](response, OPTIONS["J"][:6]) == letter


def test_ovobenchs_rule_finds_any_capital_a() -> None:
    assert VERDICTS["ovobench"]("All of them", OPTIONS["T"], "A") is True
    assert VERDICTS["ovobench"]("b", OPTIONS["T"], "B") is False
