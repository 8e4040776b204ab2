"""The files of a user."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ssmphony.cli import app
from ssmphony.speechd import configuration
from ssmphony.speechd.install import Places, apply, install, uninstall
from ssmphony.types import SsmphonyError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    system = tmp_path / "etc"
    (system / "modules").mkdir(parents=True)
    (system / "speechd.conf").write_text('LogLevel 3\n#AddModule "x" "sd_x"\n', encoding="utf-8")
    (system / "modules/espeak-ng.conf").write_text("Debug 0\n", encoding="utf-8")
    found = Places.of_user()
    return Places(found.data, found.executable, found.configuration, found.dispatcher, system)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def done(places: Places, changes) -> list[str]:
    told: list[str] = []
    apply(places, changes, told.append)
    return told


def test_install_and_uninstall(places: Places, tmp_path: Path) -> None:
    before = files(tmp_path)
    told = done(places, install(places))
    assert told == [f"write {places.executable}", f"write {places.configuration}"]
    assert os.access(places.executable, os.X_OK)
    assert places.executable == tmp_path / "libexec/speech-dispatcher-modules/sd_ssmphony"
    assert (places.data / ".." / "libexec" / "speech-dispatcher-modules" / "sd_ssmphony").exists()
    assert configuration.read(places.configuration) == configuration.Configuration()
    assert done(places, install(places)) == [f"change {places.executable}"]  # what the user wrote stays
    done(places, uninstall(places))
    assert files(tmp_path) == before
    assert uninstall(places) == []


def test_dry_run_writes_nothing(places: Places, tmp_path: Path) -> None:
    before = files(tmp_path)
    told: list[str] = []
    apply(places, install(places, hindi=True), told.append, dry_run=True)
    assert told[0] == f"would write {places.executable}"
    assert files(tmp_path) == before


def test_a_voice_is_chosen(places: Places) -> None:
    done(places, install(places, voice="default"))
    assert configuration.read(places.configuration).voice == "default"
    with pytest.raises(SsmphonyError, match="unknown voice 'x'"):
        install(places, voice="x")


def test_the_user_s_own_dispatcher_file(places: Places) -> None:
    places.dispatcher.parent.mkdir(parents=True)
    own = 'LogLevel 5\nAddModule "espeak-ng" "sd_espeak-ng" "espeak-ng.conf"\n'
    places.dispatcher.write_text(own, encoding="utf-8")
    done(places, install(places, hindi=True))
    done(places, install(places, hindi=True))
    text = places.dispatcher.read_text(encoding="utf-8")
    assert text.startswith(own)
    assert text.count('AddModule "ssmphony" "sd_ssmphony" "ssmphony.conf"') == 1
    assert text.count('LanguageDefaultModule "hi" "ssmphony"') == 1
    done(places, uninstall(places))
    assert places.dispatcher.read_text(encoding="utf-8") == own


def test_without_modules_in_the_file_the_dispatcher_finds_it_by_itself(places: Places) -> None:
    places.dispatcher.parent.mkdir(parents=True)
    places.dispatcher.write_text("LogLevel 5\n", encoding="utf-8")
    done(places, install(places))
    assert places.dispatcher.read_text(encoding="utf-8") == "LogLevel 5\n"


def test_hindi_copies_the_configuration_of_the_system(places: Places) -> None:
    done(places, install(places, hindi=True))
    text = places.dispatcher.read_text(encoding="utf-8")
    assert text.startswith("LogLevel 3\n")
    assert 'AddModule "ssmphony"' not in text
    assert 'SymbolsPreproc "no"' in text
    copy = places.dispatcher.parent / "modules/espeak-ng.conf"
    assert copy.read_text(encoding="utf-8") == "Debug 0\n"
    done(places, uninstall(places))
    assert not copy.exists()
    assert not places.dispatcher.exists()


def test_a_copy_that_the_user_changed_stays(places: Places) -> None:
    done(places, install(places, hindi=True))
    places.dispatcher.write_text("LogLevel 4\n" + places.dispatcher.read_text(encoding="utf-8"), encoding="utf-8")
    done(places, uninstall(places))
    assert places.dispatcher.read_text(encoding="utf-8") == 'LogLevel 4\nLogLevel 3\n#AddModule "x" "sd_x"\n'
    assert (places.dispatcher.parent / "modules/espeak-ng.conf").exists()


def test_a_file_of_somebody_else_stays(places: Places) -> None:
    places.executable.parent.mkdir(parents=True)
    places.executable.write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match="not written by this command"):
        install(places)
    assert uninstall(places) == []


def test_on_the_command_line(places: Places, tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert "would write" in run(app, ["speechd", "install", "--dry-run"]).output
    assert not places.executable.exists()
    assert "spd-say -o ssmphony" in run(app, ["speechd", "install"]).output
    if shutil.which("sh"):
        subprocess.run(["sh", "-n", str(places.executable)], check=True)
    assert "remove" in run(app, ["speechd", "uninstall"]).output
    assert "nothing to remove" in run(app, ["speechd", "uninstall"]).output
    mistyped = run(app, ["speechd", "instal"])
    assert mistyped.exit_code == 2
    assert "No such command 'instal'" in mistyped.output
