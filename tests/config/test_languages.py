"""Languages of a run are known by their primary subtags; what is no code is left for the data set to refuse."""

from __future__ import annotations

from bench.config.run import RunSpec
from evaluators.xtreme import Config


def test_languages_of_a_run_by_any_code() -> None:
    assert RunSpec(languages="zh-CN, eng,DE,zh").languages == ("zh", "en", "de")
    assert RunSpec(languages=["en", "xx"]).languages == ("en", "xx")


def test_groups_by_any_code() -> None:
    spec = RunSpec(languages="zh_Hans,en", edited="zh-CN+eng,all,each,zho")
    assert spec.edited == ("zh+en", "all", "each", "zh")
    assert spec.groups() == (("zh", "en"), (), ("zh",), ("en",))


def test_languages_of_xtreme_by_any_code() -> None:
    assert Config(languages=("zh-CN", "eng")).languages == ("zh", "en")
