"""``/docs`` shows what the OpenAPI description holds, to a machine without internet, too."""

from __future__ import annotations

import html
import re
import shlex
from html.parser import HTMLParser

import pytest

from ssmphony.server.reference import render
from tests.unit.server.running import serving


class Page(HTMLParser):
    """Elements must close in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def source(server) -> str:
    return server.ask("GET", "/docs").body.decode()


def test_every_route_and_field_is_shown(server, source):
    description = server.ask("GET", "/openapi.json").json()
    text = html.unescape(re.sub(r"<[^>]+>", "", source))
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}{operation['description'].replace('`', '')}" in text
    for schema in ("SpeechRequest", "CaptionsRequest", "FromPhonemesRequest", "PhonemizeRequest"):
        for name, field in description["components"]["schemas"][schema]["properties"].items():
            assert f"<td><code>{name}</code></td>" in source
            assert field.get("description", "") in text
    assert "string or object" in text  # a voice
    assert "number, 0.25 to 6" in text
    assert "/v1/audio/speech/stream" in text


def test_nothing_comes_from_elsewhere(server, source):
    page = Page(source)
    outside = [link for link in page.links if re.match(r"\w+:|//|/", link)]
    assert not outside
    assert not re.search(r"<script|\sstyle=|\son\w+=", source)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert server.ask("GET", "/" + link.removeprefix("./")).status == 200


def test_it_needs_no_key_and_answers_head(voice):
    with serving(voice, api_key="secret") as server:
        assert server.ask("GET", "/docs").status == 200
        answer = server.ask("HEAD", "/docs")
    assert (answer.status, answer.body) == (200, b"")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_examples_are_commands_that_work(server, source):
    examples = re.findall(r"<pre><code>(.*?)</code></pre>", source, re.DOTALL)
    assert len(examples) >= 5
    for example in examples:
        words = shlex.split(html.unescape(example).replace("\\\n", " "))
        path, body = words[1].removeprefix("$SERVER"), words[words.index("-d") + 1]
        assert server.ask("POST", path, body).status == 200


def test_what_a_description_says_is_escaped():
    operation = {"operationId": "x", "description": "<script>", "responses": {"200": {"description": "<b>"}}}
    description = {
        "info": {"title": "<i>", "version": "1"},
        "paths": {"/<p>": {"get": operation}},
        "components": {"schemas": {}},
    }
    assert not re.search(r"<script>|<b>|<i>|/<p>", render(description))
