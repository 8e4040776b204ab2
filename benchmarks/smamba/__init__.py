"""SMamba and its twins, measured: programs that write ``benchmarks/results/smamba_*.json``.

`speech`    voices on the same sentences, as speakers whom they have heard in training and as others
`lengths`   what a sentence costs each mixer, against its length
`training`  what a step of each training costs, and how many steps it takes to a loss
`pictures`  the curves of lengths
"""
