"""The example of Ray Serve, on a Ray of this machine: a client of HTTP hears what the voice says."""

from __future__ import annotations

import importlib.util
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
    try:
        import ray
        from ray import serve
    except ImportError:
        pytest.skip("needs ray[serve]")
    specification = importlib.util.spec_from_file_location("ray_serve", ROOT / "deploy" / "ray_serve.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    ray.cloudpickle.register_pickle_by_value(module)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"SSMPHONY_SERVE_VOICES": str(tiny_voice_folder), "PYTHONPATH": str(ROOT / "src")}
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": environment})
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(module.app)

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
