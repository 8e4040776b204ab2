"""Slow, exact and readable: what the fast code must equal. Nothing in ``src`` imports it."""
