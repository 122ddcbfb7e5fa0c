"""The options of the command ``bench``, each with its help and its place there."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from bench.cli import completion


class Kind(StrEnum):
    """What can be listed."""

    methods = "methods"
    models = "models"
    datasets = "datasets"
    evaluators = "evaluators"
    presets = "presets"


class DisplayChoice(StrEnum):
    """How progress is shown."""

    rich = "rich"
    plain = "plain"
    none = "none"


class DeviceChoice(StrEnum):
    """Where models run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class AnswersChoice(StrEnum):
    """Which answers are kept."""

    all = "all"
    failed = "failed"
    none = "none"


class EngineChoice(StrEnum):
    """What computes cells."""

    local = "local"
    ray = "ray"


GRID, SCHEDULE, PLACES, COURSE = "What to run", "How facts arrive", "Folders", "Course of the run"

Preset = Annotated[
    str | None,
    Option(help="Settings to start from; table1 by default.", rich_help_panel=GRID, autocompletion=completion.preset),
]
Config = Annotated[Path | None, Option(help="YAML file laid over the preset.", rich_help_panel=GRID)]
Methods = Annotated[
    str | None,
    Option(
        help="Names, separated by commas; 'all': the paper's seven, LangEdit in both forms, and none; 'modern': newer.",
        rich_help_panel=GRID,
        autocompletion=completion.methods,
    ),
]
Names = Annotated[str | None, Option(help="Names, separated by commas.", rich_help_panel=GRID)]
Models = Annotated[
    str | None,
    Option(
        help="Names, folders or hub ids, separated by commas; one in a path is '\\,'.",
        rich_help_panel=GRID,
        autocompletion=completion.models,
    ),
]
Datasets = Annotated[
    str | None,
    Option(help="Names, or files of facts, separated by commas; one in a path is '\\,'.", rich_help_panel=GRID),
]
Seeds = Annotated[int | None, Option(help="How many.", rich_help_panel=GRID)]
Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting, such as method.memit.layers=4,5,6. May be repeated.",
        rich_help_panel=GRID,
    ),
]
HParams = Annotated[str | None, Option(help="Take hyperparameters of this model or YAML file.", rich_help_panel=GRID)]
Dtype = Annotated[str | None, Option(help="Of model weights: float32, bfloat16, float16.", rich_help_panel=GRID)]
ChatTemplate = Annotated[
    bool | None,
    Option(
        "--chat-template/--no-chat-template",
        help="Edits and probes are what a user says in the model's chat template.",
        rich_help_panel=GRID,
    ),
]
Corpus = Annotated[
    str | None,
    Option(
        help="Text behind statistics: cldr, claims, a file, data:GLOB, hf:DATASET[:CONFIG]; by default Wikipedia from "
        "the hub, for embedded models what they have read.",
        rich_help_panel=GRID,
    ),
]
TokenBudget = Annotated[int | None, Option(help="Most tokens of it; 10 million, of cldr 50,000.", rich_help_panel=GRID)]

Orders = Annotated[str | None, Option(help="cycle, blocked, shuffled, or several.", rich_help_panel=SCHEDULE)]
Edited = Annotated[
    str | None,
    Option(
        help="Languages edited together, the others only asked: all, each, en+de, or several.", rich_help_panel=SCHEDULE
    ),
]
BatchSize = Annotated[int | None, Option(help="Facts per step.", rich_help_panel=SCHEDULE)]
EditsPerLanguage = Annotated[int | None, Option(help="Facts per language.", rich_help_panel=SCHEDULE)]
Steps = Annotated[int | None, Option(help="Stop after so many steps.", rich_help_panel=SCHEDULE)]
EvalEvery = Annotated[int | None, Option(help="Score after so many steps; 0: at the end.", rich_help_panel=SCHEDULE)]

Parallel = Annotated[
    bool | None,
    Option(
        "--parallel/--disjoint", help="The same facts in every language, or different ones.", rich_help_panel=SCHEDULE
    ),
]
Independent = Annotated[
    bool | None,
    Option(
        "--independent/--sequential",
        help="Every fact edits the unedited model alone, or edits add up.",
        rich_help_panel=SCHEDULE,
    ),
]
Passes = Annotated[
    int | None,
    Option(
        help="Edit all facts so often: new objects in odd passes, what was true in even ones; scored after each.",
        rich_help_panel=SCHEDULE,
    ),
]
EvalLimit = Annotated[
    int | None, Option(help="Most XTREME items per task and language, drawn by seed.", rich_help_panel=SCHEDULE)
]

RunName = Annotated[str | None, Option(help="Of the run's folder.", rich_help_panel=PLACES)]
ResultsDir = Annotated[Path, Option(help="Folder of all runs.", rich_help_panel=PLACES)]
DataDir = Annotated[
    Path | None, Option(help="Folder of downloaded data.", envvar="BENCH_DATA_DIR", rich_help_panel=PLACES)
]
CacheDir = Annotated[
    Path | None,
    Option(help="Statistics and converted models.", envvar="BENCH_CACHE_DIR", rich_help_panel=PLACES),
]

