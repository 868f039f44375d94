"""The second toy: a Qwen2.5-VL that takes over what tiny_video's language model knows.

::

    python -m training.qwen --work build/qwen --out harness/demo/checkpoints/tiny_qwen

Another architecture with the same words: two frames are one picture of four tokens, positions have
three axes (time in seconds, height, width), attention has biases. The decoder starts from
tiny_video's weights (biases zero), the vision tower from noise: it first imitates what tiny_video
makes of the same frames, the mean of two (``imitate``), then both learn by the curriculum's stages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from training import DEMO, checkpoint, tokenizer
from training.checkpoint import CONTEXT, FRAME_TOKENS, IMAGE_SIDE, PATCH
from training.curriculum import STAGES, Teacher
from training.learning import Progress, warmed
from training.lessons import Watching, spoken
from training.packing import Packer
from training.qwen_packing import END, PER_SECOND, SIZE, START, QwenPacker, patches

Qwen = Qwen2_5_VLForConditionalGeneration

# the curriculum's stages that it goes through, in fewer steps: reading and letters are known
TAUGHT = {"clips": 400, "longer": 500, "video": 300}
SEED = 2_000_003

CHAT_TEMPLATE = checkpoint.CHAT_TEMPLATE.replace(
    "{{ '<' + kind + '>\\n' }}", f"{{{{ '{START}<' + kind + '>{END}\\n' }}}}"
)


def words() -> PreTrainedTokenizerFast:
    """The other models' tokenizer, with the marks around pictures."""
    made = tokenizer.build(CONTEXT)
    made.add_tokens([START, END], special_tokens=True)
    return made


def build(made: PreTrainedTokenizerFast, teacher: Path, seed: int) -> Qwen:
    """An untrained vision tower on the teacher's language model."""
    torch.manual_seed(seed)
    known, _ = checkpoint.load(teacher)
    text: Any = known.config.text_config
    config = Qwen2_5_VLConfig(
        vision_config={
            "depth": 3,
            "hidden_size": 96,
            "intermediate_size": 256,
            "num_heads": 4,
            "patch_size": PATCH,
            "window_size": IMAGE_SIDE,
            "fullatt_block_indexes": [2],
            "out_hidden_size": text.hidden_size,
            "tokens_per_second": PER_SECOND,
        },
        text_config=_language(made, text),
        image_token_id=made.vocab["<image>"],
        video_token_id=made.vocab["<video>"],
        vision_start_token_id=made.vocab[START],
        vision_end_token_id=made.vocab[END],
    )
    model = Qwen(config)
    _take_over(model, known.state_dict())
    return model


def _language(made: PreTrainedTokenizerFast, text: Any) -> dict[str, Any]:
    """The teacher's language model, with positions on three axes."""
    return {
        "vocab_size": len(made),
        "hidden_size": text.hidden_size,
        "intermediate_size": text.intermediate_size,
        "num_hidden_layers": text.num_hidden_layers,
        "num_attention_heads": text.num_attention_heads,
        "num_key_value_heads": text.num_key_value_heads,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": text.rms_norm_eps,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": text.rope_parameters["rope_theta"],
            "mrope_section": [8, 4, 4],
        },
        "bos_token_id": made.bos_token_id,
        "eos_token_id": made.eos_token_id,
        "pad_token_id": made.pad_token_id,
    }


@torch.no_grad()
def _take_over(model: Qwen, known: dict[str, torch.Tensor]) -> None:
    """The teacher's language model, and first weights of the tower that see more than grey."""
    for name, weight in model.named_parameters():
        if ".visual." in name:
            if weight.dim() >= 2:
                weight.normal_(0, (weight.numel() / weight.shape[0]) ** -0.5)
        elif name in known:
            weight[: len(known[name])] = known[name]
        elif name.endswith("bias"):
            weight.zero_()
        else:
            raise ValueError(f"the teacher has no {name}")


def imitate(
    model: Qwen, teacher: Path, steps: int, rate: float, log: Callable[[str], None]
) -> None:
    """Teaches the tower to make of two frames the mean of what the teacher makes of each."""
    known, made = checkpoint.load(teacher)
    rng, packer = np.random.default_rng(SEED), Packer(made)
    kind = Watching(spoken, weights=(0.4, 0.3, 0.3))
    tower = model.model.visual
    optimizer = torch.optim.AdamW(tower.parameters(), lr=rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warmed(step, steps))
    for step in range(steps):
        frames = packer.grainy([kind.lesson(8, rng) for _ in range(24)], rng)
        assert frames is not None
        with torch.no_grad():
            seen = known.model.get_video_features(frames, return_dict=True).pooler_output
            pairs = torch.stack(list(seen)).reshape(
                len(seen), -1, 2, FRAME_TOKENS, seen[0].shape[-1]
            )
            goal = pairs.mean(2).flatten(0, 2)
        pixels, grid = patches(frames)
        found = tower(pixels, grid_thw=grid).pooler_output
        loss = torch.nn.functional.mse_loss(found, goal) / goal.var()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 25 == 0:
            log(f"imitate {step + 1}: {loss.item():.3f} of the variance is left")


def save(model: Qwen, made: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes a folder that transformers loads: half precision, safetensors, all of its files."""
    weights = {name: value.to(torch.float16) for name, value in model.state_dict().items()}
    model.config.dtype = torch.float16
    model.save_pretrained(folder, state_dict=weights)
    model.config.dtype = torch.float32
    processor: Any = Qwen2_5_VLProcessor
    processor(
        image_processor=Qwen2VLImageProcessor(patch_size=PATCH, size=SIZE),
        tokenizer=made,
        video_processor=Qwen2VLVideoProcessor(
            patch_size=PATCH, size=SIZE, cap_pixels_per_frame=False
        ),
        chat_template=CHAT_TEMPLATE,
    ).save_pretrained(folder)


def load(folder: Path) -> Qwen:
    """The model in single precision."""
    return Qwen.from_pretrained(folder, dtype=torch.float32)


def train(work: Path, teacher: Path, steps: int, log: Callable[[str], None] = print) -> None:
    """Trains what is not in ``work`` yet, stage by stage; ``steps`` of imitation come first."""
    made = words()
    if not (work / "imitated").exists():
        model = build(made, teacher, SEED)
        imitate(model, teacher, steps, 2e-3, log)
        save(model, made, work / "imitated")
    model = load(work / "imitated")
    for number, stage in enumerate(s for s in STAGES if s.name in TAUGHT):
        stage = replace(stage, steps=TAUGHT[stage.name])
        if not (work / stage.name).exists():
            log(f"{stage.name}: {stage.steps} steps")
            students = Teacher(QwenPacker(made, noted=stage.noted), SEED + number)
            stage.teach(model, students, Progress(log, 25))
            save(model, made, work / stage.name)
        model = load(work / stage.name)


def main() -> None:
    """Trains, and copies the last stage to ``--out``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=DEMO / "checkpoints" / "tiny_qwen")
    parser.add_argument("--work", type=Path, default=Path("demo-training-qwen"))
    parser.add_argument("--teacher", type=Path, default=DEMO / "checkpoints" / "tiny_video")
    parser.add_argument("--imitate", type=int, default=600, help="steps of imitation")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    train(asked.work, asked.teacher, asked.imitate, lambda line: print(line, flush=True))
    save(load(asked.work / list(TAUGHT)[-1]), words(), asked.out)


if __name__ == "__main__":
    main()
