"""The teacher reads texts out, and what it rendered earlier is read: exact times, no phone aligned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.data import finish
from ssmphony.data.corpora.kokoro import Kokoro
from ssmphony.data.corpora.kokoro_spelling import spell
from ssmphony.data.corpora.kokoro_teacher import load_teacher
from ssmphony.data.features.feature import Source
from ssmphony.data.features.registry import FEATURES, Needs
from ssmphony.data.finish import Limits
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import FrameGrid, SsmphonyError
from tests.unit.data.corpora import buzz, reasons
from tests.unit.data.teacher import TeacherFiles, write_teacher

FRONTEND = HindiFrontend()
GRID = FrameGrid(24_000, 300, 1)
TEXTS = ("मेरा नाम राम है।", "आज मौसम अच्छा है?", "हाँ।", "वह घर गया, और सो गया।")


@pytest.fixture
def teacher(tmp_path: Path) -> TeacherFiles:
    return write_teacher(tmp_path / "teacher")


@pytest.fixture(autouse=True)
def no_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the pitch is known")

    monkeypatch.setattr(finish, "track_pitch", fail)


def write_texts(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def rendered(tmp_path: Path, teacher: TeacherFiles, *texts: str, **settings: object) -> list[Clip]:
    path = write_texts(tmp_path / "texts.txt", *texts)
    reader = Kokoro.model_validate({"texts": [path], "speakers": "asha,ravi", **teacher.settings, **settings})
    prepare(reader, tmp_path / "out", limits=Limits(longest_s=60.0))
    return read_manifest(tmp_path / "out")


def test_the_pitch_stays_where_the_sound_has_it(teacher: TeacherFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the phones are heard earlier than the graph says."""
    loaded = load_teacher(teacher.model, teacher.vocabulary, teacher.voices)
    spelling = spell(FRONTEND.whole(TEXTS[0]))
    units = np.full(len(spelling.characters) + 2, 10)
    track = np.arange(100.0, 100.0 + 20 * len(units), dtype=np.float32)
    samples = np.sin(np.arange(len(units) * 6_000) / 20).astype(np.float32)

    class Session:
        def run(self, *_: object) -> tuple[object, ...]:
            return samples, units, track

    monkeypatch.setattr(loaded, "session", Session())
    rendering = loaded.render(spelling, "asha")
    lead = 6_000 - 1_500 - 1_200
    assert rendering.spans[0][1] == 1_200
    assert rendering.samples[:300] == pytest.approx(samples[lead : lead + 300] * 0.97, abs=1e-3)
    assert rendering.pitch[0] == track[lead // 300]


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("लड़का", "lˈʌr.kaː"),
        ("पढ़ना", "pˈʌr.hnaː"),
        ("पक्का", "pˈʌkːaː"),
        ("अच्छा", "ˈʌcʰcʰaː"),
        ("बुद्धि", "bˈʊdʰːi"),
        ("क्या", "kːjˈaː"),
        ("कक्षा", "kˈʌkʃaː"),
        ("दूध", "dˈuːdʰ"),
        ("नदी", "nədˈi"),
        ("हूँ", "hˈu\u0303"),
        ("में", "me\u0303ː"),
        ("बहन", "bəhˈʌn"),
    ],
)
def test_phones_are_spelled_as_the_teacher_read_them(text: str, spelling: str) -> None:
    written = "".join(spell(FRONTEND.whole(text)).characters)
    assert written.rstrip(".") == spelling


def test_every_character_has_the_symbol_that_it_spells() -> None:
    tokens = FRONTEND.whole("लड़का, आओ!")
    spelling = spell(tokens)
    assert len(spelling.characters) == len(spelling.owners)
    assert set(spelling.owners) == {-1, *range(1, len(tokens.symbols))}
    assert [spelling.characters[place] for place, owner in enumerate(spelling.owners) if owner == -1] == [" "]


