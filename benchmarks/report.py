"""The tables: medians, ratios, targets, and the distance to the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import CASES, MANY
from benchmarks.competitors import ONE_THREAD
from benchmarks.targets import ONE_WINDOW, TARGETS, TWO_THREADS

# Several competitors under one name: the fastest of them counts.
GROUPS = {
    "best": ["minidl numpy", "minidl compiled"],
    "jax": ["jax", "jax, inside"],
    "fastest": ["torch", "jax", "jax, inside"],
}


# By case, its kind of layer, and what these are called.
KIND_OF = {case.name: case.kind for case in CASES}
NAMES = {"Elman": "tanh layers", "LSTM": "LSTMs", "GRU": "GRUs"}


def seconds(row: dict[str, Any], who: str) -> float | None:
    """A competitor's median, or the smallest of a group."""
    found = [row[name]["seconds"] for name in GROUPS.get(who, [who]) if "seconds" in row.get(name, {})]
    return min(found) if found else None


def sections(result: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Every table with its title."""
    training, inference, two = (result.get(part, {}) for part in ("training", "inference", "two threads"))
    kinds = by_kind(training)
    for kind, entries in kinds.items():
        yield f"Training of {NAMES[kind]}, one thread: µs a step", [*training_table(entries), *_left_out(entries)]
    for kind, rows in by_kind(two).items():
        yield f"Training of {NAMES[kind]}, two threads: ms a step", two_thread_table(rows)
    for kind, entries in kinds.items():
        yield f"Training of {NAMES[kind]}, one thread: MB above the import", memory_table(entries)
    if lines := target_lines(training, inference, two):
        yield "Targets", [_head("case", "who", "against", "ratio", "must", "aim", "", "ratio at the limit"), *lines]
    for case, found in inference.items():
        yield f"Forecasts, {case} units", inference_table(found)
    if "commands" in result:
        yield "Whole commands", command_table(result["commands"])
    if "tables" in result:
        yield "A training on a CSV file", csv_table(result["tables"])


def by_kind(rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of each kind of layer."""
    found: dict[str, dict[str, Any]] = {}
    for case, row in rows.items():
        found.setdefault(KIND_OF[case], {})[case] = row
    return found


def training_table(result: dict[str, Any]) -> list[str]:
    """µs a step, and the limit."""
    names = list(next(iter(result.values()))["step"])
    lines = [_head("case", *names, "limit", "best / limit")]
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
    """ms a step; how many times faster minidl's best is than the fastest of torch and jax, and than with one thread."""
    names = list(next(iter(result.values())))
    lines = [_head("case", *names, "ratio", "to one thread")]
    for case, row in result.items():
        cells = [f"{row[name]['seconds'] * 1e3:,.2f}" if "seconds" in row[name] else "-" for name in names]
        pairs = (("fastest", "best"), (ONE_THREAD, "minidl compiled"))
        cells += [f"{a / b:.2f}" if a and b else "-" for a, b in ((seconds(row, x), seconds(row, y)) for x, y in pairs)]
        lines.append(_row(case, *cells))
    return lines


def memory_table(result: dict[str, Any]) -> list[str]:
    """MB of training above the bare import."""
    names = list(next(iter(result.values()))["step"])
    lines = [_head("case", *names)]
    for case, entry in result.items():
        cells = [entry["step"][name].get("memory") for name in names]
        lines.append(_row(case, *("-" if c is None else f"{c / 1e6:.1f}" for c in cells)))
    return lines


def target_lines(training: dict[str, Any], inference: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """Each target: the ratio, must, aim, and whether it is reached."""
    rows = [(case, case, *target, training.get(case, {}).get("step", {})) for case, *target in TARGETS]
    rows += [
        (f"{case}, one window", "", *target, inference.get(case, {}).get("one", {})) for case, *target in ONE_WINDOW
    ]
    rows += [(f"{case}, two threads", "", *target, two.get(case, {})) for case, *target in TWO_THREADS]
    lines = []
    for title, case, who, other, must, aim, row in rows:
        a, b = seconds(row, who), seconds(row, other)
        if a is None or b is None:
            continue
        ratio = b / a
        verdict = "aim" if ratio >= aim else "must" if ratio >= must else "missed"
        at_the_limit = f"{b / training[case]['limit']:.1f}" if case else "-"
        lines.append(_row(title, who, other, f"{ratio:.2f}", f"{must}", f"{aim}", verdict, at_the_limit))
    return lines


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


def csv_table(result: dict[str, dict[str, Any]]) -> list[str]:
    """Reading and the whole command, by rows."""
    lines = [_head("rows", "file, MB", "reading, s", "pandas.read_csv, s", "command, s", "of it reading", "memory, MB")]
    for rows, row in result.items():
        seconds = [f"{row[name]:.2f}" if name in row else "-" for name in ("minidl", "pandas", "command")]
        share = f"{100 * row['minidl'] / row['command']:.0f} %"
        lines.append(_row(rows, f"{row['size']:.0f}", *seconds, share, f"{row['MB']:.0f}"))
    return lines


def _micro(value: float | None) -> str:
    return "-" if value is None else f"{value * 1e6:,.1f}"


def _head(*cells: str) -> str:
    return _row(*cells) + "\n" + _row(*["---"] * len(cells))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
