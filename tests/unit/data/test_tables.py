"""Tables of transcripts as people bring them: which cell is the id, the text, the speaker, and which file is meant."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssmphony.data.corpora.audio_files import AudioIndex
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.transcripts import Entry, read_transcripts
from ssmphony.data.text_files import read_text
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import SsmphonyError
from tests.unit.data.corpora import buzz, table, write

A, B, C = "आज मौसम बहुत अच्छा है।", "हम कल बाज़ार जाएँगे।", "दिल्ली भारत की राजधानी है।"
BOTH = [("01", "corpus", A), ("02", "corpus", B)]


def rows(corpus: Path, **options: str) -> list[tuple[str, str, str | None]]:
    """Id, speaker and text of what can be used."""
    items = LJSpeech(path=corpus, **options).items()
    return [(item.id, item.speaker, item.text) for item in items if not item.problem]


def problems(corpus: Path) -> dict[str, str]:
    return {item.id: item.problem for item in LJSpeech(path=corpus).items() if item.problem}


@pytest.mark.parametrize(
    "ids",
    [
        ("01", "02"),
        ("01.wav", "02.wav"),
        ("01.WAV", "02.Wav"),
        ("01.flac", "02.mp3"),  # converted since
        ("wavs/01.wav", "./wavs/02"),
        ("wavs\\01.wav", "C:\\corpus\\wavs\\02.wav"),
        ("/srv/corpus/wavs/01.wav", "DUMMY1/02.wav"),
        ("01 ", "\t02"),
    ],
)
def test_ids_may_have_an_extension_or_a_folder(ids: tuple[str, str], tmp_path: Path) -> None:
    assert rows(table(tmp_path / "corpus", f"{ids[0]}|{A}\n{ids[1]} | {B}\n")) == BOTH


def test_ids_of_recordings_in_subfolders(tmp_path: Path) -> None:
    corpus = table(
        tmp_path / "corpus", f"sub/01|{A}\nsub\\02.wav|{B}\n03|{C}\n", "sub/01.wav", "sub/02.wav", "sub/03.WAV"
    )
    assert [name for name, _, _ in rows(corpus)] == ["sub-01", "sub-02", "03"]


def test_an_id_of_several_recordings_is_listed(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"01|{A}\n02|{B}\n", "a/01.wav", "b/01.wav", "02.wav")
    assert problems(corpus)["01"] == "several audio files of this id: a/01.wav and b/01.wav"
    assert rows(corpus) == BOTH[1:]


def test_one_recording_in_two_formats_is_taken_once(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"01|{A}\n", "01.wav", "01.flac")
    (used, left) = LJSpeech(path=corpus).items()
    assert used.path == corpus / "wavs" / "01.wav"
    assert (left.id, left.problem) == ("wavs/01.flac", "no row of metadata.csv names it")


def test_two_rows_of_one_recording_are_not_both_taken(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"01|{A}\nsub/01|{B}\n", "sub/01.wav")
    assert rows(corpus) == BOTH[:1]
    assert problems(corpus)["sub-01"] == "its recording 01.wav is that of '01'"


def test_names_that_read_alike_are_one(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"क\u093c-é|{A}\n", "\u0958-e\u0301.wav")
    assert [text for _, _, text in rows(corpus)] == [A]


@pytest.mark.parametrize(
    "name", ["../02", "..\\02.wav", "../../other/wavs/02", "/etc/passwd", "wavs/../../x", "..", "/"]
)
def test_ids_never_lead_out_of_the_corpus(name: str, tmp_path: Path) -> None:
    write(tmp_path / "02.wav", buzz(1.0))
    write(tmp_path / "other" / "wavs" / "02.wav", buzz(1.0))
    corpus = table(tmp_path / "corpus", f"01|{A}\n{name}|{B}\n", "01.wav")
    assert rows(corpus) == BOTH[:1]
    assert problems(corpus)[name] == "no audio file of this id"


@given(name=st.text(st.sampled_from("0123./\\ ~awvs-%\u0958é"), max_size=24))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_id_only_files_below_the_folder_are_found(name: str, tmp_path: Path) -> None:
    if not (tmp_path / "in").exists():
        for place in ("in/01.wav", "in/sub/02.wav", "03.wav", "0/1.wav"):
            write(tmp_path / place, buzz(0.1))
    path = AudioIndex(tmp_path / "in").find(name).path
    assert path in (None, tmp_path / "in" / "01.wav", tmp_path / "in" / "sub" / "02.wav")


SPEAKERS = [("01", "asha", A), ("02", "ravi", B)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"01|asha|{A}\n02|ravi|{B}\n", SPEAKERS),
        (f"wavs/01.wav|0|{A}\nwavs/02.wav|1|{B}\n", [("01", "0", A), ("02", "1", B)]),
        (f"01|आशा|नमस्ते\n02|आशा|{B}\n", [("01", "आशा", "नमस्ते"), ("02", "आशा", B)]),
        (f"01|{A}|asha\n02|{B}|ravi\n", SPEAKERS),
        (f"01|asha|hi|{A}\n02|ravi|hi|{B}\n", SPEAKERS),
        (f"01|hi|asha|{A}\n02|hi|ravi|{B}\n", SPEAKERS),
        (f"01|asha|{A}\n02||{B}\n", [("01", "asha", A), ("02", "corpus", B)]),
        (f"{A}|01\n{B}|02\n", BOTH),
        (f"01|{A}|{A}\n02|हम कल 2 बाज़ार जाएँगे।|{B}\n", BOTH),
        (f"01|{A}|\n02|{B}|\n", BOTH),
        (f"01|{A}|\n02|raw|{B}\n", BOTH),
        (f"01|{A}\n02|{B}|{B}\n", BOTH),
        ("01|5|पाँच\n02|10|दस\n", [("01", "corpus", "पाँच"), ("02", "corpus", "दस")]),
        (f"01|{A}|2.35\n02|{B}|1.50\n", BOTH),
        (f"01|{A}|56400\n02|{B}|36000\n", BOTH),
        (f"01|{A}|The weather is nice today.\n02|{B}|We go to the market tomorrow.\n", BOTH),
        (f"id|text\n01|{A}\n02|{B}\n", BOTH),
        (f"file_name|speaker_id|transcription\n01.wav|asha|{A}\n02.wav|ravi|{B}\n", SPEAKERS),
        (f"Speaker|Audio File|Text\nasha|01|{A}\nravi|02|{B}\n", SPEAKERS),
        (f"id|text|normalized_text\n01|raw|{A}\n02|{B}|\n", BOTH),
        (f"client_id\tpath\tsentence\tup_votes\nasha\t01.mp3\t{A}\t2\nravi\t02.mp3\t{B}\t2\n", SPEAKERS),
        (f"audio,words_that_are_spoken\n01,{A}\n02,{B}\n", BOTH),
    ],
)
def test_columns_are_found_out(content: str, expected: list[tuple[str, str, str]], tmp_path: Path) -> None:
    assert rows(table(tmp_path / "corpus", content)) == expected


@pytest.mark.parametrize(
    "content",
    [
        f"01,{A}\n02,{B}\n",
        f"01;{A}\n02;{B}\n",
        f"01\t{A}\n02\t{B}\n",
        f"01 {A}\n02 {B}\n",
        f'"01","{A}"\n"02","{B}"\n',
        f'"01"\t"{A}"\n"02"\t"{B}"\n',
        f"01,{A}\r\n02,{B}\r\n",
        f"01|{A}\r02|{B}\r",
        f"\n01|{A}\n\n02|{B}\n|\n",
        f"\ufeff01|{A}\n02|{B}",
    ],
)
def test_separators_and_line_ends_are_found_out(content: str, tmp_path: Path) -> None:
    assert rows(table(tmp_path / "corpus", content)) == BOTH


def test_commas_of_the_text_are_not_columns(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", '01,राम, श्याम आए।\n02,"एक, ""दो"", तीन।"\n')
    assert [text for _, _, text in rows(corpus)] == ["राम, श्याम आए।", 'एक, "दो", तीन।']
    corpus = table(tmp_path / "corpus", f"id,speaker,text\n01,asha,{A}, हाँ\n02,ravi,{B}\n")
    assert [text for _, _, text in rows(corpus)] == [f"{A}, हाँ", B]


def test_a_quotation_mark_that_is_never_closed_costs_no_other_row(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f'01,"{A}\n02,{B}\n')
    assert rows(corpus) == [("01", "corpus", f'"{A}'), BOTH[1]]
    corpus = table(tmp_path / "corpus", f'01|"{A}|"{A}\n02|{B}|{B}\n')  # as in LJSpeech, where a quotation goes on
    assert rows(corpus) == [("01", "corpus", f'"{A}'), BOTH[1]]


def test_broken_rows_are_listed_with_their_lines(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"01|{A}\n\n02|{B}|और|भी\n|{C}\n02\n03|{C}\n", "01.wav")
    assert problems(corpus) == {
        "metadata.csv, line 3": "4 cells in 2 columns divided by |",
        "metadata.csv, line 4": "no id in this row",
        "02": "no audio file of this id",
        "03": "no audio file of this id",
    }


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-16", b""),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-8-sig", b""),
        ("utf-32", b""),
        ("utf-16-be", b"\xfe\xff"),
    ],
)
def test_encodings_are_found_out(encoding: str, mark: bytes, tmp_path: Path) -> None:
    content = mark + f"01|{A}\r\n02|{B}\r\n".encode(encoding)
    assert rows(table(tmp_path / "corpus", content)) == BOTH


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("01|déjà vu\n".encode("cp1252"), r"line 1: cannot be read as UTF-8 text: it looks like Windows-1252.*iconv"),
        (b"PK\x03\x04\x14\x00\xff\xfe\x00", "an Excel workbook; save the sheet as CSV in UTF-8"),
        (b"\x00\x01\x02\xff\x00", "it is not a text file"),
        (b"01|a\x00b\n", "it is not a text file"),
        (f'{{"audio": "01.wav", "text": "{A}"}}\n'.encode(), "looks like JSON: write its lines as id|text"),
        (f"{A}\n{B}\n".encode(), r"not divided by \|, a tab, ; or ,: write them as id\|text"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=message) as caught:
        rows(table(tmp_path / "corpus", content))
    assert "metadata.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_huge_table_and_what_is_not_a_file_are_not_read(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", "")
    with (corpus / "metadata.csv").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SsmphonyError, match=r"1099512 MB, and 268 MB are the limit"):
        rows(corpus)
    (corpus / "metadata.csv").unlink()
    (corpus / "metadata.csv").mkdir()
    with pytest.raises(SsmphonyError, match="it is not a file"):
        rows(corpus)


def test_columns_and_separator_may_be_given(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"01|happy|{A}\n02|happy|{B}\n")
    assert rows(corpus) == [("01", "happy", A), ("02", "happy", B)]
    assert rows(corpus, columns="id,-,text") == BOTH
    corpus = table(tmp_path / "corpus", f"01,{A}|x\n02,{B}|y\n")
    assert rows(corpus, separator=",", columns="id,text") == [("01", "corpus", f"{A}|x"), ("02", "corpus", f"{B}|y")]
    with pytest.raises(SsmphonyError, match="unknown column 'txt'; known: id, text, speaker"):
        rows(corpus, columns="id,txt")
    with pytest.raises(SsmphonyError, match="must have one id, a text"):
        rows(corpus, columns="id,id,text")
    with pytest.raises(SsmphonyError, match="separator: '/' divides no table"):
        rows(corpus, separator="/")


def test_the_layout_that_was_found_is_one_line(tmp_path: Path) -> None:
    corpus = table(tmp_path / "corpus", f"path\tlikes\tsentence\n01\t3\t{A}\n02\t2\t{B}\n")
    layout = LJSpeech(path=corpus).layout()
    assert layout == f"{corpus / 'metadata.csv'}: columns divided by tab: id (path), not read (likes), text (sentence)"


NAMES = st.text(st.sampled_from("abcxyz019_-कखग"), min_size=1, max_size=8)
WORDS = st.text(st.sampled_from("कखगचजटडतदनपबमयरलवशसहािीुूेैोौं"), min_size=2, max_size=8)  # some of signs alone
TEXTS = st.lists(WORDS, min_size=3, max_size=12).map(" ".join)
CORPORA = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=12)


@given(
    corpus=CORPORA,
    separator=st.sampled_from("|\t;,"),
    quoted=st.booleans(),
    header=st.booleans(),
    speakers=st.lists(st.sampled_from(["asha", "ravi", "meera-2"]), min_size=12, max_size=12) | st.none(),
    dress=st.sampled_from(["{}", "{}.wav", "wavs/{}.wav", "wavs\\{}.WAV"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    comma=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(
    corpus: dict[str, str],
    separator: str,
    quoted: bool,
    header: bool,
    speakers: list[str] | None,
    dress: str,
    encoding: str,
    line_end: str,
    comma: bool,
    tmp_path: Path,
) -> None:
    texts = [text.replace(" ", ", ", 1) if comma else text for text in corpus.values()]
    names = speakers or [""] * len(corpus)
    entries = list(zip(corpus, names, texts, strict=False))
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=separator, lineterminator=line_end, quoting=quoting)
    if header:
        writer.writerow(["id", "speaker", "text"] if speakers else ["id", "text"])
    for name, speaker, text in entries:
        writer.writerow([dress.format(name), *([speaker] if speakers else []), text])
    path = tmp_path / "metadata.csv"
    path.write_bytes(file.getvalue().encode(encoding))
    known = {dress.format(name): name for name in corpus}
    found = read_transcripts(path, known.__contains__, letters=HindiFrontend.letters).entries()
    assert [(known[entry.id], entry.speaker, entry.text) for entry in found] == entries


@given(content=st.binary(max_size=200) | st.text(st.sampled_from('ab01|,;\t" \n\r{}।क'), max_size=80).map(str.encode))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_is_too_strange(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(content)
    try:
        entries = list(read_transcripts(path, {"a", "0"}.__contains__).entries())
    except SsmphonyError:
        return
    assert all(isinstance(entry, Entry) and (entry.id or entry.problem) for entry in entries)
    assert len(entries) <= read_text(path).count("\n") + 1
