"""lmms-eval's samples file: one JSON object a line, as its ``--log_samples`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.identity import digest
from harness.report import tables
from harness.report.publish import facts
from harness.report.runs import Run


def lines(run: Run) -> Iterator[str]:
    """Each question as {doc_id, doc, input, target, resps, filtered_resps, doc_hash, <metric>}.

    What has no score has no metric; a failure has an empty response list.
    """
    value = facts.worth(run)
    for number, record in enumerate(run.records):
        question, response = record.question, record.response
        doc = {
            "question_id": record.key,
            "video_id": record.video,
            "question": question.text,
            "options": [f"{chr(65 + i)}. {text}" for i, text in enumerate(question.options)],
            "answer": question.target,
            **{name: ", ".join(values) for name, values in question.groups.items()},
        }
        line: dict[str, Any] = {
            "doc_id": number,
            "doc": doc,
            "input": record.prompt,
            "target": "" if question.target is None else tables.plain(question.target),
            "resps": [[response.text]] if response else [],
            "filtered_resps": [response.text] if response else [],
            "doc_hash": digest(doc, 16),
        }
        score = value(record)
        if score is not None:
            line[run.summary.headline] = score
        yield facts.json_line(line)
