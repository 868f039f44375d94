"""How the built-in benchmark's clips and the tiny checkpoints were made; not part of the wheel.

``scene`` draws, ``asking`` asks, ``narration`` talks, ``make_clips`` writes the benchmark
(``harness/demo/data``); ``tokenizer``, ``checkpoint``, ``lessons``, ``packing``, ``curriculum``,
``learning``, ``preference`` and ``train`` make the three LLaVA-NeXT-Video models
(``harness/demo/checkpoints``); ``evaluate`` checks both without the rest of the harness.
``grading`` is the rule for open answers, ``judge`` makes tiny_judge, ``agreement`` holds it against
the rule.
"""

from pathlib import Path

import harness.demo
import harness.models.transformers.library  # before transformers

DEMO = Path(harness.demo.__path__[0])  # where the benchmark and the checkpoints lie
