"""``python -m ssmphony``."""

from ssmphony.cli import app

app(prog_name="ssmphony")
