"""Find the subject of a question in a language written without spaces: Chinese, Japanese.

A name has no capital and no space there, so what ends it is told by what follows. Questions begin with their
subject, or hold it in quotation marks; it ends before the first function word. Some of these are never part of a name
(来自, さん); others may be (的 in 埃利亚的芝诺, の in キングのキングダム), and end it only where other records go on in
the same way after other names, or where the name is one run of katakana or Latin letters with its marks. What can be
read in two ways is not guessed: the record is left out, for a reason that is counted.

Records are parallel: a subject that stands in several records is called the same in all of them, or in none surely.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bench.data.sources.align import fold
from bench.data.sources.shared_span import Asked
from bench.data.spans import Span

ALIKE = 3
"""After how many different characters a doubtful function word goes on in the same way before it ends a name."""

NOT_FIRST = "does not begin with its subject"
NO_END = "nothing tells where the name ends"
DOUBTFUL = "a function word that may be part of the name"
KIND = "a kind of thing beside the name"
BRACKETS = "a note in brackets beside the name"
NOT_SHARED = "the statement does not hold the name"
ELSEWHERE = "the name ends elsewhere in another record of the subject"

_QUOTED = re.compile(r"《([^《》]+)》|『([^『』]+)』|「([^「」]+)」|“([^“”]+)”|\"([^\"]+)\"")
_BRACKETS = re.compile(r"[()（）]")
_MARKS = re.compile(r"[，、。,;；：:《》「」『』“”\"]")


@dataclass(frozen=True, slots=True)
class Script:
    """How names and questions are written in a language.

    Attributes:
        sure: words that end a name wherever they stand.
        doubtful: function words that names hold too.
        within: what no name goes on with that can be told from its surroundings.
        particle: function words that end a name that is one word beyond doubt, as `word` is.
        word: a run of one script with its marks.
        goes_on: characters that a doubtful word must share with others, its own among them.
        beside: how questions begin that do not begin with their subject.
        kind: what a thing is called beside its name, after it or, before a quoted one, before it.
        whole: what a name looks like as a whole.
        title: what is put after a person's name and is no part of it.
    """

    sure: re.Pattern[str]
    doubtful: re.Pattern[str]
    within: re.Pattern[str]
    particle: re.Pattern[str]
    word: re.Pattern[str]
    goes_on: int
    beside: re.Pattern[str]
    kind: re.Pattern[str]
    whole: re.Pattern[str]
    title: re.Pattern[str]


_NEVER = re.compile("(?!)")


def _any(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


_KANJI = "一-鿿々"
_INSTITUTIONS = _any(
    "大学 学院 学校 王国 帝国 公国 共和国 連邦 合衆国 党 人民党 国民党 民主党 州 市 県 島 諸島 空港 国際空港 駅 "
    "銀行 社 会社 航空 自動車 放送 楽団 真理報 女王 王 皇帝 公 伯 伯爵 勲章 十字勲章 賞 美術館 博物館 大聖堂 教会 "
    "号 爆撃機 戦闘機 攻撃機 輸送機"
)
"""What follows a name in katakana and is part of it."""

CHINESE = Script(
    sure=re.compile(
        _any(
            "来自 位于 属于 归属 出生 去世 逝世 过世 离世 精通 通晓 擅长 信奉 信仰 奉行 奉仰 主要 通常 最初 最早 最后 "
            "最知名 首播 首次 曾在 曾经 曾受 曾就 曾任 曾被 曾由 起源 源自 涉及 涉足 参与 从事 担任 扮演 受雇 受聘 "
            "专注 一般 目前 当前 现任 成立于 这部 这本 这款 这项 这首 这一 这个 这位 这种 一词 被 作品 创作"
        )
    ),
    doubtful=re.compile("[的是在由以于与从曾和]"),
    within=_NEVER,
    particle=_NEVER,
    word=_NEVER,
    goes_on=2,
    beside=re.compile(_any("谁 哪 在 最近 目前 当前 请 这 什么 以 根据 由 对于 关于 著名 知名 现任 作为 当")),
    kind=re.compile(
        _any(
            "小说 戏剧 游戏 软件 电影 影片 系列 节目 电视剧 剧集 地区 运动 飞机 歌曲 套件 品牌 专辑 杂志 语言 "
            "书 乐曲 期间 时"
        )
    ),
    whole=re.compile(r".+"),
    title=re.compile(_any("先生 女士") + "$"),
)
JAPANESE = Script(
    sure=re.compile("さん"),
    doubtful=re.compile("[のはがをにで、]"),
    within=re.compile("[ぁ-ゖ]"),
    particle=re.compile("[はがをにで、]"),
    word=re.compile(f"[^{_KANJI}ぁ-ゖ]*[ァ-ヺA-Za-z][^{_KANJI}ぁ-ゖ]*(?:世|{_INSTITUTIONS})?"),
    goes_on=3,
    beside=re.compile(_any("誰 何 現在 世界 最近 著名 有名 どの どこ この その")),
    kind=re.compile(
        _any(
            "小説 映画 楽曲 歌 番組 作品 雑誌 戯曲 著書 物語 漫画 製品 音楽 企業 都市 選手 地域 "
            "ゲーム シリーズ ドラマ アルバム アニメ ソフトウェア"
        )
    ),
    whole=re.compile(f"[{_KANJI}]+|[^{_KANJI}]+(?:世|{_INSTITUTIONS})?"),
    title=re.compile("氏$"),
)
SCRIPTS: Mapping[str, Script] = {"zh": CHINESE, "ja": JAPANESE}


@dataclass(frozen=True, slots=True)
class Names:
    """Finds subjects in one language without spaces.

    Attributes:
        script: how its names are written.
        before: how questions go on from a doubtful function word, and after which characters they do.
    """

    script: Script
    before: Mapping[str, Collection[str]]

    @classmethod
    def of(cls, lang: str, asked: Sequence[Asked]) -> Names:
        """See how the questions of a language go on after function words."""
        script, before = SCRIPTS[lang], defaultdict(set)
        for question in {each.question for each in asked}:
            for match in script.doubtful.finditer(question, 1):
                start = match.start()
                before[question[start : start + script.goes_on]].add(question[start - 1])
        return cls(script, before)

    def find(self, asked: Asked) -> Span | str:
        """Where the subject stands in a question, or why that is not sure."""
        span = self._quoted(asked.question) or self._first(asked.question)
        if isinstance(span, str):
            return span
        name = asked.question[span.start : span.end]
        return span if fold(name) in asked.known else NOT_SHARED

    def _quoted(self, question: str) -> Span | str | None:
        """The one title in quotation marks, with nothing before it but what such a thing is called."""
        found = list(_QUOTED.finditer(question))
        if len(found) != 1:
            return None
        start, end = found[0].span(found[0].lastindex or 0)
        before, after = question[: found[0].start()], question[found[0].end() :]
        rest = self.script.beside.sub("", before, count=1).removeprefix("是")
        known = not rest or self.script.kind.search(rest) is not None
        goes_on = question[found[0].start()] in "《『" or self._ends(question, found[0].end()) or not after
        return Span(start, end, "quoted") if known and goes_on else DOUBTFUL

    def _first(self, question: str) -> Span | str:
        """The name that the question begins with."""
        if self.script.beside.match(question):
            return NOT_FIRST
        end = self._end(question)
        if end is None or end == 0:
            return NO_END
        if end < 0:
            return DOUBTFUL
        name = self.script.title.sub("", question[:end]).rstrip()
        if _BRACKETS.search(name):
            return BRACKETS
        if _MARKS.search(name) or not self.script.whole.fullmatch(name):
            return NO_END
        if re.search(self.script.kind.pattern + "$", name):
            return KIND
        return Span(0, len(name), "framed")

    def _end(self, question: str) -> int | None:
        """Where the first function word stands; -1 where it may be part of a name."""
        for place in range(1, len(question)):
            if self.script.sure.match(question, place):
                return place
            if self.script.particle.match(question, place) and self.script.word.fullmatch(question, 0, place):
                return place
            if self.script.doubtful.match(question, place):
                return place if self._goes_on(question, place) else -1
            if self.script.within.match(question, place):
                return -1
        return None

    def _ends(self, question: str, place: int) -> bool:
        return bool(self.script.sure.match(question, place)) or self._goes_on(question, place)

    def _goes_on(self, question: str, place: int) -> bool:
        """Whether other questions go on like this after other names."""
        return len(self.before.get(question[place : place + self.script.goes_on], ())) >= ALIKE


def agree(spans: Mapping[int, Span], asked: Sequence[Asked], subjects: Mapping[int, str]) -> dict[int, Span | str]:
    """Compare what a subject is called in all its records; found alike in two, it is surer, unlike, not sure at all.

    Args:
        spans: those that were found, by record.
        asked: all records of the language.
        subjects: the subject of every record in English, where it is known.
    """
    together: dict[str, list[int]] = defaultdict(list)
    for index in spans:
        if index in subjects:
            together[fold(subjects[index])].append(index)
    found: dict[int, Span | str] = dict(spans)
    for indices in together.values():
        names = {index: asked[index].question[spans[index].start : spans[index].end] for index in indices}
        for index, name in names.items():
            others = [names[other] for other in indices if asked[other].question != asked[index].question]
            if any(name != other and (name in other or other in name) for other in others):
                found[index] = ELSEWHERE
            elif name in others and spans[index].how == "framed":
                found[index] = spans[index]._replace(how="recurring")
    return found
