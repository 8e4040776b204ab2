"""Flags over environment over file over defaults, and one line for each mistake."""

from __future__ import annotations

import inspect

import pytest

from ssmphony.cli.serve import serve
from ssmphony.server.settings import ServeSettings, read_settings
from ssmphony.types import SsmphonyError


def test_what_wins(tmp_path):
    file = tmp_path / "serve.toml"
    file.write_text('port = 1\nstreams = 1\nqueue = 1\nvoices = ["a", "b"]\n')
    environment = {
        "SSMPHONY_SERVE_PORT": "2",
        "SSMPHONY_SERVE_STREAMS": "2",
        "SSMPHONY_SERVE_CORS_ORIGINS": "x, y",
        "A": "b",
    }
    settings = read_settings({"port": 3}, environment, file)
    assert (settings.port, settings.streams, settings.queue, settings.timeout_s) == (3, 2, 1, 600.0)
    assert (settings.voices, settings.cors_origins) == (("a", "b"), ("x", "y"))
    assert read_settings({}, {"SSMPHONY_SERVE_ALIASES": "a=x, b=x/y"}).aliases == ("a=x", "b=x/y")
    file.write_text('[aliases]\nalloy = "default/asha"\n')
    assert read_settings({}, {}, file).aliases == ("alloy=default/asha",)
    other = tmp_path / "serve.yaml"
    other.write_text("port: 1\napi_key: hush\n")
    settings = read_settings({}, None, other)
    assert settings.port == 1
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "did you mean 'port'"),
        ("port = 99999", "'port'"),
        ("port = ", "not valid TOML"),
        ('api_key = " "', "empty key"),
    ],
)
def test_mistakes_in_a_file(tmp_path, text, told):
    file = tmp_path / "serve.toml"
    file.write_text(text)
    with pytest.raises(SsmphonyError, match=told) as raised:
        read_settings({}, {}, file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_mistakes(tmp_path):
    with pytest.raises(SsmphonyError, match=r"SSMPHONY_SERVE_PROT.*did you mean 'SSMPHONY_SERVE_PORT'"):
        read_settings({}, {"SSMPHONY_SERVE_PROT": "1"})
    with pytest.raises(SsmphonyError, match="no such"):
        read_settings({}, {}, tmp_path / "missing.toml")
    with pytest.raises(SsmphonyError, match=r"\.toml or \.yaml"):
        read_settings({}, {}, tmp_path / "missing.ini")


def test_limits_follow_from_the_longest_text():
    settings = ServeSettings()
    assert settings.body_bytes == 12 * 50_000 + 262_144
    assert ServeSettings(max_characters=100).body_bytes == 1200 + 262_144
    assert ServeSettings(max_body_bytes=2048).body_bytes == 2048
    assert [settings.deadline_s(count) for count in (0, 5000, 50_000)] == [600.0, 600.0, 6000.0]


@pytest.mark.parametrize("service", ["", "_API", "_CANARY_2", "_SERVICE", "_PORT"])
def test_variables_that_kubernetes_makes_are_none_of_ours(service):
    """For a service named ssmphony-serve, and for others of names that begin so."""
    name, address = f"SSMPHONY_SERVE{service}", "10.0.0.1"
    made = {
        f"{name}_SERVICE_HOST": address,
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_SERVICE_PORT_WYOMING_TCP": "10200",
        f"{name}_PORT": f"tcp://{address}:8000",
        f"{name}_PORT_8000_TCP": f"tcp://{address}:8000",
        f"{name}_PORT_8000_TCP_PROTO": "tcp",
        f"{name}_PORT_8000_TCP_PORT": "8000",
        f"{name}_PORT_8000_TCP_ADDR": address,
        f"{name}_PORT_53_UDP": "udp://[fd00::1]:53",
        f"{name}_PORT_53_UDP_PROTO": "udp",
        f"{name}_PORT_9_SCTP": "sctp://[fd00::1]:9",
    }
    assert read_settings({}, made) == ServeSettings()
    assert read_settings({}, {**made, "SSMPHONY_SERVE_STREAMS": "3"}).streams == 3


def test_the_port_is_still_a_setting():
    assert read_settings({}, {"SSMPHONY_SERVE_SERVICE_HOST": "10.0.0.1", "SSMPHONY_SERVE_PORT": "80"}).port == 80
    with pytest.raises(SsmphonyError, match="'port'"):
        read_settings({}, {"SSMPHONY_SERVE_PORT": "http"})
    for typo in ("SSMPHONY_SERVE_PORT_TCP", "SSMPHONY_SERVE_SERVICE", "SSMPHONY_SERVE_PORTS"):
        with pytest.raises(SsmphonyError, match=typo):
            read_settings({}, {typo: "8000"})


def test_proxies():
    environment = {"SSMPHONY_SERVE_FORWARDED_ALLOW_IPS": "10.0.0.0/8, fd00::/8"}
    assert read_settings({}, environment).forwarded_allow_ips == ("10.0.0.0/8", "fd00::/8")
    assert read_settings({"forwarded_allow_ips": ["*"]}).forwarded_allow_ips == ("*",)
    for wrong in ("nginx", "10.0.0.1/8", "*, 10.0.0.1", "10.0.0.1:80"):
        with pytest.raises(SsmphonyError, match="'forwarded_allow_ips'"):
            read_settings({}, {"SSMPHONY_SERVE_FORWARDED_ALLOW_IPS": wrong})


def test_every_setting_has_a_flag():
    renamed = {"voice": "voices", "alias": "aliases", "cors_origin": "cors_origins", "reference": "references"}
    flags = {renamed.get(name, name) for name in inspect.signature(serve).parameters}
    assert flags - {"config"} == set(ServeSettings.model_fields)
