"""Small books for tests: EPUB 2 and 3, DOCX, and a cover, made on the spot."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
CHAPTERS = {
    "पहला अध्याय: कुआँ": "<p>एक गाँव में <em>पुराना</em> कुआँ था।</p><p>“पानी कहाँ से आता है?” मीरा ने पूछा।</p>"
    '<hr/><p>सन १९४७ की बात है।</p><p><img src="../well.png" alt="कुआँ"/></p>',
    "दूसरा अध्याय: पेड़": "<blockquote><p>हरा पेड़, ठंडी छाया,<br/>सबने मिलकर गाया।</p></blockquote><ul><li>आम</li>"
    "<li>नीम &amp; पीपल</li></ul>",
    "अंत": '<p data-speaker="दादी">बारिश आ गई!</p><p>सब घर लौटे।</p>',
}


def png(width: int = 8, height: int = 8) -> bytes:
    """A picture of one colour."""
    rows = b"".join(b"\0" + b"\x20\x40\x80" * width for _ in range(height))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def xhtml(title: str, body: str, doctype: str = "<!DOCTYPE html>") -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{doctype}<html xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:epub="http://www.idpf.org/2007/ops" lang="hi" xml:lang="hi">'
        f"<head><title>{title}</title></head><body>{body}</body></html>"
    )


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def epub3(path: Path, chapters: Mapping[str, str] = CHAPTERS, **more: str | bytes) -> Path:
    """An EPUB 3 with a file for each chapter; ``more`` are files in it, with ``__`` for a slash."""
    numbers = range(len(chapters))
    items = "".join(f'<item id="c{n}" href="text/c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in numbers)
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers)
    links = "".join(
        f'<li><a href="text/c{n}.xhtml">{title}</a></li>' for n, title in zip(numbers, chapters, strict=True)
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:isbn:9780000000002</dc:identifier>'
        "<dc:title>पुराना कुआँ</dc:title><dc:creator>गीता शर्मा</dc:creator><dc:language>hi</dc:language>"
        "<dc:date>2024-05-01</dc:date><dc:description>एक छोटी कहानी</dc:description>"
        '<meta property="dcterms:modified">2024-01-01T00:00:00Z</meta></metadata><manifest>'
        f'{items}<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>'
        f'<item id="well" href="well.png" media-type="image/png"/></manifest><spine>{spine}</spine></package>'
    )
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": package,
        "OEBPS/nav.xhtml": xhtml("सूची", f'<nav epub:type="toc"><ol>{links}</ol></nav>'),
        "OEBPS/cover.png": png(60, 80),
        "OEBPS/well.png": png(),
    }
    for n, (title, body) in enumerate(chapters.items()):
        files[f"OEBPS/text/c{n}.xhtml"] = xhtml(title, f"<h1>{title}</h1>{body}")
    return zipped(path, {**files, **{name.replace("__", "/"): content for name, content in more.items()}})


def epub2(path: Path) -> Path:
    """An EPUB 2 of one file, whose table of contents leads into it; a document type brings ``&nbsp;``."""
    doctype = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'
    body = (
        '<p>समर्पण&nbsp;माँ को</p><h2 id="one">राजा</h2><p>एक राजा था।</p>'
        '<h2><a name="two"></a>रानी</h2><p>एक रानी थी।</p>'
    )
    points = "".join(
        f'<navPoint id="n{n}" playOrder="{n}"><navLabel><text>{label}</text></navLabel>'
        f'<content src="all.xhtml#{place}"/></navPoint>'
        for n, (label, place) in enumerate((("राजा", "one"), ("रानी", "two")), start=1)
    )
    return zipped(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OEBPS/book.opf": '<opf:package xmlns:opf="http://www.idpf.org/2007/opf" version="2.0"><opf:metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>राजा रानी</dc:title>'
            '<opf:meta name="cover" content="c"/>'
            '</opf:metadata><opf:manifest><opf:item id="c" href="c.png" media-type="image/png"/><opf:item id="a" '
            'href="all.xhtml" media-type="application/xhtml+xml"/><opf:item id="ncx" href="toc.ncx" '
            'media-type="application/x-dtbncx+xml"/></opf:manifest><opf:spine toc="ncx"><opf:itemref idref="a"/>'
            "</opf:spine></opf:package>",
            "OEBPS/toc.ncx": '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>' + points + "</navMap></ncx>",
            "OEBPS/all.xhtml": xhtml("सब", body, doctype),
            "OEBPS/c.png": png(),
        },
    )


def docx(path: Path, *paragraphs: tuple[str, str]) -> Path:
    """``paragraphs`` are the id of a style, or nothing, and XML of runs."""
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(
        "<w:p>" + (f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else "") + f"{runs}</w:p>"
        for style, runs in paragraphs
    )
    styles = (
        '<w:style w:styleId="T"><w:name w:val="Title"/></w:style><w:style w:styleId="H1"><w:name w:val="heading 1"/>'
        '</w:style><w:style w:styleId="Mine"><w:name w:val="my own"/><w:basedOn w:val="H1"/></w:style>'
    )
    core = 'xmlns:c="core" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return zipped(
        path,
        {
            "word/document.xml": f"<w:document {w}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {w}>{styles}</w:styles>",
            "docProps/core.xml": f"<c:coreProperties {core}><dc:creator>प्रेम</dc:creator></c:coreProperties>",
        },
    )


def run(text: str, properties: str = "") -> str:
    return f"<w:r>{f'<w:rPr><w:{properties}/></w:rPr>' if properties else ''}<w:t>{text}</w:t></w:r>"
