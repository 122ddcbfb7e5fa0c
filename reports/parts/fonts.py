"""Letters that reports can show: a font for Chinese from a package, so that they look alike everywhere."""

from __future__ import annotations

import re
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from fontTools import subset

PACKAGE = "pylopdf_fonts_zh_cn"
DISTRIBUTION = "pylopdf-fonts-zh-cn"
FILE = "NotoSansSC-Regular.otf"
FAMILY = "Noto Sans SC"

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def chinese_font() -> Path | None:
    """The file of Noto Sans SC (SIL Open Font License), or None where its package is not installed."""
    spec = find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    found = (Path(folder) / FILE for folder in folders)
    return next((path for path in found if path.is_file()), None)


def chinese_letters(text: str) -> bytes:
    """A font of just the letters of `text` that others lack; empty if there are none or no font is installed."""
    letters = "".join(sorted(filter(is_chinese, set(text))))
    path = chinese_font()
    if not letters or not path:
        return b""
    options = subset.Options(layout_features=[], hinting=False, glyph_names=False)
    font = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=letters)
    subsetter.subset(font)
    out = BytesIO()
    font.save(out)
    return out.getvalue()


def latin_only(text: str) -> bool:
    """Whether matplotlib and typst bring fonts with all letters of `text`: Latin, Greek, Cyrillic, signs."""
    return all(ord(char) < 0x530 or 0x1E00 <= ord(char) < 0x2E80 for char in text)


def is_chinese(text: str) -> bool:
    """Whether all letters of `text` that are not Latin are Chinese or Japanese, and there is such a letter."""
    rest = [char for char in text if not latin_only(char)]
    return bool(rest) and all(0x2E80 <= ord(char) < 0xA000 or 0xFF00 <= ord(char) < 0xFFF0 for char in rest)


def has_letters(text: str) -> bool:
    """Whether charts and the PDF can show `text`; scripts such as Arabic or Hindi need fonts that do not come along."""
    return latin_only(text) or (is_chinese(text) and chinese_font() is not None)


def missing_note() -> str:
    """What to tell the reader where the font is missing."""
    return f"No font for Chinese is installed, so languages in such scripts stand as codes; pip install {DISTRIBUTION}."


def visible(text: str) -> str:
    """The text without control characters, half characters and marks that turn the order of letters."""
    return HIDDEN.sub("\ufffd", text)
