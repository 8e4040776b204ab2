"""Measurements that fill the tables of the documentation. Run them from the root: ``python -m benchmarks.speed``."""
