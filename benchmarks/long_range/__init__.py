"""What S4 remembers across a silence and a GRU forgets: ``python -m benchmarks.long_range``.

`report`  the table and the curve; run by itself it draws the curve again
"""
