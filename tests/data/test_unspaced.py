from __future__ import annotations

import pytest

from bench.data.sources import unspaced
from bench.data.sources.shared_span import Asked
from bench.data.sources.unspaced import Names, agree

# how questions go on; after names that end in different characters
TAILS = {
    "zh": ("{}的出生地是哪里？", "{}是哪个国家的公民？", "{}在哪个城市工作？", "{}由谁创作？", "{}的本部在哪里？"),
    "ja": (
        "{}の本部はどこですか？",
        "{}の出身国は何ですか？",
        "{}が設立された場所はどこですか？",
        "{}はどこですか？",
    ),
}
NAMES = {"zh": ("安娜", "彼得", "河马", "丁香"), "ja": ("アンナ", "ペーター", "佐藤", "熊本")}


def names(lang: str, *more: Asked) -> Names:
    questions = [tail.format(name) for tail in TAILS[lang] for name in NAMES[lang]]
    return Names.of(lang, [*(Asked(question, question, "?") for question in questions), *more])


@pytest.mark.parametrize(
    ("lang", "question", "subject", "how"),
    [
        # function words that follow a name are no part of it
        ("zh", "卡拉·贝姆的出生地是哪里？", "卡拉·贝姆", "framed"),
        ("zh", "卡拉·贝姆是哪个国家的公民？", "卡拉·贝姆", "framed"),
        ("zh", "约拿大学的本部在哪里？", "约拿大学", "framed"),
        ("zh", "波河属于哪个大洲？", "波河", "framed"),
        ("zh", "埃姆二世信仰哪个宗教？", "埃姆二世", "framed"),
        ("zh", "N·卡拉-贝姆曾在哪所大学学习？", "N·卡拉-贝姆", "framed"),
        ("zh", "《风与火》这部小说的作者是谁？", "风与火", "quoted"),
        ("zh", "谁是《风与火》的作者？", "风与火", "quoted"),
        # a katakana run with its marks is one word
        ("ja", "カーラ・ベーム＝ロイはどこで学びましたか？", "カーラ・ベーム＝ロイ", "framed"),
        ("ja", "ミラー大学の本部はどこですか？", "ミラー大学", "framed"),
        ("ja", "マーク1世はどこの出身ですか？", "マーク1世", "framed"),
        ("ja", "Tri Proを開発した企業は何ですか？", "Tri Pro", "framed"),
        ("ja", "カーラ・ベーム氏の出身国は何ですか？", "カーラ・ベーム", "framed"),
        ("ja", "カーラ・ベームさんの出身国は何ですか？", "カーラ・ベーム", "framed"),
        ("ja", "小説『風の火』の本部はどこですか？", "風の火", "quoted"),
    ],
)
def test_a_name_ends_where_it_surely_ends(lang: str, question: str, subject: str, how: str) -> None:
    asked = Asked(question, f"{subject}。", "?")
    span = names(lang, asked).find(asked)
    assert not isinstance(span, str), span
    assert (question[span.start : span.end], span.how) == (subject, how)


@pytest.mark.parametrize(
    ("lang", "question", "reason"),
    [
        ("zh", "埃姆的芝诺出生于哪个地方？", unspaced.DOUBTFUL),
        ("zh", "风与火是哪个国家的公民？", unspaced.DOUBTFUL),
        ("zh", "风火小说的出生地是哪里？", unspaced.KIND),
        ("zh", "卡拉·贝姆（律师）是哪个国家的公民？", unspaced.BRACKETS),
        ("zh", "在球队中，卡拉通常担任哪个位置？", unspaced.NOT_FIRST),
        ("zh", "史提芬之「兇」靈由谁创作？", unspaced.DOUBTFUL),
        ("ja", "カーラ・ベームのキングが設立された場所はどこですか？", unspaced.DOUBTFUL),
        ("ja", "魔女と火の本部はどこですか？", unspaced.DOUBTFUL),
        ("ja", "カーラさくらの出身国は何ですか？", unspaced.DOUBTFUL),
        ("ja", "ロック歌手の出身国は何ですか？", unspaced.NO_END),
        ("ja", "カーラ（Kara）の本部はどこですか？", unspaced.BRACKETS),
    ],
)
def test_what_can_be_read_in_two_ways_is_left_out(lang: str, question: str, reason: str) -> None:
    asked = Asked(question, question, "?")
    assert names(lang, asked).find(asked) == reason


def test_the_statement_must_hold_the_name() -> None:
    asked = Asked("卡拉·贝姆的出生地是哪里？", "贝姆出生于罗马。", "罗马")
    assert names("zh", asked).find(asked) == unspaced.NOT_SHARED


def test_records_of_a_subject_must_agree_on_its_name() -> None:
    questions = ("卡拉·贝姆的出生地是哪里？", "卡拉·贝姆在哪个城市工作？", "约拿队由谁创作？", "约拿的本部在哪里？")
    asked = [Asked(question, question, "?") for question in questions]
    finder = names("zh", *asked)
    spans = {index: span for index, each in enumerate(asked) if not isinstance(span := finder.find(each), str)}
    assert set(spans) == {0, 1, 2, 3}
    found = agree(spans, asked, {0: "Kara Boehm", 1: "Kara Boehm", 2: "Jonah", 3: "Jonah"})
    assert [found[index] if isinstance(found[index], str) else found[index].how for index in range(4)] == [
        "recurring",
        "recurring",
        unspaced.ELSEWHERE,
        unspaced.ELSEWHERE,
    ]
