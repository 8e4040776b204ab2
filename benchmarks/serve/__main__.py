"""``ssmphony serve`` under load, compared with a naive server that speaks one text after another.

    python -m benchmarks.serve [--voice VOICE] [--rounds 3] [--minutes 30] [--only concurrency,arrivals,memory]
                               [--quick] [--write] [--before PYTHON]

Real processes on the loopback and on two cores: both servers and, as a third, their listeners, who cost little
(`benchmarks.serve.client`). The servers take turns within a round, ratios are taken within a round, and figures are
medians of rounds. ``--only`` measures some sections again and leaves the others as they are. Writes
``benchmarks/results/serve.json``; ``--write`` also fills the tables of the documentation from it. ``--quick`` takes
two minutes and stores nothing. ``--before`` names the interpreter of an environment with another version of ssmphony,
whose server takes the place of the naive one; it prints the ratios and stores nothing. Reads /proc: Linux only.
"""

from benchmarks.serve.measure import main

if __name__ == "__main__":
    main()
