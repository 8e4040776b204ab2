"""Speed, first sound, memory and size of our voices next to other systems: ``python -m benchmarks.speed --help``.

A worker of this package runs in the environment of every system, most of which lack `ssmphony`. So `worker`, `systems`
and `peers` import nothing but the standard library at their top.
"""
