"""One small copy of every benchmark, in its hub's own schema, with rendered videos.

``lay_out(name, folder)`` writes what ``task=NAME data=FOLDER`` reads.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from PIL import Image

from tests.videos import Encoding, encode, picture

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Fixture:
    """``rows`` by file, ``videos`` by path below videos/, subtitles by path below subtitles/."""

    rows: Mapping[str, Sequence[Row]]
    videos: Sequence[str]
    subtitles: Mapping[str, str] = field(default_factory=dict)
    frames: Sequence[str] = ()


def mme_rows() -> Iterator[Row]:
    """Two videos with three questions each, in lmms-lab/Video-MME's schema."""
    for number, duration, name in ((1, "short", "fFjv93ACGo8"), (2, "long", "-Mv1E3D8nWc")):
        for place in (1, 2, 3):
            yield {
                "video_id": f"{number:03d}",
                "duration": duration,
                "domain": "Knowledge",
                "sub_category": "Humanity & History",
                "url": f"https://www.youtube.com/watch?v={name}",
                "videoID": name,
                "question_id": f"{number:03d}-{place}",
                "task_type": "Counting Problem",
                "question": f"How many {{balls}} are there, {place}?",
                "options": ["A. Apples.", "B. Candles.", "C. Berries.", "D. The three kinds."],
                "answer": "ABCD"[place],
            }


SRT = """1
00:00:00,000 --> 00:00:00,500
<font color="white" size=".72c">Hello there.</font>

2
00:00:00,400 --> 00:00:01,200
<font color="white" size=".72c">General greetings.</font>

3
00:00:30,000 --> 00:00:31,000
<font color="white" size=".72c">Much later.</font>
"""

VIDEOMME = Fixture(
    {"rows.jsonl": list(mme_rows())},
    ["fFjv93ACGo8.mp4", "-Mv1E3D8nWc.mp4"],
    {"fFjv93ACGo8.srt": SRT},
)

MVBENCH = Fixture(
    {
        "action_sequence.json": [
            {
                "video": "ZS9XR.mp4",
                "question": "What happened after the person took the food?",
                "candidates": ["Ate the medicine.", "Tidied up the blanket.", "Put it down."],
                "answer": "Ate the medicine.",
                "start": 0.4,
                "end": 1.2,
            },
            {
                "video": "ZS9XR.mp4",
                "question": "What happened before?",
                "candidates": ["One.", "Two."],
                "answer": "Two.",
                "start": 0.8,
                "end": 1.6,
            },
        ],
        "moving_count.json": [
            {
                "video": "video_10009.mp4",
                "question": "How many objects move?",
                "candidates": ["3", "2", "4", "0"],
                "answer": "2",
            }
        ],
        "episodic_reasoning.json": [
            {
                "video": "friends_s01e01_seg02_clip_00",
                "question": "Why did he leave?",
                "candidates": ["Hunger", "Anger", "Sleep", "Work", "Love"],
                "answer": "Work",
                "start": 0.0,
                "end": 2.0,
            }
        ],
    },
    ["star/Charades_v1_480/ZS9XR.mp4", "clevrer/video_validation/video_10009.mp4"],
    frames=["tvqa/frames_fps3_hq/friends_s01e01_seg02_clip_00"],
)

TVBENCH = Fixture(
    {
        "action_antonym.json": [
            {
                "video": "S001C001.mp4",
                "question": "What is the action?",
                "candidates": ["Sitting down", "Standing up"],
                "answer": "Standing up",
            }
        ],
        "object_count.json": [
            {
                "video": "video_1.mp4",
                "question": "How many are there?",
                "candidates": ["1", "2", "3", "0"],
                "answer": "0",
            }
        ],
    },
    ["action_antonym/S001C001.mp4", "object_count/video_1.mp4"],
)

MLVU = Fixture(
    {
        "rows.jsonl": [
            {
                "video_name": f"{name}.mp4",
                "duration": 246.0,
                "question": f"What colour is {name}?\n(A) Yellow\n(B) Red\n(C) Green\n(D) Blue",
                "answer": answer,
                "task_type": kind,
            }
            for name, answer, kind in (
                ("movie101_66", "A", "plotQA"),
                ("movie102_1", "B", "plotQA"),
                ("needle_32", "C", "needle"),
            )
        ]
    },
    ["movie101_66.mp4", "movie102_1.mp4", "needle_32.mp4"],
)

LONGVIDEOBENCH = Fixture(
    {
        "rows.jsonl": [
            {
                "id": "86CxyhFV9MI_0",
                "video_id": "86CxyhFV9MI",
                "video_path": "86CxyhFV9MI.mp4",
                "question": "What is on the table when he says hello?",
                "option0": "A cup",
                "option1": "A book",
                "option2": "A lamp",
                "option3": "N/A",
                "option4": "N/A",
                "correct_choice": 1,
                "question_category": "T2O",
                "topic_category": "KH",
                "level": "L1-Perception",
                "duration_group": 15,
                "duration": 1.6,
                "starting_timestamp_for_subtitles": 100.0,
                "subtitle_path": "86CxyhFV9MI_en.json",
            }
        ]
    },
    ["86CxyhFV9MI.mp4"],
    {
        "86CxyhFV9MI_en.json": json.dumps(
            [
                {"start": "00:01:40.100", "end": "00:01:40.600", "line": "hello"},
                {"start": "00:01:41.000", "end": "00:01:41.400", "line": "goodbye"},
                {"start": "00:02:41.000", "end": "00:02:41.400", "line": "never seen"},
            ]
        )
    },
)


def ego_rows(label: str | None) -> list[Row]:
    """One question in lmms-lab/egoschema's schema."""
    return [
        {
            "question_idx": "1",
            "question": "What is C doing?",
            "video_idx": "0074f737",
            "option": [f"{x}. C does {x.lower()}." for x in "ABCDE"],
            "answer": label,
        }
    ]


