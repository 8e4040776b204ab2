"""S4 from its equations, in JAX and double precision. Read the chapters in this order:

ssm → hippo → kernel → carry → network → later. Each function is followed by the test of what it claims; pytest runs
them all.
"""

from __future__ import annotations

import jax

# Here and not in the shell, so that whoever imports a chapter gets the digits that its tests demand.
jax.config.update("jax_enable_x64", True)
