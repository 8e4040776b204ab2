"""Fish on state spaces, measured: most modules are programs that write
``benchmarks/results/fish_*.json``.

`codec`        copies of held-out speakers: quality, bits, use of the codebooks, speed
`growth`       time and memory of a step from frame 10 to frame 10,000, next to attention and to recomputing
`speech`       free speech next to the codec's copy of the teacher, on sentences that no training has seen
`clones`       speakers that the model has not seen, from a prompt (part of `speech`)
`adapted`      low-rank adapters for a new reader: what is trained, gained and forgotten
`experiments`  text, frame and mixers with equal budgets
`pictures`     the curves, and spectrograms with codes
"""
