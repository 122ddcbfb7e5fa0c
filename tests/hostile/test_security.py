"""No pickle, no code of others unless asked for, nothing written outside, no name of the user in results."""

from __future__ import annotations

import ast
import json
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bench as package
from bench.config.run import RunSpec
from bench.ground.atomic import read_json
from bench.store.shards import ResultStore
from tests.cli.conftest import bench
from tests.tinyworld import TinyWorld

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "methods", "evaluators", "reports", "benchmarks")


# ---------------------------------------------------------------------------- what is never used
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal", "tarfile", "zipfile"}
ALLOWED = {"bench/ground/archives.py": ["tarfile"]}
"""Reads and writes the headers of packs one by one, and has no archive unpacked; see `tests/hostile/test_packs.py`."""

FORBIDDEN_CALLS = {
    "torch.load", "torch.save", "torch.hub.load", "yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all",
    "numpy.load", "np.load", "pd.read_pickle", "pandas.read_pickle", "shutil.unpack_archive", "os.system",
    "tarfile.open", "tarfile.TarFile",
    "eval", "exec",
}  # fmt: skip
FORBIDDEN_FLAGS = {"trust_remote_code", "allow_pickle", "shell"}


def offences(source: str) -> Iterator[str]:
    """Modules imported and functions called that read code or archives from data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in FORBIDDEN_MODULES)
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module.partition(".")[0] in FORBIDDEN_MODULES:
                yield node.module
            yield from (n for a in node.names if (n := f"{node.module}.{a.name}") in FORBIDDEN_CALLS)
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in FORBIDDEN_CALLS:
            yield name
        if isinstance(node, ast.keyword) and node.arg in FORBIDDEN_FLAGS and ast.unparse(node.value) == "True":
            yield str(node.arg)


def test_the_search_finds_what_it_looks_for() -> None:
    source = (
        "import pickle\nfrom torch import load\nimport yaml\nyaml.load('x')\nexec('1')\nf(trust_remote_code=True)\n"
        "yaml.safe_load('x')\nmodel.eval()\nf(trust_remote_code=trusted)\n"
    )
    assert sorted(offences(source)) == ["exec", "pickle", "torch.load", "trust_remote_code", "yaml.load"]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_pickle_no_archive_no_unsafe_yaml_anywhere(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = {str(file.relative_to(ROOT)): each for file in files if (each := list(offences(file.read_text("utf-8"))))}
    assert found == {name: each for name, each in ALLOWED.items() if name.startswith(f"{package}/")}


# ---------------------------------------------------------------------------- models
def test_a_folder_with_pickled_weights_only_is_refused(tiny, tiny_world: TinyWorld, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_world.root / "model", tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    bench(*tiny(models=folder)).is_one_line("no safetensors weights", str(folder))
    assert not (tmp_path / "results").exists()


CODE = """
from pathlib import Path
from transformers import LlamaConfig, LlamaForCausalLM as Llama

Path({marker!r}).write_text("ran")


class OwnConfig(LlamaConfig):
    model_type = {kind!r}


class LlamaForCausalLM(Llama):
    config_class = OwnConfig
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where transformers copies code to before it runs it."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers_modules"]:
        del sys.modules[name]


def with_code(world: TinyWorld, tmp_path: Path, kind: str) -> tuple[Path, Path]:
    """A model folder whose code leaves a file when it runs, and that file."""
    folder, marker = tmp_path / f"model-{kind}", tmp_path / f"{kind}-ran"
    shutil.copytree(world.root / "model", folder)
    (folder / "own.py").write_text(CODE.format(marker=str(marker), kind=kind))
    config = read_json(folder / "config.json")
    classes = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.LlamaForCausalLM"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": kind, "auto_map": classes}))
    return folder, marker


def test_code_of_a_known_kind_of_model_is_passed_over(tiny, tiny_world, tmp_path, modules) -> None:
    folder, marker = with_code(tiny_world, tmp_path, "llama")
    assert bench(*tiny(models=folder)).code == 0
    assert not marker.exists()