def test_texts_are_rendered_with_exact_times(tmp_path: Path, teacher: TeacherFiles) -> None:
    clips = rendered(tmp_path, teacher, *TEXTS)
    assert [(clip.id, clip.speaker) for clip in clips] == [
        ("000000_asha", "asha"),
        ("000001_ravi", "ravi"),
        ("000003_ravi", "ravi"),
    ]
    assert "too short" in reasons(tmp_path / "out")["000002_asha"]
    for clip, text in zip(clips, (TEXTS[0], TEXTS[1], TEXTS[3]), strict=True):
        tokens = FRONTEND.whole(text)
        assert clip.symbols == tokens.symbols
        assert clip.words == tuple((word.first, word.stop) for word in tokens.words)
        assert [anchor[:2] for anchor in clip.anchors] == [(i, i + 1) for i in range(len(tokens))]
        samples, rate = soundfile.read(tmp_path / "out" / clip.audio)
        assert rate == 24_000
        assert np.abs(samples).max() < 1
        spelling = spell(tokens)
        # five units of 600 samples a character, also for the blank after a word
        lengths = [3_000 * spelling.owners.count(index) / rate for index in range(len(tokens))]
        spaces = [spelling.owners[place - 1] for place, owner in enumerate(spelling.owners) if owner == -1]
        for owner in spaces:
            lengths[owner] += 3_000 / rate
        assert clip.anchors[0] == (0, 1, 0.0, 0.05)  # 1,200 samples are kept before the first phone
        for (_, _, start, end), length in list(zip(clip.anchors, lengths, strict=True))[1:-1]:
            assert end - start == pytest.approx(length, abs=1e-5)
        source = Source(tmp_path / "out", clip)
        durations = FEATURES["durations"](Needs(("durations",), GRID)).read(source)
        assert durations.sum() == 1 + len(samples) // 300
        assert durations[1:-1].tolist() == [round(length * 80) for length in lengths[1:-1]]
        pitch = FEATURES["f0"](Needs(("f0",), GRID)).read(source)
        assert len(pitch) == durations.sum()
        assert pitch[:-8].tolist() == pytest.approx([100.0] * (len(pitch) - 8), rel=0.02)


def test_a_graph_without_times_is_given_them(tmp_path: Path, teacher: TeacherFiles) -> None:
    whole = rendered(tmp_path, teacher, TEXTS[0])
    public = write_teacher(tmp_path / "public", outputs=1)
    again = rendered(tmp_path / "public", public, TEXTS[0])
    assert again == whole


def test_shares_and_plans_deal_the_sentences(tmp_path: Path, teacher: TeacherFiles) -> None:
    shares = {"asha": 3, "ravi": 1}
    clips = rendered(tmp_path, teacher, *[TEXTS[0]] * 8, speakers=shares)
    assert "".join(clip.speaker[0] for clip in clips) == "aaraaara"
    plan = write_texts(tmp_path / "plan.tsv", f"7\travi\t{TEXTS[0]}", f"9\tasha\t{TEXTS[1]}")
    reader = Kokoro.model_validate({"texts": [plan], **teacher.settings})
    assert [(item.id, item.speaker) for item in reader.items()] == [("000007_ravi", "ravi"), ("000009_asha", "asha")]
    only = Kokoro.model_validate({"texts": [plan], "speakers": ["asha"], **teacher.settings})
    assert [item.id for item in only.items()] == ["000009_asha"]


def test_long_texts_are_cut_at_their_clauses(tmp_path: Path, teacher: TeacherFiles) -> None:
    long = "मेरा नाम राम है, " * 30 + "और मैं घर जाता हूँ।"
    clips = rendered(tmp_path, teacher, f"{TEXTS[0]} {TEXTS[3]}", long)
    names = [clip.id for clip in clips]
    assert names[:2] == ["000000_asha-00", "000000_asha-01"]
    assert names[2:] == ["000001_ravi-00", "000001_ravi-01", "000001_ravi-02"]
    for clip in clips:
        assert len(spell(FRONTEND.whole(clip.text)).characters) <= 300


def test_more_sentences_are_added_to_what_is_there(tmp_path: Path, teacher: TeacherFiles) -> None:
    rendered(tmp_path, teacher, *TEXTS, sentences=1)
    written = (tmp_path / "out" / "audio" / "000000_asha.flac").stat().st_mtime_ns
    assert len(rendered(tmp_path, teacher, *TEXTS, sentences=2)) == 2
    assert (tmp_path / "out" / "audio" / "000000_asha.flac").stat().st_mtime_ns == written


