"""--json of every verb that has it: one document that any reader takes, whatever stands in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from command_line import Cli
from small import CONFIG, hourly_rows, write_csv

UNIT = "µg/m³ \x1b[31m\x9b\u2028北"


@pytest.fixture
def run(folder: Path, cli: Cli) -> str:
    """A finished run whose target does not move in the test part, so that R² is undefined, with hostile units."""
    rows = hourly_rows()
    rows[180:, 0] = 50.0
    write_csv("air.csv", rows)
    config = yaml.safe_load(CONFIG)
    config["data"]["series"]["units"] = UNIT
    Path("small.yaml").write_text(json.dumps(config))
    Path("twin.yaml").write_text("extends: small.yaml\n")
    assert cli("train", "small.yaml").code == 0
    return "runs/small-001"


VERBS = [
    ["train", "small.yaml"],
    ["resume", "RUN", "--allow-changes", "--set", "training.epochs=4"],
    ["reproduce", "RUN"],
    ["evaluate", "RUN"],
    ["predict", "RUN"],
    ["compare", "small.yaml", "twin.yaml", "--seeds", "1", "--jobs", "1", "--no-protocol"],
    ["budget", "rnn_single", "--parameters", "85"],
    ["summary", "RUN"],
    ["summary", "pm25_deep"],
    ["check", "small.yaml", "twin.yaml", "gone.yaml"],
    *(["list", kind] for kind in ("layers", "losses", "series", "metrics", "configs", "models")),
    ["schema"],
]


def test_every_verb_gives_one_document_in_ascii(cli: Cli, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.plotting.style.have_matplotlib", lambda: False)
    for verb in VERBS:
        command = [run if word == "RUN" else word for word in verb]
        outcome = cli(*command, *(["--json"] if verb != ["schema"] else []))
        assert outcome.code == (2 if verb[0] == "check" else 0), outcome
        assert outcome.out.isascii()
        found = json.loads(outcome.out, parse_constant=pytest.fail)
        assert found
        if verb[0] in ("train", "evaluate", "predict"):
            assert found["units"] == UNIT  # nothing is lost by being escaped
        if verb[0] in ("train", "evaluate"):
            assert found["block"]["4"]["r2"] is None
