"""The report as LaTeX that compiles by itself, for those who paste tables and figures into a paper."""

from __future__ import annotations

import re

from reports.documents.tables import tex_text, to_tex
from reports.parts.sections import Chapter, Part, Picture, Section
from reports.parts.tables import Table

PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs,float,graphicx,longtable,iftex}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
%DECLARED%\else
  % Chinese needs xelatex or lualatex and one of these fonts
  \usepackage{fontspec}
  \IfFileExists{xeCJK.sty}{\ifXeTeX\usepackage{xeCJK}%
    \IfFontExistsTF{Noto Sans SC}{\setCJKmainfont{Noto Sans SC}}{%
    \IfFontExistsTF{Noto Sans CJK SC}{\setCJKmainfont{Noto Sans CJK SC}}{}}\fi}{}
\fi
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em}
\setlength{\emergencystretch}{3em}
\setlength{\LTcapwidth}{\linewidth}
"""

HEADINGS = ("section", "subsection", "subsubsection", "paragraph")


def to_report_tex(report: Chapter) -> str:
    """The whole report; its pictures are read from the folder it is compiled in."""
    blocks = [
        rf"\title{{{tex_text(report.title)}}}",
        r"\author{}",
        rf"\date{{{tex_text(report.headline)}}}",
        "\\begin{document}\n\\maketitle\n\\tableofcontents",
    ]
    for level, item in report.walk():
        blocks.append(rf"\{HEADINGS[min(level, len(HEADINGS)) - 1]}{{{tex_text(item.title)}}}")
        if isinstance(item, Section):
            blocks += map(_part, item.parts)
        else:
            blocks.append(tex_text(item.headline))
    blocks.append(r"\end{document}")
    body = "\n\n".join(block.strip() for block in blocks if block.strip()) + "\n"
    return PREAMBLE.replace("%DECLARED%", _declared(body)) + "\n" + body


def _declared(body: str) -> str:
    """PdfTeX stops at letters it has no font for: they are printed as their code points."""
    strange = sorted({char for char in body if ord(char) > 0x17F})
    codes = (f"{ord(char):04X}" for char in strange)
    return "".join(rf"  \DeclareUnicodeCharacter{{{code}}}{{{{\ttfamily U+{code}}}}}" + "\n" for code in codes)


def _part(part: Part) -> str:
    if isinstance(part, Table):
        return to_tex(part).replace("{table}[htbp]", "{table}[H]", 1)
    if isinstance(part, Picture):
        label = re.sub(r"[^A-Za-z0-9.+-]", "-", part.stem)
        return "\n".join(
            (
                r"\begin{figure}[H]",
                r"  \centering",
                rf"  \includegraphics[width=\linewidth,height=0.85\textheight,keepaspectratio]{{{{{part.stem}}}.png}}",
                rf"  \caption{{{tex_text(part.caption)}}}",
                rf"  \label{{fig:{label}}}",
                r"\end{figure}",
            )
        )
    if isinstance(part, str):
        return tex_text(part)
    return "\n".join((r"\begin{itemize}", *(rf"  \item {{}}{tex_text(text)}" for text in part), r"\end{itemize}"))
