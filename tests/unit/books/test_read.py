"""Documents become chapters of paragraphs, whatever their format; what is no book is one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmphony.books.book import Book, Run
from ssmphony.books.read import SUFFIXES, read_book, read_picture
from ssmphony.types import SsmphonyError
from tests.book_files import CHAPTERS, CONTAINER, docx, epub2, epub3, png, run, xhtml, zipped


def texts(book: Book) -> list[list[str]]:
    return [[block.text for block in chapter.blocks if block.runs] for chapter in book.chapters]


def titles(book: Book) -> list[str]:
    return [chapter.title for chapter in book.chapters]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_epub3_has_chapters_cover_and_metadata(tmp_path: Path) -> None:
    book = read_book(epub3(tmp_path / "a.epub"))
    assert (book.title, book.authors, book.language) == ("पुराना कुआँ", ("गीता शर्मा",), "hi")
    assert (book.details["date"], book.details["description"]) == ("2024-05-01", "एक छोटी कहानी")
    assert titles(book) == list(CHAPTERS)
    assert book.cover is not None
    assert book.cover.data == png(60, 80)
    first, second, last = (chapter.blocks for chapter in book.chapters)
    assert [block.kind for block in first] == ["heading", "paragraph", "paragraph", "rule", "paragraph", "picture"]
    assert first[1].runs == (Run("एक गाँव में "), Run("पुराना", "em"), Run(" कुआँ था।"))
    assert (first[-1].alternative, book.pictures[first[-1].picture].data) == ("कुआँ", png())
    assert [block.text for block in second[1:]] == ["हरा पेड़, ठंडी छाया,\nसबने मिलकर गाया।", "आम", "नीम & पीपल"]
    assert [block.kind for block in second[1:]] == ["quote", "item", "item"]
    assert [run.speaker for block in last for run in block.runs] == ["", "दादी", ""]


def test_epub2_is_cut_where_its_contents_lead(tmp_path: Path) -> None:
    book = read_book(epub2(tmp_path / "a.epub"))
    assert titles(book) == ["राजा रानी", "राजा", "रानी"]
    assert texts(book) == [["समर्पण माँ को"], ["राजा", "एक राजा था।"], ["रानी", "एक रानी थी।"]]
    assert book.cover is not None


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_epub_without_contents_goes_by_headings(tmp_path: Path) -> None:
    chapters = {"एक": "<p>क।</p>", "दो": "<p>ख।</p>"}
    for nav in (xhtml("", "<p/>"), "<nav>", "<a>&nbsp;</a>"):
        book = read_book(epub3(tmp_path / "a.epub", chapters, **{"OEBPS__nav.xhtml": nav}))
        assert titles(book) == ["एक", "दो"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_not_running_text_is_not_read(tmp_path: Path) -> None:
    page = """<html lang="hi"><head><title>शीर्षक</title><style>p { }</style><meta name="author" content="लेखक"></head>
    <body><nav>सूची</nav><script>alert("x")</script><p>पहला<sup epub:type="noteref">1</sup> वाक्य।<p hidden>छिपा
    <p>दूसरा <span style="display: none">गुप्त</span>वाक्य।</p><ruby>漢<rt>かん</rt></ruby><table><tr><td>क<td>ख</table>
    <aside role="doc-footnote">टिप्पणी</aside><svg><text>चित्र</text></svg></body></html>"""
    book = read_book(write(tmp_path / "a.html", page))
    assert texts(book) == [["पहला वाक्य।", "दूसरा वाक्य।", "漢", "क", "ख"]]
    assert (book.title, book.authors, book.language) == ("शीर्षक", ("लेखक",), "hi")


def test_markdown_with_front_matter(tmp_path: Path) -> None:
    front = "---\ntitle: मित्र\nauthor: लोककथा\nlang: hi\n---\n\n"
    page = "# चिड़िया\n\nएक **छोटी** चिड़िया।\n\n# चींटी\n\n1. एक\n2. दो\n\n***\n"
    book = read_book(write(tmp_path / "a.md", front + page))
    assert (book.title, book.authors, book.language, titles(book)) == ("मित्र", ("लोककथा",), "hi", ["चिड़िया", "चींटी"])
    assert book.chapters[0].blocks[1].runs == (Run("एक "), Run("छोटी", "strong"), Run(" चिड़िया।"))
    assert [block.kind for block in book.chapters[1].blocks] == ["heading", "item", "item", "rule"]


def test_docx_goes_by_its_styles(tmp_path: Path) -> None:
    path = docx(
        tmp_path / "a.docx",
        ("T", run("मेरी किताब")),
        ("H1", run("आरंभ")),
        ("", run("एक ") + run("मोटा", "b") + "<w:del><w:r><w:delText>हटाया</w:delText></w:r></w:del>" + run(" शब्द।")),
        ("Mine", run("मध्य")),
        ("", run("दूसरा।")),
    )
    book = read_book(path)
    assert (book.title, book.authors, titles(book)) == ("मेरी किताब", ("प्रेम",), ["मेरी किताब", "आरंभ", "मध्य"])
    assert book.chapters[1].blocks[1].runs == (Run("एक "), Run("मोटा", "strong"), Run(" शब्द।"))


def test_plain_text_with_headings(tmp_path: Path) -> None:
    text = """राजा का सपना