Device = Annotated[DeviceChoice, Option(help="Where models run.", rich_help_panel=COURSE)]
DeviceMap = Annotated[
    str | None,
    Option(
        metavar="auto|FILE",
        help="Spread models that do not fit one device; a YAML file gives limits by device or devices by module.",
        rich_help_panel=COURSE,
    ),
]
TrustRemoteCode = Annotated[
    list[str] | None,
    Option(
        metavar="MODEL",
        help="Run the code that comes with this model of the run. May be repeated.",
        rich_help_panel=COURSE,
    ),
]
DryRun = Annotated[
    bool, Option("--dry-run", help="Show the grid and what exists; compute nothing.", rich_help_panel=COURSE)
]
RetryFailed = Annotated[bool, Option("--retry-failed", help="Compute failed cells again.", rich_help_panel=COURSE)]
Workers = Annotated[
    int | None,
    Option(
        min=1,
        help="Cells at the same time; by default one per core if models are small, as large ones take all cores; "
        "on a cluster as many as fit.",
        rich_help_panel=COURSE,
    ),
]
Engine = Annotated[
    EngineChoice, Option(help="Processes of this machine, or tasks of a Ray cluster.", rich_help_panel=COURSE)
]
Address = Annotated[
    str | None,
    Option(
        metavar="HOST:PORT|auto|local",
        help="Of the Ray cluster; by default $RAY_ADDRESS, else one of this machine alone.",
        rich_help_panel=COURSE,
    ),
]
CellResources = Annotated[
    str | None,
    Option(
        metavar="NAME=AMOUNT,...",
        help="What a cell asks the Ray cluster for, such as num_gpus=0.5,memory=40e9,num_cpus=4.",
        rich_help_panel=COURSE,
    ),
]
Join = Annotated[
    bool, Option("--join", help="Share the work with a process that computes this run.", rich_help_panel=COURSE)
]
Shard = Annotated[
    str | None,
    Option(
        metavar="NUMBER/OF",
        help="Only this share of the cells, such as 2/8: the same split everywhere, of about the same cost each. With "
        "--join the other shares' cells come after it.",
        rich_help_panel=COURSE,
    ),
]
Answers = Annotated[
    AnswersChoice,
    Option(
        help="What models said that is kept: all; wrong answers and a sample of 200 right ones a step; none. Free "
        "answers, which judges are shown, are kept whole unless none are.",
        rich_help_panel=COURSE,
    ),
]
Display = Annotated[
    DisplayChoice | None, Option(help="Progress; rich on a terminal, else plain.", rich_help_panel=COURSE)
]

Run = Annotated[
    str,
    Argument(metavar="RUN", help="A run's name (that of its preset) or folder.", autocompletion=completion.run),
]
ReadRun = Annotated[
    str,
    Argument(metavar="RUN", help="A run's name (that of its preset), folder or pack.", autocompletion=completion.run),
]
Sources = Annotated[list[Path], Argument(metavar="FOLDER...", help="Results folders of shards, from other machines.")]
Watch = Annotated[bool, Option("--watch", help="Draw it again until all cells are finished, or Ctrl-C.")]
Runs = Annotated[
    list[str],
    Argument(
        metavar="RUN...", help="Runs' names (those of their presets), folders or packs.", autocompletion=completion.run
    ),
]
Formats = Annotated[str, Option("--format", help="Of md, pdf, html, tex, csv; separated by commas.")]
Out = Annotated[Path | None, Option(help="Output folder.")]
FirstRun = Annotated[
    str, Argument(metavar="RUN_A", help="A run's name, folder or pack.", autocompletion=completion.run)
]
SecondRun = Annotated[
    str,
    Argument(metavar="RUN_B", help="Another, of which the first is subtracted.", autocompletion=completion.run),
]
CompareOut = Annotated[Path | None, Option("--out", help="Folder for pages and csv files; none by default.")]
Listed = Annotated[Kind, Argument(help="What to list.", show_default=False)]
Verbose = Annotated[bool, Option("--verbose", "-v", help="Options, sources, documentation.")]
Method = Annotated[str, Argument(help="A method's name.", autocompletion=completion.method)]
Model = Annotated[str, Argument(help="A model's name, folder or hub id.", autocompletion=completion.model)]
Layers = Annotated[str, Option(help="Layers, separated by commas; 4-8 stands for 4,5,6,7,8.")]
Verified = Annotated[int, Option("--cells", min=1, help="How many cells are computed again, at most.")]
VerifySeed = Annotated[int, Option("--seed", help="Draws them.")]
