"""Many codes, one language; whether it is written with spaces is known of the language, not of the code."""

from __future__ import annotations

import pytest

from bench.ground.errors import BenchError
from bench.ground.languages import primary, spaceless, spaceless_languages


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("zh", "ZH", "zh-CN", "zh_CN", "zh-Hans", "zh_Hant_TW", "cmn", "zho", "chi", "zh-yue", "zh_CN.UTF-8"), "zh"),
        # Cantonese is a language of its own
        (("yue", "yue-HK", "YUE_Hant"), "yue"),
        (("en", "eng", "EN-us", "en_GB.UTF-8", " en "), "en"),
        (("de", "deu", "ger", "de_DE@euro", "de-1996"), "de"),
        (("nl", "nld", "dut"), "nl"),
        (("he", "iw"), "he"),
        (("sr", "sr-Latn", "sh"), "sr"),
        (("ja", "jpn"), "ja"),
        (("tlh",), "tlh"),
        (("ckt",), "ckt"),
    ],
)
def test_a_code_is_its_primary_subtag(codes: tuple[str, ...], expected: str) -> None:
    assert {primary(code) for code in codes} == {expected}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Chinese", "unknown language 'Chinese'; did you mean 'zh'?"),
        ("germn", "did you mean 'de'?"),
        ("cz", "unknown language 'cz'; did you mean 'cs'?"),
        ("cn", "did you mean 'zh'?"),
        ("jp", "did you mean 'ja'?"),
        ("xx", "unknown language 'xx'; give its code of ISO 639, such as 'en' or 'zh'"),
        ("und", "unknown language"),
        ("mul", "unknown language"),
        ("", "unknown language ''"),
        ("zh CN", "unknown language"),
        ("en\nfr", "unknown language"),
        ("中文", "unknown language"),
        ("x-mine", "unknown language"),
    ],
)
def test_an_unknown_code_is_refused_with_a_hint(code: str, message: str) -> None:
    with pytest.raises(BenchError) as caught:
        primary(code)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "code", ["zh", "zh-CN", "yue", "cmn", "wuu", "hak", "nan", "ja", "jpn", "th", "lo", "km", "my", "bo"]
)
def test_scripts_without_spaces(code: str) -> None:
    assert spaceless(code)


@pytest.mark.parametrize("code", ["en", "de", "ko", "vi", "ru", "ar", "hi", "ka", "am", "tlh", "zh-Latn", "ja_Latn"])
def test_scripts_with_spaces(code: str) -> None:
    assert not spaceless(code)


def test_languages_without_spaces_are_those_of_such_scripts() -> None:
    found = spaceless_languages()
    assert {"zh", "yue", "ja", "th", "lo", "km", "my"} <= found
    assert not found & {"en", "de", "ko", "vi", "und"}
    assert all(spaceless(code) for code in found)