def test_a_loud_teacher_is_scaled_and_a_silent_one_refused(tmp_path: Path) -> None:
    teacher = write_teacher(tmp_path / "teacher", ("mute", "loud"))
    np.zeros((300, 256), np.float32).tofile(tmp_path / "teacher" / "mute.bin")
    clips = rendered(tmp_path, teacher, TEXTS[0], TEXTS[1], speakers="mute,loud")
    assert [clip.speaker for clip in clips] == ["loud"]
    assert reasons(tmp_path / "out") == {"000000_mute": "the teacher returned no speech"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "name its files"),
        ({"speakers": ""}, "who reads it"),
        ({"speakers": "nobody"}, "nobody.bin: cannot be read"),
        ({"vocabulary": "teacher.onnx"}, "not a vocabulary"),
        ({"model": "vocab.json"}, "not a graph of the teacher"),
        ({"model": "gone.onnx"}, "gone.onnx: cannot be read"),
    ],
)
def test_what_is_missing_is_one_line(
    change: dict[str, str | None], message: str, tmp_path: Path, teacher: TeacherFiles
) -> None:
    files = {
        key: str(teacher.voices / value) if value and key != "speakers" else value for key, value in change.items()
    }
    files = {key: [] if value == "" else value for key, value in files.items()}
    with pytest.raises(SsmphonyError, match=message):
        rendered(tmp_path, teacher, TEXTS[0], **files)


