"""XME: scripts of languages, parts of methods' names, and how alike names are spelt."""

from __future__ import annotations

import pytest

from reports.numbers.overlap import overlaps, trigrams
from reports.numbers.scripts import MAIN, OTHER, SAME, SCRIPT, among, by_script, relation, script_of
from reports.numbers.variants import Variant, variant_of, variants


def test_indic_languages_count_as_one_script() -> None:
    assert {script_of(code) for code in ("hi", "gu", "bn", "ta", "ml", "kn")} == {"Indic"}
    assert {script_of(code) for code in ("en", "fr", "es", "de", "nl")} == {"Latin"}
    assert [script_of(code) for code in ("ar", "zh", "ru", "xx")] == ["Arabic", "Chinese", "Cyrillic", "xx"]
    pairs = (("en", "en"), ("en", "de"), ("hi", "ta"), ("en", "hi"), ("ar", "zh"))
    assert [relation(*pair) for pair in pairs] == [SAME, SCRIPT, SCRIPT, OTHER, OTHER]


def test_other_scripts_have_rows_of_their_own() -> None:
    assert among("en", "hi") == (MAIN,)
    assert among("en", "ar") == among("ar", "ar") == ("Arabic",)
    assert among("zh", "ar") == ("Chinese", "Arabic")


def test_languages_of_a_script_stand_together() -> None:
    assert by_script(["zh", "kn", "bn", "ar", "hi", "nl", "es", "en", "gu", "en"]) == [
        "en", "es", "nl", "hi", "gu", "bn", "kn", "ar", "zh",
    ]  # fmt: skip


def test_methods_by_their_parts() -> None:
    assert variant_of("mend[layers=LL,practice=en]") == Variant("mend[layers=LL,practice=en]", "mend", "LL", "en")
    assert variant_of("ke[layers=IL]").practice == "all"
    assert variant_of("ft-inner[layers=[0,1]]").layers == "0, 1"
    assert (variant_of("rome").layers, variant_of("rome").practice) == ("", "")
    assert variant_of("mend[lr=0.1,layers=LL]").base == "mend[lr=0.1]"
    assert variant_of("mend[layers]").base == "mend[layers]"  # no settings: a name as any other


def test_methods_in_the_order_of_tables() -> None:
    names = ["memit", "ke[layers=IL]", "ft-inner[layers=IL]", "mend[layers=LL]", "mend[layers=IL]", "none", "rome"]
    names.append("mend[layers=LL,practice=hi]")
    assert [each.method for each in variants(names)] == [
        "none", "mend[layers=LL,practice=hi]", "mend[layers=IL]", "mend[layers=LL]", "ke[layers=IL]",
        "ft-inner[layers=IL]", "rome", "memit",
    ]  # fmt: skip


def test_trigrams_are_of_lower_case_between_spaces() -> None:
    assert trigrams("Aba") == {" ab", "aba", "ba "}
    assert trigrams("") == set()


def test_the_same_sound_in_two_indic_scripts() -> None:
    hindi, gujarati = "फ़िजी", "ફીજી"
    assert not trigrams(hindi) & trigrams(gujarati)
    assert trigrams("कक", sounds=True) == trigrams("કક", sounds=True)
    assert trigrams("fiji", sounds=True) == trigrams("fiji")


def test_overlaps_are_shares() -> None:
    plain, sounds = overlaps(("en", "hi", "gu")), overlaps(("en", "hi", "gu"), sounds=True)
    assert plain["en", "en"] == pytest.approx(1)
    assert plain["hi", "gu"] < 0.01 < 0.3 < sounds["hi", "gu"] < 1
    assert sounds["hi", "gu"] == sounds["gu", "hi"]
