"""The built-in benchmark and the tiny checkpoints, with the scripts that made them.

``scene`` draws, ``asking`` asks, ``narration`` talks, ``make_clips`` writes the benchmark
(``data/``); ``tokenizer``, ``checkpoint``, ``lessons``, ``packing``, ``curriculum``, ``learning``,
``preference`` and ``train`` make the three models (``checkpoints/``); ``evaluate`` checks both
without the rest of the harness.

The models exist to exercise the harness. They know eight colours, six shapes and nothing else.
"""
