"""The example of Ray Serve, on a Ray of this machine: a client of HTTP hears what the voice says."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ssmphony.audio.pcm import pcm16
from ssmphony.voices.package import load

ROOT = Path(__file__).resolve().parents[2]
TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है।"


@pytest.mark.slow
def test_a_replica_speaks(tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSMPHONY_SERVE_VOICES", str(tiny_voice_folder))  # its workers inherit it
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "120")  # a busy machine starts it late
    try:
        import ray
        from ray import serve

        from deploy.ray_serve import app
    except ImportError:
        pytest.skip("needs ray[serve]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(app)

        def ask(**fields: Any) -> bytes:
            data = json.dumps({"input": TEXT, "response_format": "pcm", **fields}).encode()
            url = f"http://127.0.0.1:{port}/v1/audio/speech"
            request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()

        assert ask() == pcm16(load(tiny_voice_folder, threads=1).say(TEXT).samples)
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(voice="nobody")
        assert refused.value.code == 400
        assert "unknown voice 'nobody'" in json.loads(refused.value.read())["error"]["message"]
    finally:
        serve.shutdown()
        ray.shutdown()
