"""What ``benchmarks.side_by_side`` asks: a checkpoint, clips, rows, and both programs' tasks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import av
import numpy as np
import torch

from harness.models.transformers.library import transformers
from training import checkpoint, tokenizer

OPTIONS = ("red", "blue", "green", "yellow")
NEW = 8
TASK = """# @package _global_
task:
  _target_: harness.task.Task
  name: side_by_side
  source: {{_target_: harness.data.Source, repo: local/side, path: {folder}}}
  prompt:
    _target_: harness.prompts.PromptTemplate
    template: "{{question}}\\n{{options}}\\nAnswer with the letter."
  scorer: {{_target_: harness.scoring.choice.ChoiceScorer}}
"""
PEER_TASK = """task: side_by_side
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/rows.jsonl}}}}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visual
doc_to_text: !function utils.text
doc_to_target: answer
generation_kwargs: {{max_new_tokens: {new}, temperature: 0, num_beams: 1, do_sample: false}}
process_results: !function utils.results
metric_list:
  - {{metric: exact, aggregation: !function utils.mean, higher_is_better: true}}
metadata:
  - version: 0.0
"""
PEER_UTILS = """
def visual(doc):
    return [{folder!r} + "/videos/" + doc["video"]]

def text(doc, lmms_eval_specific_kwargs=None):
    options = "\\n".join(f"{{letter}}. {{text}}" for letter, text in zip("ABCD", doc["options"]))
    return f"{{doc['question']}}\\n{{options}}\\nAnswer with the letter."

def results(doc, results):
    return {{"exact": {{"id": doc["id"], "text": results[0], "right": doc["answer"]}}}}

def mean(items):
    return sum(item["text"].strip()[:1] == item["right"] for item in items) / len(items)
"""


def prepare(folder: Path, words: argparse.Namespace, clips: int, questions: int) -> None:
    """Checkpoint, clips, rows and both programs' tasks."""
    save_model(folder / "checkpoint", words.side, words.frames)
    (folder / "videos").mkdir()
    rows = []
    for clip in range(clips):
        name = f"clip{clip}.mp4"
        write_clip(folder / "videos" / name, clip, words.height, 24 * words.seconds)
        for i in range(questions):
            color = OPTIONS[i % 4]
            question = f"Which color appears in part {i + 1} of the video, {color} or another?"
            row = {"id": f"{clip}-{i}", "video": name, "question": question}
            rows.append(row | {"options": OPTIONS, "answer": "ABCD"[(clip + i) % 4]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours, theirs = folder / "configs" / "task", folder / "peer"
    ours.mkdir(parents=True)
    theirs.mkdir()
    (ours / "side_by_side.yaml").write_text(TASK.format(folder=folder))
    (theirs / "side_by_side.yaml").write_text(PEER_TASK.format(folder=folder, new=NEW))
    (theirs / "utils.py").write_text(PEER_UTILS.format(folder=str(folder)))


def save_model(folder: Path, side: int, frames: int) -> None:
    """LLaVA-NeXT-Video with random weights, in the files of the 7B checkpoint."""
    made = tokenizer.build(frames * (side // 28) ** 2 + 1024)
    torch.manual_seed(0)
    config = transformers.LlavaNextVideoConfig(
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=256, intermediate_size=1024, num_hidden_layers=6,
            num_attention_heads=4, image_size=side, patch_size=14, projection_dim=256,
        ),
        text_config=transformers.LlamaConfig(
            vocab_size=len(made), hidden_size=256, intermediate_size=688, num_hidden_layers=8,
            num_attention_heads=4, num_key_value_heads=4, initializer_range=0.1,
            max_position_embeddings=frames * (side // 28) ** 2 + 1024,
            bos_token_id=made.bos_token_id, eos_token_id=made.eos_token_id,
            pad_token_id=made.pad_token_id,
        ),
        image_token_index=made.vocab["<image>"],
        video_token_index=made.vocab["<video>"],
        image_grid_pinpoints=[[side, 2 * side], [2 * side, side]],
        image_seq_length=(side // 14) ** 2,
        video_seq_length=(side // 28) ** 2,
    )  # fmt: skip
    checkpoint.save(transformers.LlavaNextVideoForConditionalGeneration(config), made, folder)
    for path in folder.glob("*processor_config.json"):
        text = path.read_text().replace(f": {checkpoint.IMAGE_SIDE}", f": {side}")
        values = json.loads(text)
        if "image_grid_pinpoints" in values:
            values["image_grid_pinpoints"] = [[side, 2 * side], [2 * side, side]]
        if "patch_size" in values:
            values["patch_size"] = 14
        path.write_text(json.dumps(values))


def write_clip(path: Path, seed: int, height: int, count: int) -> None:
    """Moving noise of 16:9: no two frames are alike."""
    random = np.random.default_rng(seed)
    width = height * 16 // 9 // 2 * 2
    small = random.integers(0, 255, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = np.kron(small, np.ones((40, 40, 1), np.uint8))
    with av.open(path, "w") as container:
        options = {"threads": "1", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height = picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2
        stream.pix_fmt = "yuv420p"
        for i in range(count):
            moved = np.roll(picture, (3 * i, 7 * i), (0, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
