"""``/docs``: the OpenAPI description as a page for people, without scripts and without anything from elsewhere.

FastAPI's own page loads its scripts from another server, which a machine without internet cannot reach.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

Schema = Mapping[str, Any]
_CODE = re.compile(r"``?([^`]+)``?")

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>{title}: the interface for programs</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="base.css">
    <link rel="stylesheet" href="style.css">
    <link rel="stylesheet" href="reference.css">
  </head>
  <body>
    <header>
      <h1><img src="icon.svg" alt="" width="34" height="34"> {title} {version}</h1>
      <p>{description}</p>
    </header>
    <main class="reference">
      <p><a href="./">Try it</a>, or let a program read <a href="openapi.json">openapi.json</a>. The examples need the
        address of this server and, if it asks for a key, the key:
        <code>export SERVER=http://127.0.0.1:8000 KEY=none</code></p>
      <nav aria-label="Routes"><ul>{contents}</ul></nav>
      {operations}
      <section class="card"><h2><code>/v1/audio/speech/stream</code></h2>
        <p>A WebSocket for text that is still being written: send JSON messages <code>start</code>, <code>text</code>,
        <code>flush</code>, <code>finish</code> and <code>cancel</code>; sound comes in binary frames, words with their
        times in JSON.</p></section>
    </main>
  </body>
</html>
"""


def render(description: Schema) -> str:
    """The page of an OpenAPI description."""
    listed = [
        (method.upper(), path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    info = description["info"]
    return _PAGE.format(
        title=escape(info["title"]),
        version=escape(info["version"]),
        description=escape(info.get("description", "")),
        contents="".join(
            f'<li><a href="#{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></a></li>'
            for method, path, operation in listed
        ),
        operations="".join(_operation(*one, description["components"]["schemas"]) for one in listed),
    )


def _operation(method: str, path: str, operation: Schema, schemas: Schema) -> str:
    parts = [
        f'<section class="card" id="{escape(operation["operationId"])}"><h2><code>{method} {escape(path)}</code></h2>',
        f"<p>{_prose(operation.get('description', ''))}</p>",
    ]
    if (body := operation.get("requestBody")) is not None:
        schema = _resolved(body["content"]["application/json"]["schema"], schemas)
        parts.append(f"<p>{_prose(schema.get('description', ''))}</p>")
        parts.append(_table(("field", "type", "default", ""), _fields(schema)))
        parts += [_example(path, example) for example in schema.get("examples", ())[:1]]
    parts.append(_table(("status", "answer", ""), _answers(operation["responses"])))
    return "".join((*parts, "</section>"))


def _fields(schema: Schema) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, field in sorted(schema["properties"].items(), key=lambda item: item[0] not in required):
        default = "" if field.get("default") is None else json.dumps(field["default"], ensure_ascii=False)
        yield (
            f"<code>{escape(name)}</code>",
            escape(" or ".join(dict.fromkeys(_types(field)))),
            "required" if name in required else f"<code>{escape(default)}</code>" if default else "",
            _prose(field.get("description", "")),
        )


def _types(field: Schema) -> Iterator[str]:
    """What a field may be, in words; that it may be null goes without saying."""
    if "enum" in field:
        yield ", ".join(map(str, field["enum"]))
    elif "const" in field:
        yield str(field["const"])
    elif "$ref" in field:
        yield "object"
    elif "anyOf" in field:
        for option in field["anyOf"]:
            yield from _types(option)
    elif field.get("type") not in (None, "null"):
        low, high = field.get("minimum"), field.get("maximum")
        yield f"{field['type']}, {low:g} to {high:g}" if low is not None and high is not None else field["type"]


def _answers(responses: Schema) -> Iterator[tuple[str, str, str]]:
    for status, response in responses.items():
        kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in response.get("content", ()))
        yield escape(status), kinds, _prose(response.get("description", ""))


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    """``rows`` hold HTML."""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


def _example(path: str, body: object) -> str:
    command = (
        f'curl "$SERVER{path}" --output answer \\\n'
        '  -H "Content-Type: application/json" -H "Authorization: Bearer $KEY" \\\n'
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )
    return f"<pre><code>{escape(command)}</code></pre>"


def _prose(text: str) -> str:
    """A docstring as HTML."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
