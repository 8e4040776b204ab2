"""The state-space operations compared with others: ``python -m benchmarks.ssm``.

`operations`  which cases there are, and what one of them takes in each form
`step`        a decode step of twelve Mamba layers
`peers`       the operations as ours and as others have them
`timing`      time in turns, memory at its peak, the ceilings of the machine
`gpu`         a program of its own: the scans on a GPU
`tables`      the results as Markdown
"""
