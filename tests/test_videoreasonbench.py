"""VideoReasonBench: operations are carried out on the state, hand-made or the authors'."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.build import build
from harness.data import Source
from harness.errors import DataError, JudgeError, RequestError
from harness.types import Question, Response
from tasks import videoreasonbench_states as states
from tasks.videoreasonbench import StateScorer, final_answer, the_moves
from tests.open_rows import ROWS
from tests.test_open_benchmarks import asked, task

# the authors' own puzzles, with their states along their own moves
HRD = [[[6, 5, 8], [4, 3, 0], [2, 1, 7]], [[6, 8, 0], [4, 5, 7], [2, 3, 1]]]
GRID = [[[0, 1, 0], [0, 0, 1], [0, 0, 0]], [[1, 1, 1], [1, 0, 1], [0, 0, 1]]]
CUP = [[[1, 0, 0], [1, 0, 0], [0, 1, 1]], [[0, 1, 0], [1, 0, 0], [1, 0, 1]]]


def test_the_authors_own_moves_lead_to_their_own_states():
    assert states.slide(HRD[0], ["down", "right", "up", "up", "left"]) == HRD[1]
    assert states.flip(GRID[0], [2, 0], ["left", "down", "down", "right", "left"]) == GRID[1]
    swaps = [("b2", "a1"), ("a2", "c2"), ("b2", "c1"), ("b1", "c3"), ("a2", "c3")]
    assert states.swap(CUP[0], swaps) == CUP[1]
    assert states.swap(CUP[0], [("a1", "z9"), "a1", ("a1", "a1")]) == CUP[0]
    assert states.slide(HRD[0], ["right", "jump", "left", "left"]) == HRD[0]
    assert states.flip(GRID[0], [2, 0], ["jump"]) is None
    assert states.flip(GRID[0], [2, 0], ["right", "up"]) == GRID[0]  # beyond the edge: skipped


def test_piles_and_cups_take_only_what_is_there():
    pile = {"pile0": ["7 of Spades", "8 of Clubs"]}
    assert states.piles(pile, ["remove 7 of Spades from pile0", "add Ace of Hearts to pile0"]) == {
        "pile0": ["8 of Clubs", "Ace of Hearts"]
    }
    for wrong in ("remove 8 of Clubs from pile0", "add 11 of Clubs to pile0", "flip it over pile0",
                  "add Ace of Hearts to pile1", "add", ""):  # fmt: skip
        assert states.piles(pile, [wrong]) is None
    cup = {"cup0": [20, 10]}
    assert states.cups(cup, ["add 5 to cup0", "remove 10 cup0"]) == {"cup0": [20, 5]}
    for wrong in ("remove 5 from cup0", "add 7 to cup0", "add 5 to cup9", "add it to cup0", "add"):
        assert states.cups(cup, [wrong]) is None


def test_at_most_two_commands_that_share_no_file():
    path = {"path0": ["a.txt", "b.py"]}
    touch, remove = "touch path0/{c.py,d.py}", "rm -rf path0/{a.txt}"
    assert states.files(path, [touch, remove], "path0") == {"b.py", "c.py", "d.py"}
    for wrong in ([], [touch] * 3, ["mv path0/{a.txt} path1"], ["touch a.txt"], ["touch {a}"],
                  ["touch path0/{a.txt}", remove]):  # fmt: skip
        assert states.files(path, wrong, "path0") is None


def test_what_is_asked_for_stands_in_the_question():
    grid = (
        "presents a 2x2 grid … the desired arrangement of black and white pieces: "
        "`(a,0): black, (a,1): white, (b,0): white, (b,1): black`"
    )
    assert states.target_board(grid, "grid") == [[1, 0], [0, 1]]
    puzzle = (
        "on a 2x2 board … the desired number arrangement: `(a,1): 1, (a,2): 2, (b,1): 3, (b,2): 0`"
    )
    assert states.target_board(puzzle, "hrd") == [[3, 0], [1, 2]]  # row a is the lowest
    cup = "puzzle on a 2x2 board … to achieve the desired distribution of coins: `a1, b2`?"
    assert states.target_board(cup, "cup") == [[1, 0], [0, 1]]
    with pytest.raises(DataError, match="names no size"):
        states.target_board("?", "cup")
    with pytest.raises(DataError, match="names no target state"):
        states.target_board("a 2x2 grid", "grid")
    with pytest.raises(DataError, match="names no pile"):
        states.listed_target("?", "card")
    held = "to ensure that `cup0` contains exactly the following chips: `20, {}`"
    assert states.listed_target(held.format("5"), "chip") == ("cup0", ["20", "5"])
    with pytest.raises(DataError, match="the chip 'red', which is no number"):
        states.listed_target(held.format("red"), "chip")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("… Final Answer: left, up", ": left, up"),
        ("**Final Answer**\n7 of Spades ", "**\n7 of Spades"),
        ("thinking◁/think▷Final Answer: 3", ": 3"),
        ("left, up", ""),
        ("Final Answer", ""),
    ],
)
def test_only_what_follows_the_final_answer_is_judged(text, said):
    assert final_answer(text) == said
    question = Question("q", "?", target="left", groups={"dim": ("order_operation",)})
    prompts = StateScorer().judge_prompts(question, Response("q", text))
    assert len(prompts) == bool(said)
    if not said:
        scored = StateScorer().score_judged(question, Response("q", text), [])
        assert scored.values == {"accuracy": 0.0}


@pytest.mark.parametrize(
    ("reply", "worth", "official"),
    [("Correct", 1, 1), ("Incorrect", 0, 0), ("Correct.", 1, 0), ("**Incorrect**", 0, 0),
     ("<think>…</think>Correct", 1, 0), ("It is Correct", None, 0), ("", None, 0)],
)  # fmt: skip
def test_a_verdict_is_correct_or_incorrect(reply, worth, official):
    question = Question("q", "?", target="left", groups={"dim": ("order_operation",)})
    response = Response("q", "Final Answer: left")
    scores = StateScorer("official").score_judged(question, response, [reply])
    assert scores.values == {"accuracy": official}
    if worth is None:
        with pytest.raises(JudgeError, match="neither Correct nor Incorrect"):
            StateScorer().score_judged(question, response, [reply])
    else:
        assert StateScorer().score_judged(question, response, [reply]).values == {"accuracy": worth}


@pytest.mark.parametrize(
    ("reply", "worth"),
    [("['add 5 to cup0']", 1), ("```python\n['add 5 to cup0']\n```", 1), ("['add 10 to cup0']", 0),
     ("[]", 0), ("add 5 to cup0", None), ("__import__('os')", None)],
)  # fmt: skip
def test_the_copied_moves_are_carried_out(tmp_path, reply, worth):
    question = asked("videoreasonbench", tmp_path)["chip_state1_op5_prediction_operation_start"][1]
    assert question.target == {"cup0": ["20", "5"]}
    response = Response(question.key, "Final Answer: add 5 to cup0")
    (prompt,) = StateScorer().judge_prompts(question, response)
    assert prompt.text.endswith("Model Response:\n: add 5 to cup0\n\nExtracted Operations:\n")
    if worth is None:
        with pytest.raises(JudgeError, match="no list of moves"):
            StateScorer().score_judged(question, response, [reply])
        found = StateScorer("official").score_judged(question, response, [reply])
        assert found.values == {"accuracy": 0.0}
    else:
        found = StateScorer().score_judged(question, response, [reply])
        assert found.values == {"accuracy": worth}


def test_commands_are_split_at_their_sign():
    said = "```bash\ntouch path0/{a.txt} & rm -rf path0/{b.py}\n```"
    assert the_moves(said, "file_sys") == ["touch path0/{a.txt}", "rm -rf path0/{b.py}"]


def test_a_file_of_rows_by_their_ids_is_read_as_the_authors_write_it(tmp_path):
    rows = {row["id"]: {k: v for k, v in row.items() if k not in ("id", "config")}
            for row in ROWS["videoreasonbench"] if row["config"] == "cup"}  # fmt: skip
    bench = task("videoreasonbench", tmp_path)
    (tmp_path / "rows.json").unlink()
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "cup.json").write_text(json.dumps(rows))
    source = Source(path=str(tmp_path), files=("questions/*.json",))
    (clip,) = replace(bench, source=source).clips()
    assert [q.id for q in clip.questions] == ["cup_state3_op5_order_operation_start"]


def test_a_rule_of_another_name_is_refused():
    with pytest.raises(RequestError, match="rule"):
        build({"_target_": "tasks.videoreasonbench.StateScorer", "rule": "offical"}, "task.scorer")