===

प्रस्तावना

नानी ने सुनाया।

अध्याय १

एक राजा था जिसे हर रात एक ही सपना आता था और वह
उसे भूल नहीं पाता था।

* * *

पहली पंक्ति,
दूसरी पंक्ति।

दूसरा अध्याय: जंगल

अध्याय समाप्त हुआ।
"""
    book = read_book(write(tmp_path / "a.txt", text))
    assert titles(book) == ["राजा का सपना", "प्रस्तावना", "अध्याय १", "दूसरा अध्याय: जंगल"]
    assert texts(book)[2][1:] == [
        "एक राजा था जिसे हर रात एक ही सपना आता था और वह उसे भूल नहीं पाता था।",
        "पहली पंक्ति,\nदूसरी पंक्ति।",
    ]


def test_the_level_of_chapters_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "# क\n\n## ख\n\nग\n\n# घ\n\n## ङ\n\nच\n")
    assert titles(read_book(path)) == ["क", "घ"]
    assert titles(read_book(path, 2)) == ["क", "ख", "घ", "ङ"]


def test_lines_without_blank_lines_are_paragraphs(tmp_path: Path) -> None:
    assert texts(read_book(write(tmp_path / "a.txt", "\ufeffएक।\nदो।\n"))) == [["एक।", "दो।"]]


BOMB = '<!DOCTYPE html [<!ENTITY a "आ"><!ENTITY b "&a;&a;">]>'
PACKAGE = (
    '<package><metadata/><manifest><item id="a" media-type="application/xhtml+xml" href="{}"/></manifest>'
    '<spine><itemref idref="a"/></spine></package>'
)
HOSTILE = {
    "no archive": (lambda p: p.write_bytes(b"not a zip"), "is not a .epub file"),
    "no container": (lambda p: zipped(p, {"a": "b"}), "it has no META-INF/container.xml"),
    "no package": (lambda p: zipped(p, {"META-INF/container.xml": CONTAINER}), "OEBPS/book.opf is missing"),
    "entities": (
        lambda p: epub3(p, **{"OEBPS__text__c0.xhtml": xhtml("a", "<p>&b;</p>", BOMB)}),
        "declares XML entities",
    ),
    "entities in the package": (
        lambda p: zipped(p, {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": BOMB + "<package/>"}),
        "declares XML entities",
    ),
    "bomb": (lambda p: epub3(p, **{"OEBPS__text__c0.xhtml": b" " * (33 << 20)}), "too large when unpacked"),
    "depth": (lambda p: epub3(p, {"a": "<div>" * 5000 + "x" + "</div>" * 5000}), "nests its elements"),
    "protected": (
        lambda p: epub3(
            p,
            **{"META-INF__encryption.xml": '<encryption><CipherReference URI="OEBPS/text/c0.xhtml"/></encryption>'},
        ),
        "is protected",
    ),
    "a page outside": (
        lambda p: epub3(p, **{"OEBPS__book.opf": PACKAGE.format("../../etc/passwd")}),
        "etc/passwd is missing in it",
    ),
    "no text": (lambda p: epub3(p, {"–": "<p>!</p>"}), "no text to speak"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_and_damaged_files_are_one_line(kind: str, tmp_path: Path) -> None:
    make, reason = HOSTILE[kind]
    path = tmp_path / "a.epub"
    make(path)
    with pytest.raises(SsmphonyError, match=reason) as caught:
        read_book(path)
    assert "\n" not in str(caught.value)


def test_no_path_leads_out_of_an_archive_or_a_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    inner = tmp_path / "inner"
    inner.mkdir()
    body = "<p>क</p>" + "".join(
        f'<img src="{address}"/>'
        for address in ("../secret.png", secret, secret.as_uri(), "%2e%2e/secret.png", "//x/y")
    )
    page = write(inner / "a.html", body)
    (inner / "link.png").symlink_to(secret)
    book = read_book(page)
    assert not book.pictures
    assert not read_book(write(inner / "b.html", '<p>क</p><img src="link.png">')).pictures
    archived = read_book(epub3(inner / "a.epub", {"a": body.replace("../", "../../../")}))
    assert set(archived.pictures) <= {"OEBPS/cover.png"}


def test_errors_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=r"must end in \.epub, \.docx"):
        read_book(tmp_path / "a.pdf")
    with pytest.raises(SsmphonyError, match="no such file"):
        read_book(tmp_path / "a.epub")
    (tmp_path / "b.txt").write_bytes("ठीक\n".encode() + b"\xff\xfe")
    with pytest.raises(SsmphonyError, match=r"b.txt, line 2: not valid UTF-8"):
        read_book(tmp_path / "b.txt")
    with pytest.raises(SsmphonyError, match="a cover must be a JPEG or PNG"):
        read_picture(tmp_path / "b.txt")
    for suffix in SUFFIXES:
        (tmp_path / f"empty{suffix}").write_bytes(b"")
        with pytest.raises(SsmphonyError):
            read_book(tmp_path / f"empty{suffix}")