def corpus(folder: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A rendered corpus: 1,200 samples of silence, and phones of 3,000."""
    (folder / "wavs").mkdir(parents=True)
    lines = ""
    for given in rows:
        row = dict(given)
        name, symbols = str(row["id"]), FRONTEND.whole(str(row["text"])).symbols[1:]
        edges = 1_200 + 3_000 * np.arange(len(symbols) + 1)
        samples = np.pad(buzz(float(edges[-1] - 1_200) / 24_000, rate=24_000), (1_200, 2_400))
        soundfile.write(folder / "wavs" / f"{name}.flac", samples, 24_000)
        phones = [[symbol, int(a), int(b)] for symbol, a, b in zip(symbols, edges, edges[1:], strict=False)]
        known = {"samples": len(samples), "phones": phones, "f0": [150] * (len(samples) // 300 - 5)}
        row |= {key: value for key, value in known.items() if key not in row}
        lines += json.dumps(row, ensure_ascii=False) + "\n"
    (folder / "clips-0.jsonl").write_text(lines, encoding="utf-8")
    return folder


def read(folder: Path, *speakers: str) -> dict[str, Clip]:
    prepare(Kokoro(texts=(folder,), speakers=dict.fromkeys(speakers, 1)), folder / "out")
    return {clip.id: clip for clip in read_manifest(folder / "out")}


def test_a_rendered_corpus_is_read_as_it_is(tmp_path: Path) -> None:
    rows = [{"id": "a", "speaker": "asha", "text": TEXTS[0]}, {"id": "b", "speaker": "ravi", "text": TEXTS[1]}]
    clips = read(corpus(tmp_path / "in", rows))
    assert list(clips) == ["a", "b"]
    clip, tokens = clips["a"], FRONTEND.whole(TEXTS[0])
    assert clip.symbols == tokens.symbols
    assert clip.words == tuple((word.first, word.stop) for word in tokens.words)
    edges = [0.0, *(0.05 + 0.125 * np.arange(len(tokens) - 1)), clip.seconds]
    assert [time for anchor in clip.anchors for time in anchor[2:]] == pytest.approx(np.repeat(edges, 2)[1:-1].tolist())
    assert clip.f0_rate == 80
    pitch = np.load(tmp_path / "in" / "out" / "f0" / "a.npy")
    assert set(pitch[:-6].tolist()) == {150.0}
    assert pitch[-2:].tolist() == [0, 0]


def test_speakers_may_be_chosen(tmp_path: Path) -> None:
    rows = [{"id": name, "speaker": name, "text": TEXTS[0]} for name in ("asha", "ravi", "mira")]
    assert list(read(corpus(tmp_path / "in", rows), "mira", "asha")) == ["asha", "mira"]


def test_phones_of_an_older_frontend_keep_their_words(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", [{"id": "a", "speaker": "asha", "text": TEXTS[0]}])
    line = json.loads((folder / "clips-0.jsonl").read_text(encoding="utf-8"))
    assert [phone[0] for phone in line["phones"]][:4] == ["m", "eː", "ɾ", "aː"]
    line["phones"][1][0], line["phones"][3][0] = "ɛː", "ə"
    (folder / "clips-0.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    clip = read(folder)["a"]
    assert (clip.symbols or ())[1:5] == ("m", "ɛː", "ɾ", "ə")
    assert clip.words == tuple((word.first, word.stop) for word in FRONTEND.whole(TEXTS[0]).words)


def test_clips_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "good", "speaker": "asha", "text": TEXTS[0]},
        {"id": "other", "speaker": "asha", "text": TEXTS[0]},
        {"id": "short", "speaker": "asha", "text": TEXTS[0], "samples": 5_000},
        {"id": "odd", "speaker": "asha", "text": TEXTS[0], "phones": [["x!", 0, 10]]},
        {"id": "broken", "speaker": "asha", "text": TEXTS[0], "phones": [["m", 0]]},
        {"id": "gone", "speaker": "asha", "text": TEXTS[0]},
    ]
    folder = corpus(tmp_path / "in", rows)
    lines = (folder / "clips-0.jsonl").read_text(encoding="utf-8").splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "text": "कुछ और ही बात लिखी हुई थी"})
    (folder / "clips-0.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "wavs" / "gone.flac").unlink()
    assert list(read(folder)) == ["good"]
    expected = {
        "other": "not what was said",
        "short": "do not fit the sound",
        "odd": "not a symbol",
        "broken": "cannot be read",
        "gone": "no audio file",
    }
    found = reasons(folder / "out")
    assert {name: part in found[name] for name, part in expected.items()} == dict.fromkeys(expected, True)


def test_lines_that_are_no_clips_are_an_error(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", [{"id": "a", "speaker": "asha", "text": TEXTS[0]}])
    with (folder / "clips-0.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "b"}\n')
    with pytest.raises(SsmphonyError, match=r"clips-0.jsonl, line 2: not a rendered clip"):
        read(folder)


def test_clips_that_a_recogniser_reads_otherwise_are_listed(tmp_path: Path) -> None:
    rows = [{"id": name, "speaker": "asha", "text": text} for name, text in (("a", TEXTS[0]), ("b", TEXTS[1]))]
    folder = corpus(tmp_path / "in", rows)
    asked: list[tuple[str, ...]] = []

    def phone_error(samples: np.ndarray, rate: int, symbols: Sequence[str]) -> float:
        asked.append(tuple(symbols))
        return 0.9 if symbols[-1] == "?" else 0.1

    prepare(Kokoro(texts=(folder,)), folder / "out", limits=Limits(phone_error=0.5), phone_error=phone_error)
    assert len(asked) == 2
    assert [clip.id for clip in read_manifest(folder / "out")] == ["a"]
    assert reasons(folder / "out") == {"b": "the recogniser reads 90% of the phones differently"}


def test_blends_speak_as_the_mean_of_their_voices(tmp_path: Path, teacher: TeacherFiles) -> None:
    """Named in a plan; a voice that there is none of is an error before anything is rendered."""
    reader = load_teacher(teacher.model, teacher.vocabulary, teacher.voices)
    expected = 0.25 * reader.style("asha") + 0.75 * reader.style("ravi")
    np.testing.assert_allclose(reader.style("asha:1,ravi:3"), expected, rtol=1e-5)
    plan = write_texts(tmp_path / "plan.tsv", f"7\tasha:0.5,ravi:0.5\t{TEXTS[0]}")
    settings = {"texts": [plan], **teacher.settings}
    prepare(Kokoro.model_validate(settings), tmp_path / "out", limits=Limits(longest_s=60.0))
    (clip,) = read_manifest(tmp_path / "out")
    assert (clip.id, clip.speaker) == ("000007_asha-0.5+ravi-0.5", "asha:0.5,ravi:0.5")
    for speaker, message in (("asha:0.5,nobody:0.5", "nobody.bin: cannot be read"), ("asha:0,ravi:1", "not a weight")):
        other = write_texts(tmp_path / "other.tsv", f"7\t{speaker}\t{TEXTS[0]}")
        with pytest.raises(SsmphonyError, match=message):
            prepare(Kokoro.model_validate({**settings, "texts": [other]}), tmp_path / "none")
