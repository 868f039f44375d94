"""What VideoReasonBench's operations do: puzzles, piles, cups and paths after a list of moves.

llyx97/video_reason_bench@2524387, utils/eval_utils.py, in its defects: a move beyond the edge of a
board is skipped, and "left" on the sliding puzzle moves the empty square to the right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import DataError

Board = list[list[int]]
GRID = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
PUZZLE = {"up": (-1, 0), "down": (1, 0), "left": (0, 1), "right": (0, -1)}
SUITS = ("Hearts", "Clubs", "Diamonds", "Spades")
VALUES = ("Ace", *map(str, range(2, 11)), "Jack", "Queen", "King")
CARDS = frozenset(f"{value} of {suit}" for value in VALUES for suit in SUITS)
CHIPS = (5, 10, 20, 50, 100)


def found(pattern: str, question: str) -> str:
    """What a question says in backquotes after ``pattern``. Raises DataError."""
    match = re.search(pattern + r"\s*`([^`]+)`", question)
    if match is None:
        raise DataError("its question names no target state")
    return match[1]


def slide(board: Board, moves: Sequence[str]) -> Board:
    """The sliding puzzle (0 is empty) after the moves of its squares."""
    board = [list(row) for row in board]
    for move in moves:
        if move not in PUZZLE:
            continue
        row = next(place for place, line in enumerate(board) if 0 in line)
        column = board[row].index(0)
        to_row, to_column = row + PUZZLE[move][0], column + PUZZLE[move][1]
        if 0 <= to_row < len(board) and 0 <= to_column < len(board):
            board[row][column], board[to_row][to_column] = board[to_row][to_column], 0
    return board


def flip(board: Board, at: Sequence[int], moves: Sequence[str]) -> Board | None:
    """The grid after the circle's moves from (x, y); None for a word that is no move."""
    board, (x, y), size = [list(row) for row in board], at, len(board)
    for move in moves:
        if move not in GRID:
            return None
        to_x, to_y = x + GRID[move][0], y + GRID[move][1]
        if not (0 <= to_x < size and 0 <= to_y < size):
            continue
        x, y = to_x, to_y
        for dx, dy in ((0, 0), *GRID.values()):
            if 0 <= x + dx < size and 0 <= y + dy < size:
                board[y + dy][x + dx] = 1 - board[y + dy][x + dx]
    return board


def swap(board: Board, swaps: Sequence[Any]) -> Board:
    """The cups after swaps such as ("a1", "b2"); one that names no cup is skipped."""
    board = [list(row) for row in board]
    for pair in swaps:
        try:
            (r1, c1), (r2, c2) = (("abcde".index(x[0]), "12345".index(x[1])) for x in pair)
            board[r1][c1], board[r2][c2] = board[r2][c2], board[r1][c1]
        except (ValueError, IndexError, TypeError):
            continue
    return board


def target_board(question: str, kind: str) -> Board:
    """The board that a question asks for. Raises DataError."""
    size = re.search(r"(\d+)x(\d+)\s+(?:grid|board)", question)
    if size is None:
        raise DataError("its question names no size of the board")
    rows, columns = int(size[1]), int(size[2])
    board = [[0] * columns for _ in range(rows)]
    if kind == "cup":
        for place in found("achieve the desired distribution of coins:", question).split(", "):
            board["abcde".index(place[0])]["12345".index(place[1])] = 1
        return board
    if kind == "grid":
        text = found("the desired arrangement of black and white pieces:", question)
        for column, row, colour in re.findall(r"\((\w), ?(\d)\): (\w+)", text):
            board["abcde".index(column)][int(row)] = int(colour == "black")
        return board
    text = found("the desired number arrangement:", question)
    for row, column, number in re.findall(r"\((\w), ?(\d)\): (\d+)", text):
        board[rows - 1 - "abcde".index(row)][int(column) - 1] = int(number)
    return board


def piles(states: Mapping[str, Sequence[str]], moves: Sequence[str]) -> Mapping[str, Any] | None:
    """The piles after "add X to pile0" (on top) and "remove X from pile0" (the bottom one); None
    for a move that is none, or a card that is not at the bottom."""
    now = {name: list(cards) for name, cards in states.items()}
    for move in moves:
        words = move.split()
        if len(words) < 3:
            return None
        action, card, pile = words[0], " ".join(words[1:-2]), words[-1]
        if action not in ("add", "remove") or pile not in now or card not in CARDS:
            return None
        if action == "add":
            now[pile].append(card)
        elif now[pile][:1] != [card]:
            return None
        else:
            now[pile].pop(0)
    return now


def cups(states: Mapping[str, Sequence[int]], moves: Sequence[str]) -> Mapping[str, Any] | None:
    """The chips after "add 20 to cup0" and "remove 50 from cup0"; None for a move that is none."""
    now = {name: list(chips) for name, chips in states.items()}
    for move in moves:
        words = move.split()
        if len(words) < 3 or words[0] not in ("add", "remove") or words[-1] not in now:
            return None
        if not words[1].isdigit() or int(words[1]) not in CHIPS:
            return None
        chip, cup = int(words[1]), now[words[-1]]
        if words[0] == "add":
            cup.append(chip)
        elif chip in cup:
            cup.remove(chip)
        else:
            return None
    return now


def files(
    states: Mapping[str, Sequence[str]], commands: Sequence[str], path: str
) -> set[str] | None:
    """The files of a path after at most two commands, ``touch`` and ``rm -rf``, that share no file;
    None for others."""
    if not 1 <= len(commands) <= 2:
        return None
    now = {name: set(held) for name, held in states.items()}
    named: dict[str, set[str]] = {"rm -rf": set(), "touch": set()}
    for command in commands:
        action = next((name for name in named if command.startswith(name)), None)
        listed, places = re.search(r"\{([^}]+)\}", command), re.findall(r"path\d+", command)
        if action is None or listed is None or not places or places[0] not in now:
            return None
        names = set(listed[1].split(","))
        named[action] = names
        now[places[0]] = now[places[0]] - names if action == "rm -rf" else now[places[0]] | names
    return None if named["rm -rf"] & named["touch"] else now.get(path)


def listed_target(question: str, kind: str) -> tuple[str, list[str]]:
    """Which pile, cup or path, and what it must hold: chips as whole numbers. Raises DataError."""
    match = re.search(r"to ensure that\s*`([^`]+)` contains exactly", question)
    if match is None:
        raise DataError("its question names no pile, cup or path")
    wanted = found(r"contains exactly the following [^:`]+:", question).split(", ")
    if kind == "chip" and (odd := [one for one in wanted if not re.fullmatch("[0-9]+", one)]):
        raise DataError(f"its question wants the chip {odd[0]!r}, which is no number")
    return match[1], wanted


def same(kind: str, state: Mapping[str, Any], where: str, wanted: Sequence[str]) -> bool:
    """Whether a pile holds these cards in order, a cup these chips in any."""
    if kind == "card":
        return list(state.get(where, ())) == list(wanted)
    return Counter(state.get(where, ())) == Counter(map(int, wanted))
