"""Models that write samples, measured: ``python -m benchmarks.sashimi``.

`tables`  the results as Markdown, with the published figures
"""
