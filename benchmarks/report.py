"""The tables: medians, ratios, targets, and the distance to the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import MANY

# Several competitors under one name: the fastest of them counts.
GROUPS = {
    "best": ["minidl numpy", "minidl compiled"],
    "jax": ["jax", "jax, inside"],
    "fastest": ["torch", "jax", "jax, inside"],
}
# (case, who, of whom, must, aim)
TARGETS = [
    ("4", "minidl numpy", "torch", 12, 20),
    ("4", "minidl numpy", "jax", 1.4, 2.5),
    ("4", "minidl compiled", "torch", 80, 190),
    ("4", "minidl compiled", "jax", 9, 21),
    ("2+2", "minidl compiled", "torch", 80, 190),
    ("2+2", "minidl compiled", "jax", 9, 21),
    ("16", "best", "torch", 10, 19),
    ("16", "best", "jax", 2, 3.5),
    ("64", "best", "torch", 4.5, 8),
    ("64", "best", "jax", 1.7, 2.8),
    ("256", "best", "fastest", 1.4, 1.8),
    ("256+256", "best", "fastest", 1.4, 1.8),
    ("1024", "best", "fastest", 1.1, 1.5),
]


def seconds(row: dict[str, Any], who: str) -> float | None:
    """A competitor's median, or the smallest of a group."""
    found = [row[name]["seconds"] for name in GROUPS.get(who, [who]) if "seconds" in row.get(name, {})]
    return min(found) if found else None


def sections(result: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Every table with its title."""
    training, inference = result["training"], result.get("inference")
    yield "Training, one thread: µs a step", [*training_table(training), *_left_out(training)]
    if "two threads" in result:
        yield "Training, two threads: ms a step", two_thread_table(result["two threads"])
    yield "Training, one thread: MB above the import", memory_table(training)
    yield "Targets", target_lines(training, inference["one"] if inference else {})
    if inference:
        yield "Forecasts, 4 units", inference_table(inference)
        yield "Whole commands", command_table(result["commands"])


def training_table(result: dict[str, Any]) -> list[str]:
    """µs a step, and the limit."""
    names = list(next(iter(result.values()))["step"])
    lines = [_head("units", *names, "limit", "best / limit")]
    for case, entry in result.items():
        row = entry["step"]
        best = seconds(row, "best")
        cells = [_micro(row[name].get("seconds")) for name in names]
        ratio = f"{best / entry['limit']:.1f}" if best else "-"
        lines.append(_row(case, *cells, _micro(entry["limit"]), ratio))
    return lines


def _left_out(result: dict[str, Any]) -> list[str]:
    """A line for every competitor that gave no number."""
    rows = [(case, name, cell) for case, entry in result.items() for name, cell in entry["step"].items()]
    return [f"\n{name} at {case}: {cell['error']}" for case, name, cell in rows if "error" in cell]


def two_thread_table(result: dict[str, Any]) -> list[str]:
    """ms a step, and how many times faster minidl's best is than the fastest of torch and jax."""
    names = list(next(iter(result.values())))
    lines = [_head("units", *names, "ratio")]
    for case, row in result.items():
        cells = [f"{row[name]['seconds'] * 1e3:,.1f}" if "seconds" in row[name] else "-" for name in names]
        best, fastest = seconds(row, "best"), seconds(row, "fastest")
        lines.append(_row(case, *cells, f"{fastest / best:.2f}" if best and fastest else "-"))
    return lines


def memory_table(result: dict[str, Any]) -> list[str]:
    """MB of training above the bare import."""
    names = list(next(iter(result.values()))["step"])
    lines = [_head("units", *names)]
    for case, entry in result.items():
        cells = [entry["step"][name].get("memory") for name in names]
        lines.append(_row(case, *("-" if c is None else f"{c / 1e6:.1f}" for c in cells)))
    return lines


def target_lines(training: dict[str, Any], one: dict[str, Any]) -> list[str]:
    """Each target: the ratio, must, aim, and whether it is reached."""
    lines = [_head("units", "who", "against", "ratio", "must", "aim", "", "ratio at the limit")]
    rows = [
        (case, who, other, must, aim, training.get(case, {}).get("step", {})) for case, who, other, must, aim in TARGETS
    ]
    rows.append(("one window", "minidl compiled", "onnxruntime", 6, 15, one))
    for case, who, other, must, aim, row in rows:
        a, b = seconds(row, who), seconds(row, other)
        if a is None or b is None:
            continue
        ratio = b / a
        verdict = "aim" if ratio >= aim else "must" if ratio >= must else "missed"
        lines.append(
            _row(case, who, other, f"{ratio:.2f}", f"{must}", f"{aim}", verdict, _at_the_limit(training, case, b))
        )
    return lines


def _at_the_limit(training: dict[str, Any], case: str, other: float) -> str:
    """The ratio to a competitor that a program at the limit would have."""
    return f"{other / training[case]['limit']:.1f}" if case in training else "-"


def inference_table(result: dict[str, dict[str, Any]]) -> list[str]:
    """µs for one window, and windows a second of a large batch."""
    lines = [_head("", "one window, µs", "of a large batch, windows/s")]
    for name, row in result["one"].items():
        many = result["many"].get(name, {}).get("seconds")
        lines.append(_row(name, _micro(row.get("seconds")), "-" if many is None else f"{MANY / many:,.0f}"))
    return lines


def command_table(result: dict[str, dict[str, Any]]) -> list[str]:
    """Seconds of whole commands."""
    return [_head("command", "time")] + [
        _row(name, f"{row['seconds']:.2f} s" if "seconds" in row else row["error"]) for name, row in result.items()
    ]


def _micro(value: float | None) -> str:
    return "-" if value is None else f"{value * 1e6:,.1f}"


def _head(*cells: str) -> str:
    return _row(*cells) + "\n" + _row(*["---"] * len(cells))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
