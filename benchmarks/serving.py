"""Served models against our own engine on the demo: ``python -m benchmarks.serving``.

    --vllm PYTHON      the interpreter of an environment with vLLM (``make vllm`` makes one)
    --checkpoint DIR   tiny_video under the names that vLLM reads (``benchmarks.vllm_cpu convert``)
    --json             the figures as JSON

Starts vLLM's server on this machine, asks it the demo's 198 questions over HTTP, and asks the same
in process; counts the answers that differ from our own engine's ("flips"), the questions a second,
and the processor's time a question: of this process (``client_ms``), of the server's front, which
reads requests and prepares pictures (``front_ms``), and of its engine (``engine_ms``). Its caches
are emptied before each turn. Exits with 1 when any answer differs.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.demo_samples import CHECKPOINTS, accuracy, demo_samples, flips, responses
from harness.models.openai import OpenAI
from harness.models.transformers import Transformers
from harness.types import Failure, Generation, Model, Response, Sample

NAME = "tiny_video"
FLAGS = (
    "--served-model-name", NAME, "--dtype", "float32", "--max-model-len", "4096",
    "--enforce-eager", "--block-size", "32", "--trust-request-mm-kwargs",
    "--enable-prompt-tokens-details",
)  # fmt: skip
SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GB
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_SERVER_DEV_MODE": "1",  # the addresses that empty its caches
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
START = 600.0  # seconds that a server may take to start: the first time it compiles

CPU = ("client_ms", "front_ms", "engine_ms")

Said = Mapping[str, Response | Failure]


def own_engine() -> Transformers:
    """tiny_video on our own engine."""
    return Transformers(str(CHECKPOINTS / NAME), tokens_per_frame=4, dtype="float32")


@dataclass(frozen=True)
class Server:
    """A server that runs: its address and its process."""

    url: str
    process: psutil.Process

    def times(self) -> tuple[float, float]:
        """Seconds of the processor so far: of its front, and of its engine's processes."""
        engine = [p for p in self.process.children(recursive=True) if p.name().startswith("VLLM")]
        return _seconds(self.process), sum(map(_seconds, engine))

    def empty_caches(self) -> None:
        """Empties its caches of prefixes and of pictures."""
        for name in ("reset_prefix_cache", "reset_mm_cache", "reset_encoder_cache"):
            address = f"{self.url.removesuffix('/v1')}/{name}"
            httpx2.post(address, timeout=30).raise_for_status()


def _seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


@contextmanager
def server(python: str, checkpoint: Path, log: Path) -> Iterator[Server]:
    """vLLM's server of OpenAI's chat completions. Ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint)]
    command += ["--host", "127.0.0.1", "--port", str(port), *FLAGS]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | SETTINGS
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
        try:
            _wait(process, f"http://127.0.0.1:{port}", log)
            yield Server(f"http://127.0.0.1:{port}/v1", psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(60)


def _wait(process: subprocess.Popen[bytes], root: str, log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"vLLM ended while starting; the end of {log}:\n{log.read_text()[-2000:]}")
        try:
            if httpx2.get(f"{root}/health", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(1)
    sys.exit(f"vLLM did not start within {START:g} s; see {log}")


def turn(
    model: Model,
    samples: list[Sample],
    generation: Generation,
    ours: Said,
    asked: Server | None = None,
) -> tuple[dict[str, Any], Said]:
    """One turn: its speed, its flips against ``ours`` and what was found in the server's cache; and
    what was said."""
    if asked is not None:
        asked.empty_caches()
    before = _times(asked)
    began = time.perf_counter()
    said = responses(model, samples, generation)
    took = time.perf_counter() - began
    usage = [r.usage for r in said.values() if isinstance(r, Response) and r.usage]
    read = sum(u.input or 0 for u in usage)
    figures = {
        "questions": len(said),
        "seconds": round(took, 3),
        "per_second": round(len(said) / took, 1),
        "accuracy": round(accuracy(samples, said), 1),
        "failed": sum(isinstance(r, Failure) for r in said.values()),
        "flips": len(flips(ours, said)) if ours else 0,
        "cached": round(sum(u.cached or 0 for u in usage) / read, 3) if read else None,
    }
    for name, was, now in zip(CPU, before, _times(asked), strict=False):
        figures[name] = round(1000 * (now - was) / len(said), 2)
    if generation.letters:
        figures["largest_difference"] = _largest(ours, said)
    return figures, said


def _times(asked: Server | None) -> tuple[float, ...]:
    """Seconds of the processor so far, as ``CPU`` names them."""
    return (time.process_time(), *(asked.times() if asked is not None else ()))


def _texts(said: Said) -> dict[str, str | None]:
    return {key: r.text if isinstance(r, Response) else None for key, r in said.items()}


def _largest(ours: Said, theirs: Said) -> float:
    """The largest difference of a letter's probability."""
    pairs = [(ours[key], theirs[key]) for key in ours]
    return max(
        abs((a.probabilities or {})[letter] - p)
        for a, b in pairs
        if isinstance(a, Response) and isinstance(b, Response)
        for letter, p in (b.probabilities or {}).items()
    )


