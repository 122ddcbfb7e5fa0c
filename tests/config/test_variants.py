"""Settings in a method's name: what is one, and how it is read."""

from __future__ import annotations

import pytest

from bench.config.run import RunSpec
from bench.config.variants import base_of, settings_of, split_names
from bench.ground.errors import BenchError
from reports.parts.contents import display_name, short_name


def test_a_name_and_its_settings_come_apart() -> None:
    name = "langedit[prior=1e3,layers=[0,1],use=a]"
    assert base_of(name) == "langedit"
    assert settings_of(name) == {"prior": 1000.0, "layers": [0, 1], "use": "a"}
    assert (base_of("memit"), settings_of("memit")) == ("memit", {})


def test_commas_in_brackets_part_no_names() -> None:
    text = "none, memit[clamp=1,layers=[0,1]] ,memit"
    assert split_names(text) == ["none", "memit[clamp=1,layers=[0,1]]", "memit"]
    assert RunSpec(methods=text).methods == ("none", "memit[clamp=1,layers=[0,1]]", "memit")


@pytest.mark.parametrize("settings", ["clamp", "clamp=", "=1", "clamp=1,clamp=2", "clamp=[1"])
def test_what_is_no_setting_is_one_line(settings: str) -> None:
    with pytest.raises(BenchError) as caught:
        settings_of(f"memit[{settings}]")
    assert "\n" not in str(caught.value)


def test_people_read_the_method_and_its_settings() -> None:
    assert display_name("memit[clamp=1]") == "MEMIT [clamp=1]"
    assert short_name("langedit-released[l2=3]").endswith(" [l2=3]")