def test_a_model_that_needs_its_code_is_refused_and_the_way_out_named(tiny, tiny_world, tmp_path, modules) -> None:
    folder, marker = with_code(tiny_world, tmp_path, "own")
    bench(*tiny(models=folder)).is_one_line(f"--trust-remote-code {folder}")
    assert not marker.exists()


@pytest.mark.usefixtures("no_pictures")
def test_code_runs_where_the_user_says_so_and_the_cell_tells(tiny, tiny_world, tmp_path, modules) -> None:
    folder, marker = with_code(tiny_world, tmp_path, "own")
    plain = tiny_world.root / "model"
    answer = bench(*tiny("--trust-remote-code", folder, models=f"{plain},{folder}"))
    assert answer.code == 0, answer.err
    assert marker.exists()
    cells = [read_json(path) for path in (tmp_path / "results" / "tiny").glob("*/cell.json")]
    ran = {cell["cell"]["model"]["name"]: cell["environment"]["remote_code"] for cell in cells}
    assert ran == {str(plain): False, str(folder): True}
    place = ("tiny", "--results-dir", tmp_path / "results")
    answer = bench("report", *place, "--out", tmp_path / "out", "--format", "md")
    assert answer.code == 0, answer.err
    assert "Code of its own" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_code_runs_to_verify_only_where_the_user_says_so_again(tiny, tiny_world, tmp_path, modules) -> None:
    folder, marker = with_code(tiny_world, tmp_path, "own")
    assert bench(*tiny("--trust-remote-code", folder, models=folder)).code == 0
    marker.unlink()
    verify = ("verify", "tiny", "--results-dir", tmp_path / "results", "--cache-dir", tmp_path, "--display", "none")
    assert "not checked" in bench(*verify).out
    assert not marker.exists()
    answer = bench(*verify, "--trust-remote-code", folder)
    assert answer.code == 0 and "1 agrees" in answer.out
    bench(*verify, "--trust-remote-code", f"{folder}s").is_one_line("unknown model of this run")


def test_trust_is_part_of_a_cells_identity_and_so_is_the_code(tiny, tiny_world, tmp_path, modules) -> None:
    """A model of a known kind runs either way, and not to the same numbers."""
    folder, _ = with_code(tiny_world, tmp_path, "llama")
    assert "1 to compute" in bench(*tiny(models=folder)).out
    assert "1 to compute" in bench(*tiny("--trust-remote-code", folder, models=folder)).out
    assert "1 from before" in bench(*tiny("--trust-remote-code", folder, models=folder)).out
    with (folder / "own.py").open("a") as file:
        file.write("# changed\n")
    assert "1 to compute" in bench(*tiny("--trust-remote-code", folder, models=folder)).out


def test_trust_from_python(tiny_world, tmp_path, modules) -> None:
    folder, marker = with_code(tiny_world, tmp_path, "own")
    settings = {
        "methods": "none", "models": str(folder), "datasets": str(tiny_world.root / "facts.jsonl"), "seeds": 1,
        "languages": "en,de", "edits_per_language": 2, "evaluators": "edits", "results_dir": tmp_path / "results",
    }  # fmt: skip
    refused = package.run(**settings, name="refused")
    assert list(refused.cells["status"]) == ["failed"] and not marker.exists()
    trusted = package.run(**settings, name="trusted", trust_remote_code=str(folder))
    assert list(trusted.cells["status"]) == ["done"] and marker.exists()


def test_trust_in_a_model_that_the_run_does_not_have(tiny, tiny_world, tmp_path) -> None:
    near = f"{tiny_world.root / 'model'}s"
    bench(*tiny("--trust-remote-code", near)).is_one_line("unknown model of this run", f"did you mean '{near[:-1]}'")
    assert not (tmp_path / "results").exists()