def over_http(asked: Server, samples: list[Sample], ours: Said) -> dict[str, Any]:
    """Turns over HTTP: by requests in flight, by how frames are sent, and by letters."""
    found: dict[str, Any] = {}
    settings: list[tuple[str, dict[str, Any]]] = [
        (f"{n} in flight", {"in_flight": n}) for n in (1, 4, 8, 16, 32)
    ]
    settings += [("frames with each question", {"send_once": False}), ("webp", {"picture": "webp"})]
    for codec in ("h264", "ffv1"):
        settings += [(f"video file, {codec}", {"frames_as": "video", "video_codec": codec})]
    for name, given in settings:
        model = OpenAI(asked.url, NAME, reference=own_engine(), **given)
        found[f"HTTP, {name}"], _ = turn(model, samples, Generation(), ours, asked)
    letters = Generation(letters=True)
    own = responses(own_engine(), samples, letters)
    served = OpenAI(asked.url, NAME, reference=own_engine())
    found["HTTP, letters"], _ = turn(served, samples, letters, own, asked)
    return found


def in_process(checkpoint: Path) -> None:
    """Prints the answers and speed of vLLM in this process, as JSON. Runs where vLLM is."""
    from harness.models.vllm import VLLM

    engine = {"enforce_eager": True, "block_size": 32, "disable_log_stats": True}
    model = VLLM(own_engine(), engine, weights=str(checkpoint), context=4096)
    samples = demo_samples(8)
    list(model.generate(demo_samples(4, clips=1), Generation()))  # loads and warms up
    figures, said = turn(model, samples, Generation(), {})
    print("FIGURES " + json.dumps({"figures": figures, "texts": _texts(said)}))


def measure(python: str, checkpoint: Path) -> dict[str, Any]:
    """All turns, by name."""
    samples = demo_samples(8)
    own = own_engine()
    own.load()
    list(own.generate(samples[:1], Generation()))
    figures, ours = turn(own, samples, Generation(), {})
    found = {"our engine": figures}
    with tempfile.TemporaryDirectory() as folder:
        with server(python, checkpoint, Path(folder) / "vllm.log") as asked:
            found |= over_http(asked, samples, ours)
        command = [python, "-m", "benchmarks.serving", "--in-process", str(checkpoint)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | SETTINGS, check=False
        )
    line = next((s for s in done.stdout.splitlines() if s.startswith("FIGURES ")), None)
    if line is None:
        sys.exit(f"vLLM in process ended with {done.returncode}:\n{done.stderr[-2000:]}")
    inside = json.loads(line.removeprefix("FIGURES "))
    wrong = [key for key, text in _texts(ours).items() if text != inside["texts"].get(key)]
    inside["figures"]["flips"] = len(wrong)
    found["in process"] = inside["figures"]
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vllm", default="build/vllm/bin/python")
    parser.add_argument("--checkpoint", type=Path, default=Path("build/vllm/checkpoints") / NAME)
    parser.add_argument("--in-process", type=Path)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    if words.in_process:
        in_process(words.in_process)
        return
    found = measure(words.vllm, words.checkpoint)
    if words.json:
        print(json.dumps(found, indent=2))
    else:
        for name, row in found.items():
            print(f"{name:28}", *(f"{key} {value}" for key, value in row.items()), sep="  ")
    wrong = [name for name, row in found.items() if row["flips"] or row["failed"]]
    if wrong:
        sys.exit(f"answers differ from our own engine's: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
