"""The state-space operations compared with others: time, peak memory, error, growth, roofline; and a decode step.

    python -m benchmarks.ssm [--only scan,ssd,delta,s4d,s4,step] [--quick] [--rounds 7] [--write]

Two threads, warm, medians; the forms take turns in one process on the same inputs, after their outputs were compared
with float64. Memory is the growth of the process at its peak during one call. Each section is stored in
``benchmarks/results/ssm.json`` as soon as it is measured, with the machine's own ceilings of that moment, so that the
sections can be measured one by one; ``--write`` fills the documentation from it. Peers: ``pip install mambapy
transformers``. All of it takes about a quarter of an hour on two cores with nothing else to do.

On a machine with other work, set OMP_WAIT_POLICY=PASSIVE: threads that spin while they wait for one that has no
processor cost more than the work.
"""

from benchmarks.ssm.operations import main

if __name__ == "__main__":
    main()
