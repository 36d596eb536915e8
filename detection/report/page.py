"""What every page here is made of: a template, a style and a script in one HTML file that needs nothing else.

A content security policy forbids the page to load or send anything: only the style and the script that it was written
with may act, and pictures come as data.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files

import jinja2


def page(name: str, *, styles: Sequence[str] = (), **values: object) -> Iterator[str]:
    """The text of a page, piece by piece, from ``<name>.html.j2``, ``.css`` and ``.js`` of ``templates/``.

    The template extends ``page.html.j2``; before its own style come ``page.css`` and those of ``styles``. ``values``
    are what it is filled with; what is an iterator is gone through as the text is, so that a page of many pictures
    holds one of them at a time.
    """
    style = "".join(template_file(f"{one}.css") for one in ("page", *styles, name))
    script = template_file(f"{name}.js")
    loader = jinja2.PackageLoader("detection.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template(f"{name}.html.j2")
    hashes = {"style_hash": _csp_hash(style), "script_hash": _csp_hash(script)}
    return template.generate(style=style, script=script, **hashes, **values)


def template_file(name: str) -> str:
    """The text of a file of ``templates/``."""
    return (files("detection.report") / "templates" / name).read_text(encoding="utf-8")


def utf8(text: str) -> str:
    """``text`` without the halves of characters that stand for a file name's stray bytes."""
    return text.encode("utf-8", "replace").decode()


def _csp_hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
