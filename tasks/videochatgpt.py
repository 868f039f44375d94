"""Video-ChatGPT's generative benchmark: five things that a judge rates from 0 to 5.

Maaz et al. 2023, arXiv 2306.05424, github.com/mbzuai-oryx/Video-ChatGPT (659e04b2). Generic (1,996
questions: correctness, detail, context), temporal (499) and consistency (499 pairs of questions
with one answer). The questions are asked bare; gpt-3.5-turbo, which judged all published numbers
of 2023 to 2025, is shut down, so a number is comparable within its own judge only.

Its five scripts ask for ever until a reply parses and truncate 4.8 to 4; here a reply that cannot
be read is unscored. The headline is the mean of the five. A pair's verdict stands under both its
questions. LLaVA-NeXT's blog and Video-LLaVA sent question 1 twice: ``videochatgpt/blog``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import DataError
from harness.task import Row, Task
from harness.types import Clip, Question


@dataclass(frozen=True)
class VideoChatGPT(Task):
    """Rows of lmms-eval/VideoChatGPT, each with its ``config``; or with ``type``, as in Diverse.

    A consistency row there holds one of the pair's questions, the other is the text "None": two
    rows of one video and answer make a pair, in order. A row with both questions is a pair alone.
    """

    def clip(self, row: Row) -> Clip:
        """The whole video."""
        name = str(row["video_name"])
        return Clip(name, self.source.video(name))

    def rows(self) -> Iterator[Row]:
        """A row a question; those of a pair with ``pair`` (the other's id), ``place`` and so on."""
        waiting: dict[tuple[str, str], list[Row]] = {}
        for row in super().rows():
            row["id"] = f"{kind(row)}/{row['place']}"
            if kind(row) != "consistency":
                yield row
            elif _said(row, 1) and _said(row, 2):
                one, two = (_half(row, n, f"{row['id']}/{n}") for n in (1, 2))
                yield from _paired(one, two)
            else:
                half = _half(row, 1 if _said(row, 1) else 2, str(row["id"]))
                partners = waiting.setdefault((str(row["video_name"]), answer(row)), [])
                fitting = [other for other in partners if other["half"] != half["half"]]
                if fitting:
                    partners.remove(fitting[0])
                    yield from _paired(*sorted((fitting[0], half), key=lambda r: r["half"]))
                else:
                    partners.append(half)
        lonely = [row for rows in waiting.values() for row in rows]
        if lonely:
            raise DataError(
                f"{self.name}: {len(lonely)} consistency rows have no partner with the same video "
                f"and answer, e.g. row {lonely[0].number} ({lonely[0]['video_name']})"
            )

    def question(self, row: Row) -> Question:
        """One group: what kind of question it is."""
        text = row.get("asked") or _first(row, "question", "Q")
        pair = {"pair": row["pair"], "place": row["half"], "pair_question": row["other"]} if (
            "pair" in row
        ) else {}  # fmt: skip
        return Question(
            str(row["id"]), str(text), target=answer(row), groups={"type": (kind(row),)},
            metadata=pair,
        )  # fmt: skip


def kind(row: Row) -> str:
    """generic, temporal, consistency; in VCGBench-Diverse also summary, spatial, reasoning."""
    return str(row.get("config") or row["type"]).lower()


def answer(row: Row) -> str:
    """The right answer."""
    return str(_first(row, "answer", "A"))


def _said(row: Row, place: int) -> str:
    """The pair's first or second question in this row, "" for none."""
    text = str(row.get(f"question_{place}") or row.get(f"Q{place}") or "").strip()
    return "" if text == "None" else text


def _half(row: Row, place: int, id: str) -> Row:
    return row.extended({"id": id, "asked": _said(row, place), "half": place})


def _paired(one: Row, two: Row) -> Iterator[Row]:
    yield one.extended({"pair": two["id"], "other": two["asked"]})
    yield two.extended({"pair": one["id"], "other": one["asked"]})


def _first(row: Row, *names: str) -> object:
    found: Sequence[str] = [name for name in names if row.get(name) is not None]
    return row[found[0]] if found else row[names[0]]