EGOSCHEMA = Fixture({"rows.jsonl": ego_rows("3")}, ["0074f737.mp4"])
EGOSCHEMA_FULL = Fixture({"rows.jsonl": ego_rows(None)}, ["0074f737.mp4"])

NEXTQA = Fixture(
    {
        "rows.jsonl": [
            {
                "video": 4010069381,
                "frame_count": 369,
                "width": 640,
                "height": 480,
                "question": "how do the two man play the instrument ",
                "answer": 1,
                "qid": qid,
                "type": kind,
                "a0": "roll the handle",
                "a1": "tap their feet",
                "a2": "strum the string",
                "a3": "hit with sticks",
                "a4": "pat with hand",
            }
            for qid, kind in ((6, "CH"), (7, "TP"))
        ]
    },
    ["4010069381.mp4"],
)

PERCEPTIONTEST = Fixture(
    {
        "rows.jsonl": [
            {
                "video_name": "video_10909",
                "question_id": "34",
                "question": "Is the camera moving or static?",
                "options": ["I don't know", "moving", "static or shaking"],
                "answer_id": "2",
                "area": "physics",
                "reasoning": "descriptive",
                "tag": ["motion", "camera"],
            }
        ]
    },
    ["video_10909.mp4"],
)

TEMPCOMPASS = Fixture(
    {
        "multi-choice.jsonl": [
            {
                "video_id": "1034194880",
                "question": "What is happening?\nA. rotating\nB. falling\nC. rising",
                "answer": "B. falling",
                "dim": "action",
            }
        ],
        "yes_no.jsonl": [
            {
                "video_id": "1034194880",
                "question": "Is it falling?",
                "answer": "yes",
                "dim": "action",
            }
        ],
        "caption_matching.jsonl": [
            {
                "video_id": "1034194880",
                "question": "Which caption matches?\nOption 1: It rises.\nOption 2: It falls.",
                "answer": "Option 2: It falls.",
                "dim": "direction",
            }
        ],
    },
    ["1034194880.mp4"],
)

LVBENCH = Fixture(
    {
        "rows.jsonl": [
            {
                "key": "Cm73ma6Ibcs",
                "type": "cartoon",
                "video_info": {"fps": 25.0},
                "qa": [
                    {
                        "uid": str(uid),
                        "question": "Who is it?\n(A) Ann\n(B) Bob\n(C) Cid\n(D) Dee",
                        "answer": "C",
                        "question_type": types,
                        "time_reference": "00:15-00:19",
                    }
                    for uid, types in enumerate(
                        (["entity recognition", "reasoning"], ["reasoning"])
                    )
                ],
            }
        ]
    },
    ["Cm73ma6Ibcs.mp4"],
)

TOMATO = Fixture(
    {
        "rows.jsonl": [
            {
                "id": "0041-00",
                "question": "Which way does it turn?",
                "options": ["Clockwise", "Doesn't turn"],
                "answer": 1,
                "reason_type": "rotation",
                "demonstration_type": "human",
                "video_path": "human/0041-00.mp4",
            }
        ]
    },
    ["human/0041-00.mp4"],
)

VIDEOMME_V2 = Fixture(
    {
        "rows.jsonl": [
            {
                "video": f"{video:03d}",
                "question": f"Question {place}?",
                "options": "\n".join(f"{x}. option {x.lower()}" for x in "ABCDEFGH"),
                "answer": "H",
                "level": str(video),
                "group_type": kind,
                "group_structure": "[1, [2, 3], 4]",
                "second_head": "Order",
                "third_head": "None",
            }
            for video, kind in ((1, "relevance"), (2, "logic"))
            for place in (1, 2, 3, 4)
        ]
    },
    ["001.mp4", "002.mp4"],
    {"001.jsonl": '{"text": "so", "start_time": 0.1, "end_time": 0.2}\n'
     '{"text": "it goes", "start_time": 0.2, "end_time": 0.5}\n'},
)  # fmt: skip

FIXTURES = {
    "videomme": VIDEOMME,
    "mvbench": MVBENCH,
    "tvbench": TVBENCH,
    "mlvu": MLVU,
    "longvideobench": LONGVIDEOBENCH,
    "egoschema": EGOSCHEMA,
    "egoschema/full": EGOSCHEMA_FULL,
    "nextqa": NEXTQA,
    "perceptiontest": PERCEPTIONTEST,
    "tempcompass": TEMPCOMPASS,
    "lvbench": LVBENCH,
    "tomato": TOMATO,
    "videomme_v2": VIDEOMME_V2,
}


@cache
def clip() -> Path:
    """A rendered video of 40 frames, 1.6 seconds."""
    path = Path(mkdtemp()) / "clip.mp4"
    encode(path, Encoding())
    return path


def lay_out(name: str, folder: Path) -> Path:
    """Writes the fixture ``name`` below ``folder``, and returns it."""
    fixture = FIXTURES.get(name) or FIXTURES[name.split("/")[0]]
    for file, rows in fixture.rows.items():
        ending = "\n".join(map(json.dumps, rows)) if file.endswith("l") else json.dumps(rows)
        (folder / file).write_text(ending, encoding="utf-8")
    for video in fixture.videos:
        path = folder / "videos" / video
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip(), path)
    for subtitle, text in fixture.subtitles.items():
        path = folder / "subtitles" / subtitle
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for video in fixture.frames:
        (folder / "videos" / video).mkdir(parents=True)
        for number in range(1, 10):
            Image.fromarray(picture(number)).save(folder / "videos" / video / f"{number:05d}.jpg")
    return folder
