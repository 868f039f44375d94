"""A few rows of every open benchmark, made by hand in its hub's or its authors' schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]

VIDEOCHATGPT: Rows = [
    {"config": "Generic", "video_name": "v1", "question": "What happens?", "answer": "A man runs."},
    {"config": "Temporal", "video_name": "v1", "question": "What first?", "answer": "He stands."},
    {"config": "Consistency", "video_name": "v2", "answer": "A cat.", "question_1": "None",
     "question_2": "Which animal?"},
    {"config": "Consistency", "video_name": "v3", "answer": "A dog.", "question_1": "Who barks?",
     "question_2": "None"},
    {"config": "Consistency", "video_name": "v2", "answer": "A cat.", "question_1": "What sits?",
     "question_2": "None"},
    {"config": "Consistency", "video_name": "v3", "answer": "A dog.", "question_1": "None",
     "question_2": "Which one barks?"},
]  # fmt: skip

QA = {
    "video_name": "abc",
    "question_id": "q7",
    "question": "how many TVs are there",
    "answer": "two",
}
CHOICES = {"A": "red", "B": "blue", "C": "green", "D": "black", "E": "white"}

ROWS: Mapping[str, Rows] = {
    "activitynet_qa": [{**QA, "type": "7"}, {**QA, "question_id": "q8", "type": "3"}],
    "msvd_qa": [QA],
    "msrvtt_qa": [QA],
    "tgif_qa": [QA],
    "videochatgpt": VIDEOCHATGPT,
    "vcgbench_diverse": [
        {"id": 1, "type": "summary", "video_name": "v", "Q": "What happens?", "A": "A man runs."},
        {"id": 3, "type": "temporal", "video_name": "v", "Q": "What first?", "A": "He stands."},
        {"id": 2, "type": "consistency", "video_name": "v", "Q1": "Who runs?", "Q2": "What runs?",
         "A": "A man."},
    ],
    "vdd": [{"video_name": "v", "question": "Describe.", "answer": "A man runs."}],
    "nextqa_oe": [
        {"video": 12, "qid": 3, "type": "TP", "question": "why did he sit", "answer": "tired",
         "additional_ref_answer": "resting"},
        {"video": 12, "qid": 4, "type": "DC", "question": "how many dogs", "answer": "two",
         "additional_ref_answer": None},
    ],
    "cvrr_es": [
        {"DimensionName": "partial_actions", "VideoID": "a.mp4", "Q": "Does he jump?", "A": "No."}
    ],
    "egotempo": [
        {"video": "u_1_9", "question": "What is cut?", "answer": "Bread", "question_type": "object"}
    ],
    "mmbench_video": [
        {"index": 1, "video": "v", "video_path": "./video/v.mp4", "question": "What is it?",
         "answer": "A car", "dimensions": "['FP-S', 'Object Recognition']"}
    ],
    "videoevalpro": [
        {"video": "v", "question": "Who?", "answer_text": "Bob", "qa_type": "Local Perception"}
    ],
    "mlvu/generation": [
        {"video": "a.mp4", "duration": 60, "question": "What in the lab?", "answer": "A test",
         "question_type": "subPlot", "scoring_points": ["a test", "a tube"]},
        {"video": "b.mp4", "duration": 60, "question": "Summarize.", "answer": "A day",
         "question_type": "summary"},
    ],
    "mmvu": [
        {"id": "validation_0", "video": "https://host/videos/Art/0.mp4", "question": "Which?",
         "question_type": "multiple-choice", "choices": CHOICES, "answer": "B",
         "metadata": {"subject": "Art"}},
        {"id": "validation_1", "video": "https://host/videos/Art/1.mp4", "question": "What shot?",
         "question_type": "open-ended", "choices": dict.fromkeys("ABCDE", ""),
         "answer": "Dolly Zoom", "metadata": {"subject": "Art"}},
    ],
    "videommmu": [
        {"config": "Perception", "id": "validation_Math_3", "question": "Which?", "answer": "B",
         "options": ["A. one", "B. two"], "question_type": "perception"},
        {"config": "Comprehension", "id": "dev_Basic_Medical_Science_1", "question": "Which?",
         "options": ["one", "two"], "answer": "A", "question_type": "multiple-choice"},
        {"config": "Adaptation", "id": "validation_Accounting_1", "question": "Which? <image 1>",
         "options": ["one", "two"], "answer": "A", "question_type": "multiple-choice"},
        {"config": "Adaptation", "id": "validation_Accounting_2", "question": "How many?",
         "options": [], "answer": "42", "question_type": "open"},
    ],
    "vsibench": [
        {"id": 0, "dataset": "scannet", "scene_name": "s1", "question_type": "object_counting",
         "question": "How many chairs?", "options": None, "ground_truth": "4"},
        {"id": 1, "dataset": "scannet", "scene_name": "s1", "question": "Which is closer?",
         "question_type": "object_rel_distance", "options": ["A. sofa", "B. bed"],
         "ground_truth": "B"},
        {"id": 2, "dataset": "scannet", "scene_name": "s1", "question": "Left or right?",
         "question_type": "object_rel_direction_easy", "options": ["A. left", "B. right"],
         "ground_truth": "A"},
        {"id": 3, "dataset": "scannet", "scene_name": "s2", "question": "Left or right?",
         "question_type": "object_rel_direction_hard", "options": ["A. left", "B. right"],
         "ground_truth": "A"},
    ],
    "charades_sta": [
        {"video": "AO8RW.mp4", "caption": "a person puts a book down", "timestamp": [0.0, 6.9]}
    ],
    "timelens": [{"video": "v.mp4", "caption": "a man jumps", "timestamp": [3, 9]}],
    "activitynet_grounding": [{"video": "v", "caption": "a man jumps", "timestamp": [3, 9]}],
    "vatex": [{"videoID": "x_1_2", "enCap": ["A man runs.", "Someone is running."]}],
    "youcook2": [{"id": 0, "video_path": "a/b_0.mp4", "youtube_id": "b", "sentence": "cut it"}],
    "motionbench": [
        {"key": "k", "video_path": "k.mp4", "video_type": "web", "question_type": "Camera Motion",
         "qa": [
             {"uid": "1", "question": "How?\nA. Left\nB. Right", "answer": "B"},
             {"uid": "2", "question": "How?\nA. Up\nB. Down\nC. Not", "answer": "NA"},
         ]},
    ],
    "video_holmes": [
        {"video ID": "f", "Question ID": "1", "Question Type": "SR", "Question": "Who?",
         "Options": dict(zip("ABCDEF", "uvwxyz", strict=True)), "Answer": "C"}
    ],
    "minerva": [
        {"key": "k:1", "video_id": "y", "question": "Which?", "answer": "d", "answer_id": 3,
         **{f"answer_choice_{n}": "abcde"[n] for n in range(5)}, "question_type": ["Counting"],
         "category": "Sports"}
    ],
    "scivideobench": [
        {"video_id": "12", "question": "At 06:15, why?", "options": dict(zip("ABCDEFGHIJ",
         "klmnopqrst", strict=True)), "answer": "J", "question_type": "Conceptual",
         "category": "Biology"}
    ],
    "worldsense": [
        {"video": "w", "question": "What sound?", "candidates": ["A. a", "B. b", "C. c", "D. d"],
         "answer": "D", "domain": "Music", "task_type": "Audio Counting"}
    ],
    "dailyomni": [
        {"video_id": "d", "Question": "When?", "Choice": ["A. a", "B. b", "C. c", "D. d"],
         "Answer": "B", "Type": "Reasoning", "video_duration": "30s"}
    ],
    "cgbench": [
        {"qid": 5, "video_uid": "c", "question": "Which?", "choices": ["p", "q", "r", "s", "t"],
         "answer": "t", "right_answer": "E", "clue_intervals": [[8, 11]], "domain": "Life Record",
         "sub_category": "Entity Perception", "duration": 2741},
        {"qid": 6, "video_uid": "c", "question": "What?", "choices": ["p", "q", "r", "s", "t"],
         "answer": "p", "right_answer": "A", "clue_intervals": [[1, 3], [20, 26]],
         "domain": "Life Record", "sub_category": "Entity Perception", "duration": 2741},
    ],
    "ovobench": [
        {"id": 1, "task": "EPM", "video": "o.mp4", "realtime": 12.5, "question": "What was cut?",
         "options": ["onion", "leek"], "gt": 1},
        {"id": 2, "task": "OCR", "video": "o.mp4", "realtime": 20, "question": "What is said?",
         "options": ["stop", "go"], "gt": 0},
        {"id": 3, "task": "REC", "video": "o.mp4", "activity": "breaking something",
         "start_times": [6], "end_times": [17],
         "test_info": [{"realtime": 17, "count": 1}, {"realtime": 32.0, "count": 2}]},
        {"id": 4, "task": "SSR", "video": "o.mp4", "tutorial": "CutOnion", "all_steps": ["peel"],
         "test_info": [{"realtime": 20, "step": "peel", "type": 1},
                       {"realtime": 30, "step": "peel", "type": 0}]},
        {"id": 5, "task": "CRR", "video": "o.mp4", "question": "What does he cut?",
         "answer": "An onion.", "ask_time": 297, "clue_time": 308,
         "test_info": [{"realtime": 12.5, "type": 0}]},
    ],
    "dream1k": [
        {"video": f"{n}.mp4", "description": "a man jumps, then he runs", "source": source,
         "events": ["a man jumps", "a man runs"]}
        for n, source in enumerate(("youtube", "videvo"))
    ],
    "tempcompass": [
        {"config": "multi-choice", "video_id": "t", "dim": "action", "question":
         "What is done?\nA. sitting\nB. running", "answer": "B. running"},
        {"config": "yes_no", "video_id": "t", "dim": "action", "question": "Does he run?",
         "answer": "yes"},
        {"config": "caption_matching", "video_id": "t", "dim": "action", "question":
         "Which caption fits?\nCaption A: He runs.\nCaption B: He sits.",
         "answer": "Caption A: He runs."},
        {"config": "captioning", "video_id": "t", "dim": "action", "question":
         "You will be presented with a video. Generated Caption:", "answer": "",
         "mc_question": "What is done?\nA. sitting\nB. running", "mc_answer": "B. running"},
    ],
    "videoreasonbench": [
        {"config": "cup", "id": "state3_op5_order_operation_start", "dim": "order_operation",
         "video": "videos/cup/state3_op5_start.mp4", "question": "Which moves?", "num_state": 3,
         "answer": "2nd: (a2, c2)", "visible_time": "start", "num_operation": 5},
        {"config": "chip", "id": "state1_op5_prediction_operation_start", "num_state": 1,
         "video": "videos/chip/state1_op5_start.mp4", "dim": "prediction_operation",
         "question": "to ensure that `cup0` contains exactly the following chips: `20, 5` (order "
         "does not matter), what sequence?", "answer": None, "visible_time": "start",
         "num_operation": 5, "states": {"cup0": [[20, 10], [20]]}},
    ],
    "videott": [
        {"qid": "0001-1", "video_id": "v", "duration": "12.1", "capability": "Element Counting",
         "question": "How many?\nA. 1\nB. 2\nC. 3\nD. 4", "answer": "B",
         "question_prompt": "Please select the best option."}
    ],
    "videott/open": [
        {"qid": "0001-2", "video_id": "v", "duration": "12.1", "capability": "Plot Attribute",
         "question": "Why does he run?", "answer": "He is late.",
         "question_prompt": "Please answer with a short phrase."}
    ],
    "vinoground": [
        {"idx": f"{pair}_{side}", "video_name": f"{pair}_{side}_{kind}.mp4", "kind": kind,
         "question": "Which fits?\nA. first\nB. second", "GT": "A" if side == "pos" else "B",
         "major": "object"}
        for pair in (0, 1) for side in ("pos", "neg") for kind in ("text", "video")
    ],
}  # fmt: skip

CONFIGS = Path(__file__).parents[1] / "configs" / "task"
NAMES = sorted(
    {
        str(file.relative_to(CONFIGS).with_suffix(""))
        for family in ROWS
        for file in [CONFIGS / f"{family}.yaml", *(CONFIGS / family).glob("*.yaml")]
        if family != "tempcompass" or file.stem == "judged"
    }
)
"""Every protocol that these rows are for: those of ``tests/benchmarks.py`` are the others."""
