"""The built-in benchmark (``data/``) and the tiny checkpoints (``checkpoints/``).

The models exist to exercise the harness. They know eight colours, six shapes and nothing else.
How both were made is in the repository's folder ``training``.
"""
