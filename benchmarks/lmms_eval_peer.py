"""lmms-eval asked the questions of ``benchmarks.side_by_side``, in an environment of its own:

    build/lmms_eval/bin/python benchmarks/lmms_eval_peer.py FOLDER FRAMES

It knows the class of LLaVA-NeXT-Video under no name of its own: its Hugging Face LLaVA wrapper is
told of it, and changed in nothing else. The last line printed is JSON: seconds, and answers by id.
"""

import json
import sys
import time
from pathlib import Path

import torch

if torch.version.cuda is None:  # beside a CPU build torchvision's operators are to be declared
    DECLARED = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        DECLARED.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from lmms_eval import evaluator
from lmms_eval.models.simple import llava_hf
from lmms_eval.tasks import TaskManager
from transformers import LlavaNextVideoForConditionalGeneration


def main() -> None:
    """Loads, asks, prints."""
    folder, frames = Path(sys.argv[1]), int(sys.argv[2])
    llava_hf.model_map["llava_next_video"] = LlavaNextVideoForConditionalGeneration
    checkpoint = folder / "checkpoint"
    arguments = f"pretrained={checkpoint},device=cpu,device_map=cpu,dtype=float32"
    arguments += f",max_frames_num={frames}"
    began = time.perf_counter()
    found = evaluator.simple_evaluate(
        model="llava_hf",
        model_args=arguments,
        tasks=["side_by_side"],
        force_simple=True,  # its other wrapper hands the processor an empty list of images: refused
        batch_size=1,
        log_samples=True,
        bootstrap_iters=0,
        task_manager=TaskManager(include_path=str(folder / "peer"), include_defaults=False),
    )
    seconds = time.perf_counter() - began
    samples = found["samples"]["side_by_side"]
    answers = {sample["exact"]["id"]: sample["exact"]["text"] for sample in samples}
    print(json.dumps({"seconds": seconds, "threads": torch.get_num_threads(), "answers": answers}))


if __name__ == "__main__":
    main()
