"""The server as replicas on a Ray cluster, under Ray Serve's proxy.

    pip install ".[serve]" "ray[serve]"                     # in a checkout on every machine
    serve run deploy.ray_serve:app                          # in the checkout, on the first machine

Each replica has an engine of its own. Settings come from the environment, as for `ssmphony serve`; those of sockets
(host, port, workers, connections, stall_s) and Wyoming are the proxy's business or do not apply.
"""

from __future__ import annotations

import os

from fastapi import FastAPI
from ray import serve

CORES = 2
"""Of a replica."""
STREAMS = 64
"""Spoken at once by a replica; the proxy sends no more, and lets the others wait."""


def build() -> FastAPI:
    """In the replica: its application, around an engine that lives as long as its process."""
    from ssmphony.engine import Engine
    from ssmphony.server import create_app, read_settings
    from ssmphony.server.run import load_voices

    settings = read_settings({}, os.environ)
    engine = Engine(load_voices(settings), workers=settings.threads or CORES, running=STREAMS, queue=settings.queue)
    return create_app(engine, settings)


Speech = serve.deployment(
    name="ssmphony",
    num_replicas=1,
    max_ongoing_requests=STREAMS,
    max_queued_requests=STREAMS,
    ray_actor_options={"num_cpus": CORES},
    graceful_shutdown_timeout_s=45,
)(serve.ingress(build)())

app = Speech.bind()
