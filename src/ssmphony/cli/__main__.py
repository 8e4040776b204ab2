"""``python -m ssmphony.cli``."""

from ssmphony.cli import app

app(prog_name="ssmphony")
