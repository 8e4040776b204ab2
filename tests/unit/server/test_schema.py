"""The OpenAPI description is complete, and what it promises holds for requests that nobody would write."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ssmphony.audio.encoding import MEDIA_TYPES
from ssmphony.voice import Voice
from tests.unit.server.running import SPEECH, serving

KEY = {"Authorization": "Bearer secret"}
ROUTES = {
    "/dev/captioned_speech",
    "/dev/generate_from_phonemes",
    "/dev/phonemize",
    "/health",
    "/metrics",
    SPEECH,
    "/v1/audio/captions",
    "/v1/audio/models",
    "/v1/audio/phonemes",
    "/v1/audio/phonemes/speech",
    "/v1/audio/voices",
    "/v1/audio/voices/{model}",
    "/v1/models",
    "/v1/models/{model}",
}


@pytest.mark.slow
def test_what_the_description_promises(voice: Voice):
    with serving(voice, max_characters=200, api_key="secret") as server:
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", headers=KEY)
        for found in schema.get_all_operations():
            keep_promises(found.ok())


def keep_promises(operation: Any) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        # most texts that are made up here hold nothing to speak, and most names are of no voice
        case.call_and_validate(headers=KEY, excluded_checks=[positive_data_acceptance])

    check()


def test_the_description_is_complete(server):
    description = server.ask("GET", "/openapi.json").json()
    assert set(description["paths"]) == ROUTES
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    assert all(operation["description"] for operation in operations)
    assert not any("422" in operation["responses"] for operation in operations)
    speech = description["paths"][SPEECH]["post"]
    assert set(speech["responses"]) == {"200", "400", "401", "408", "413", "429", "4XX", "500", "503", "504"}
    assert set(speech["responses"]["200"]["content"]) == {
        *MEDIA_TYPES.values(),
        "application/x-ndjson",
        "text/event-stream",
    }
    for status, response in speech["responses"].items():
        if status != "200":
            assert status == "4XX" or response["content"]["application/json"]["example"]["error"]["message"]
            assert response["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorResponse")
    asked = description["components"]["schemas"]["SpeechRequest"]
    assert asked["examples"]
    for name in set(asked["properties"]) - {"input"}:
        assert {"type": "null"} in asked["properties"][name]["anyOf"], name
    assert "securitySchemes" not in description["components"]


def test_the_key_is_described(voice):
    with serving(voice, api_key="secret") as server:
        description = server.ask("GET", "/openapi.json", headers=KEY).json()
    assert description["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert description["paths"][SPEECH]["post"]["security"]


def test_the_examples_are_spoken(server):
    description = server.ask("GET", "/openapi.json").json()
    for example in description["components"]["schemas"]["SpeechRequest"]["examples"]:
        assert server.speak(example.pop("input"), **example).status == 200
