"""Names, keys and values from files are shown on the screen, not executed: wherever they come from."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import Cli, Outcome
from small import CONFIG, hourly_rows

from minidl.files.manifests import MANIFEST, encode_manifest, entry

# Terminal escapes, a faked line, a faked line of another kind, hidden text, a bell, an override of direction.
HOSTILE = ["\x1b[31m", "\r", "\n", "\u2028", "\x00", "\x07", "\u202e", "\x9b2J", "\x85"]
MARK = "FAKE"


def is_shown(*outcomes: Outcome, code: int | None = None) -> None:
    """The mark is there, on no line of its own, and nothing that a terminal obeys."""
    text = "".join(outcome.out + outcome.err for outcome in outcomes)
    assert MARK in text
    for line in text.split("\n"):
        assert line.isprintable(), repr(line)
        assert not line.startswith(MARK), text
    if code is not None:
        assert [outcome.code for outcome in outcomes] == [code] * len(outcomes), text


def config_with(change: Callable[[dict[str, Any]], None]) -> str:
    """small.yaml, changed, as JSON, which is YAML with every character escaped."""
    config = yaml.safe_load(CONFIG)
    change(config)
    return json.dumps(config)


@pytest.fixture(params=HOSTILE, ids=ascii)
def name(request: pytest.FixtureRequest) -> str:
    return f"a{request.param}{MARK}"


@pytest.fixture
def file_name() -> str:
    """All at once, for what takes longer; no file has a NUL in its name."""
    return "a" + "".join(f"{hostile}{MARK}" for hostile in HOSTILE if hostile != "\x00")


def test_keys_and_values_of_a_config(cli: Cli, folder: Path, name: str) -> None:
    places: list[Callable[[dict[str, Any]], None]] = [
        lambda c: c.update({name: 1}),
        lambda c: c["data"].update({name: 1}),
        lambda c: c["model"]["layers"][0].update({name: 1}),
        lambda c: c.update(loss=name),
        lambda c: c.update(dtype=name),
        lambda c: c.update(engine=name),
        lambda c: c.update(extends=name),
        lambda c: c["model"]["layers"].append(name),
        lambda c: c["model"]["layers"].append({"type": name}),
        lambda c: c["training"].update(epochs=name),
        lambda c: c["data"]["series"].update(target=name),
        lambda c: c["data"]["series"].update(path=name),
        lambda c: c["data"]["series"]["categories"].update({name: {"x": 1}}),
        lambda c: c["data"]["series"]["categories"]["wind"].update({name: "x"}),
    ]
    for number, place in enumerate(places):
        path = Path(f"c{number}.yaml")
        path.write_text(config_with(place))
        outcome = cli("train", path)
        assert outcome.code in (2, 3, 4), outcome
        is_shown(outcome)
        assert not Path("runs").exists()


def test_what_yaml_itself_refuses(cli: Cli, folder: Path, name: str) -> None:
    for text in (f'"{name}: 1', f"{name}: [1", f"? [{name}]\n: 1", f"a: !{name} 1", f"*{name}"):
        Path("c.yaml").write_bytes(text.encode())
        outcome = cli("check", "c.yaml")
        assert outcome.code == 2
        for line in (outcome.out + outcome.err).split("\n"):
            assert line.isprintable(), repr(line)


def test_overrides_and_other_arguments(cli: Cli, folder: Path, name: str) -> None:
    is_shown(
        cli("train", "small.yaml", "--set", f"{name}=1"),
        cli("train", "small.yaml", "--set", f"loss={name}"),
        cli("train", "small.yaml", f"--{name}"),
        cli("train", name),
        cli("check", name),
        cli(name),
        cli("list", name),
        cli("budget", "rnn_single", "--parameters", name),
        cli("budget", "rnn_single", "--parameters", "85", "--depths", name),
        cli("new", "experiment", name),
        cli("compare", "small.yaml", "small.yaml", "--shard", name),
        cli("check-layer", name),
        code=2,
    )
    for verb in ("summary", "evaluate", "predict", "resume", "reproduce"):
        outcome = cli(verb, name)
        assert outcome.code in (2, 3, 4)
        is_shown(outcome)


def test_headers_and_cells_of_a_table(cli: Cli, folder: Path, name: str) -> None:
    def table(header: list[str], cell: Callable[[int], list[str]]) -> str:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for hour in range(240):
            writer.writerow([f"2013-01-{1 + hour // 24:02}T{hour % 24:02}:00", *cell(hour)])
        return file.getvalue()

    rows = hourly_rows().tolist()
    right = ["date", "pm", "temp", "wind"]
    tables = [
        table(["date", name, "temp", "wind"], lambda i: [*map(str, rows[i][:2]), "calm"]),
        table([*right, name, name], lambda i: [*map(str, rows[i][:2]), "calm", "", ""]),
        table(right, lambda i: [*map(str, rows[i][:2]), name if i == 9 else "calm"]),
        table(right, lambda i: [*map(str, rows[i][:1]), name if i == 9 else "1", "calm"]),
        table(right, lambda i: [*map(str, rows[i][:2]), "calm"]).replace("2013-01-02T03:00", f'"{name}"'),
    ]
    for number, text in enumerate(tables):
        Path("air.csv").write_bytes(text.encode())
        outcome = cli("train", "small.yaml")
        assert outcome.code in (2, 3), (number, outcome)
        for line in (outcome.out + outcome.err).split("\n"):
            assert line.isprintable(), repr(line)
            assert not line.startswith(MARK)


def test_names_and_units_that_are_right_in_tables(cli: Cli, folder: Path, file_name: str) -> None:
    with open("air.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    lines[0][1] = file_name
    with open("air.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)

    def place(config: dict[str, Any]) -> None:
        config["data"]["series"].update(target=file_name, units=file_name)
        config["data"]["series"]["features"][0] = file_name
        config["evaluation"]["published"] = {"source": file_name, "r2": [1.0] * 3, "loss": [1.0] * 3}

    Path("c.yaml").write_text(config_with(place))
    is_shown(cli("train", "c.yaml"), cli("predict", "runs/c-001"), cli("evaluate", "runs/c-001"), code=0)


def test_names_of_files_and_folders(cli: Cli, folder: Path, file_name: str) -> None:
    name = file_name
    Path(f"{name}.yaml").write_text(CONFIG, encoding="utf-8")
    Path(f"{name}.csv").write_text("date,pm\n")
    Path("second.yaml").write_text(config_with(lambda c: c["data"]["series"].update(path=f"{name}.csv")))
    is_shown(cli("train", f"{name}.yaml"), cli("check", f"{name}.yaml"), code=0)
    run = f"runs/{name}-001"
    for verb in ("evaluate", "predict", "resume", "reproduce"):
        is_shown(cli(verb, run, *(["--output", f"{name}-out.csv"] if verb == "predict" else [])))
    is_shown(cli("train", "small.yaml", "--run-dir", run), cli("train", "second.yaml"))
    Path(run, "config.yaml").write_text("x")
    is_shown(cli("evaluate", run), cli("summary", run))
    (Path(run) / "config.yaml").unlink()
    is_shown(cli("evaluate", run))


def test_names_of_plugins(cli: Cli, folder: Path, file_name: str) -> None:
    plugin = Path(f"{file_name}.py")
    plugin.write_text("1 / 0")
    is_shown(cli("train", "small.yaml", "--plugin", plugin), cli("check-layer", f"{plugin}:X"), code=2)
    plugin.write_text("")
    is_shown(cli("check-layer", f"{plugin}:X"), code=2)
    is_shown(cli("train", "small.yaml", "--plugin", plugin), code=0)


def test_what_plugins_say(cli: Cli, folder: Path, name: str) -> None:
    Path("mine.py").write_text(f"raise ValueError({name!r})")
    is_shown(cli("train", "small.yaml", "--plugin", "mine.py"), cli("check-layer", "mine.py:X"), code=2)
    Path("said.py").write_text(f"import sys\nprint({name!r})\nprint({name!r}, file=sys.stderr)\nsys.stdout.flush()")
    outcome = cli("list", "losses", "--plugin", "said.py")
    assert outcome.code == 0
    assert all(line.isprintable() for line in (outcome.out + outcome.err).split("\n"))


def forged(path: Path, content: bytes) -> None:
    """Write a file of a run and list it in the manifest beside it, as whoever can write one can do."""
    path.write_bytes(content)
    manifest = json.loads((path.parent / MANIFEST).read_bytes())
    more = {key: value for key, value in manifest.items() if key not in ("files", "format", "digest")}
    files = {**manifest["files"], path.name: entry(content)}
    (path.parent / MANIFEST).write_bytes(encode_manifest(files, **more))


def test_versions_of_a_run(cli: Cli, trained: Path, file_name: str) -> None:
    name = f"{file_name}\x00{MARK}"
    environment = json.loads((trained / "environment.json").read_bytes())
    for key in ("numpy", "python", "processor"):
        forged(trained / "environment.json", json.dumps({**environment, key: name}).encode())
        is_shown(cli("resume", trained))
    is_shown(cli("reproduce", trained))
    blas = [{"internal_api": name, "version": name, "architecture": name}]
    forged(trained / "environment.json", json.dumps({**environment, "blas": blas}).encode())
    is_shown(cli("resume", trained))


def test_names_of_tensors(cli: Cli, trained: Path) -> None:
    weights = trained / "checkpoints" / "best" / "weights.safetensors"
    for hostile in HOSTILE:
        header = json.dumps({f"a{hostile}{MARK}": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}).encode()
        forged(weights, struct.pack("<Q", len(header)) + header + bytes(8))
        is_shown(cli("evaluate", trained), code=3)


def test_labels_of_a_comparison(cli: Cli, folder: Path, file_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    name = file_name
    monkeypatch.setattr("minidl.plotting.style.have_matplotlib", lambda: False)
    Path(f"{name}.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 0.01}\n")
    arguments = ["small.yaml", f"{name}.yaml", "--seeds", "2", "--jobs", "1", "--no-protocol"]
    is_shown(cli("compare", *arguments), cli("compare", *arguments), cli("compare", f"{name}.yaml", f"{name}.yaml"))
