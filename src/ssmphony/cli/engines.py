"""``--engine``: where the work of a command is done."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ssmphony.parallel import Executor


class EngineName(str, Enum):
    """See `ssmphony.parallel`."""

    LOCAL = "local"
    RAY = "ray"


Engine = Annotated[EngineName, typer.Option(help="This machine, or a Ray cluster.")]


def engine_of(name: EngineName) -> Executor:
    if name is EngineName.RAY:
        from ssmphony.parallel.ray_data import run_on_ray

        return run_on_ray
    from ssmphony.parallel.local import run_local

    return run_local