def test_no_file_of_settings_can_say_that_code_is_trusted(tiny, tmp_path) -> None:
    for key in ("trust_remote_code", "trust-remote-code", "trusted"):
        (tmp_path / "config.yaml").write_text(f"{key}: true\n")
        bench(*tiny(config=tmp_path / "config.yaml")).is_one_line(f"unknown setting '{key}'")
    assert not {"trust_remote_code", "trusted"} & set(RunSpec.model_fields)


def test_yaml_that_would_make_an_object_is_refused(tiny, tmp_path) -> None:
    marker = tmp_path / "ran"
    for text in (f"models: !!python/object/apply:pathlib.Path.touch [{marker}]", "methods: !!python/name:os.system"):
        (tmp_path / "evil.yaml").write_text(text)
        bench(*tiny(config=tmp_path / "evil.yaml")).is_one_line("evil.yaml", "not valid YAML")
        bench(*tiny(hparams=tmp_path / "evil.yaml")).is_one_line("evil.yaml", "not valid YAML")
    assert not marker.exists()


# ---------------------------------------------------------------------------- nothing is written outside
@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "..", ".", "a/../../b", "a/b", ".hidden", "a\nb", "a\x00b", "", "~"]
)
def test_a_run_has_no_name_that_leaves_the_results_folder(tiny, tmp_path, name: str) -> None:
    bench(*tiny(name=name)).is_one_line("'name'")
    assert not (tmp_path / "results").exists()


HOSTILE = ("../../escaped", "/escaped", "..", "a/../../b", "C:\\x", "<script>", "%s%n{0}{}")


def test_names_in_data_make_no_paths(tiny, tiny_world, tmp_path) -> None:
    """Fact ids, data sets and models with paths for names: all is below the run's folder and the report's."""
    lines = (tiny_world.root / "facts.jsonl").read_text(encoding="utf-8").splitlines()
    facts = tmp_path / "..evil name%s.jsonl"
    facts.write_text(
        "\n".join(
            json.dumps({**(row := json.loads(line)), "fact_id": HOSTILE[int(row["fact_id"][1:]) % len(HOSTILE)]})
            for line in lines
        )
    )
    shutil.copytree(tiny_world.root / "model", tmp_path / "..model {}")
    roundabout = tmp_path / "results" / ".." / "..model {}"
    (tmp_path / "results").mkdir()
    before = set(tmp_path.rglob("*"))
    assert bench(*tiny(datasets=facts, models=roundabout, methods="memit")).code == 0
    answer = bench("report", "tiny", "--results-dir", tmp_path / "results", "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    new = {path.relative_to(tmp_path).parts[0] for path in set(tmp_path.rglob("*")) - before}
    assert new == {"results", "out"}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["tiny"]
    assert all(path.resolve().is_relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*"))


def test_a_cells_folder_is_named_by_a_hash_whatever_its_fields_say(tiny_world: TinyWorld, tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "run")
    for name in HOSTILE:
        cell = tiny_world.cell()
        cell = cell.model_copy(update={"data": cell.data.model_copy(update={"name": name})})
        assert store.folder(cell.id()).parent == tmp_path / "run"
        assert set(cell.id()) <= set("0123456789abcdef")


class Touch:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["script", "pickle", "archive"])
def test_a_data_set_that_would_run_code_or_leave_its_folder_is_refused(tmp_path: Path, kind: str, monkeypatch) -> None:
    """`bench data fetch --from`: no loading scripts, no pickles, nothing outside of the data folder."""
    source, target, marker = tmp_path / "source", tmp_path / "data" / "in", tmp_path / "data" / "ran"
    source.mkdir()
    target.mkdir(parents=True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    if kind == "script":
        (source / "source.py").write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n")
    if kind == "pickle":
        (source / "train.pkl").write_bytes(pickle.dumps(Touch(marker)))
    if kind == "archive":
        with zipfile.ZipFile(source / "train.zip", "w") as archive:
            archive.writestr("../../data/ran", "{}")
            archive.writestr("../../../../data/ran", "{}")
    bench("data", "fetch", "counterfact", "--data-dir", target, "--from", source).is_one_line("cannot be loaded")
    assert not marker.exists()
    assert not list(target.iterdir())
