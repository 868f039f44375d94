"""The built-in benchmark (``data/``) and the tiny checkpoints (``checkpoints/``).

The models exist to exercise the harness. They know eight colours, six shapes and nothing else;
``tiny_judge``, which sees nothing, grades their one-word answers and nothing else.
How both were made is in the repository's folder ``training``.
"""
