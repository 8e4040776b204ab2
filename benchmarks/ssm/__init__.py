"""The state-space operations compared with others: ``python -m benchmarks.ssm``.

`operations`  what is measured
`step`        a decode step of twelve Mamba layers
`peers`       the operations as ours and as others have them
`gpu`         a program of its own: the scans on a GPU
`tables`      the results as Markdown
"""
