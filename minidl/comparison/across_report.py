"""What several comparisons say together, as a folder: ``runs/across-<NNN>`` with across.json, reports and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl.comparison.across import across_lines, across_table, by_rank, corrected
from minidl.comparison.figures import MOST, save_svg
from minidl.comparison.pictures import Picture
from minidl.comparison.report import Block, write_pages
from minidl.comparison.sign_flips import LEVEL
from minidl.comparison.tables import with_interval
from minidl.core.text import listed, p_words, shell_word
from minidl.files.storage import write_file
from minidl.plotting import style as look
from minidl.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = Mapping[str, Any]
EVERYWHERE = "all tasks"
_SHOWN = {"skill": ("Skill", 3, 1), "wins": ("Wins, % of seeds and other contenders", 0, 100)}  # title, digits, times


def write_across(found: Found, plugins: Sequence[str] = ()) -> Path:
    """Make ``runs/across-<NNN>`` with the next free number."""
    folder, lock = RunFolder.number("across")
    with lock:
        write_file(folder.path / "across.json", json.dumps(found, indent=1, ensure_ascii=False).encode())
        pictures = _draw(folder.path, found)
        command = ["minidl", "compare", "--across", *found["tasks"], *(w for p in plugins for w in ("--plugin", p))]
        title = f"{listed(list(found['contenders'])[:3])} over {len(found['tasks'])} tasks"
        write_pages(folder.path, title, list(_blocks(found, pictures, " ".join(map(shell_word, command)))))
    return folder.path


def _draw(folder: Path, found: Found) -> list[Picture]:
    if not look.have_matplotlib():
        return []
    path = save_svg(across_figure(found), folder / "figures" / "across.svg")
    ranks = ", ".join(f"{name} {with_interval(found['contenders'][name]['rank'], 2)}" for name in by_rank(found))
    few = f" of the {MOST} that rank first" if len(found["contenders"]) > MOST else ""
    title = f"Skill and wins{few} by task, with 95 % intervals over seeds"
    return [Picture(path, f"{title}.", f"{title}; the table has the numbers. Mean ranks: {ranks}.", "scores")]


def _blocks(found: Found, pictures: Sequence[Picture], command: str) -> Iterator[Block]:
    names, n = list(found["contenders"]), len(found["tasks"])
    yield "heading", "What was asked"
    yield "text", f"Which of {listed(names)} does better over {n} tasks? Nothing was trained for this report."
    tasks = [[of["name"], path, ", ".join(of["configs"]), of["metric"]] for path, of in found["tasks"].items()]
    yield "table", [["task", "comparison", "configs", "compared by"], *tasks]
    yield "heading", "What came out"
    yield "strong", headline(found)
    yield "list", across_lines(found)
    yield "heading", "How to repeat it"
    yield "code", command
    yield "heading", "Over all tasks"
    yield (
        "text",
        "Means over seeds and then over tasks, in brackets the 95 % interval of other seeds. Rank 1 is the best of a "
        "seed, ties share ranks, and a broken run is the last. Wins are the share of seeds and other contenders that "
        "it beats, half for ties. Skill is 0 where it is as good as the task's baseline, and 1 without any error; it "
        "is of the runs that gave scores.",
    )
    yield "table", across_table(found)
    yield from (("figure", picture) for picture in pictures)
    yield "heading", "Task by task"
    for what, (title, digits, times) in _SHOWN.items():
        rows = [
            [of["name"], *(with_interval(of["contenders"][name][what], digits, times) for name in names)]
            for of in found["tasks"].values()
        ]
        yield "table", [[title, *names], *rows]


def headline(found: Found) -> str:
    """Who ranks first, and whether that is about other tasks too."""
    first, second = by_rank(found)[:2] if len(found["contenders"]) > 1 else (next(iter(found["contenders"])), None)
    rank = f"{first} ranks first: its mean rank is {with_interval(found['contenders'][first]['rank'], 2)}"
    if second is None:
        return f"{rank}."
    pair = next(pair for pair in found["pairs"] if {pair["first"], pair["second"]} == {first, second})
    tasks = pair["tasks"]
    other = with_interval(found["contenders"][second]["rank"], 2)
    shown = "is shown" if tasks["p_adjusted"] <= LEVEL else "is not shown"
    return (
        f"{rank}, that of {second} {other}. That their skill differs on other "
        f"tasks like these {shown} (permutation test over {tasks['of']} tasks, "
        f"p {p_words(tasks['p'])}{corrected(found, pair)})."
    )


def across_figure(found: Found) -> Figure:
    """Skill and wins of the best contenders, a row for each task and one for all, with intervals.

    At most five contenders are drawn, those of the best mean rank.
    """
    names = by_rank(found)[:MOST]
    rows = [*((of["name"], of["contenders"]) for of in found["tasks"].values()), (EVERYWHERE, found["contenders"])]
    with look.style():
        figure, axes = look.panels(2, 2.2 + 2 * len(rows) * (0.22 + 0.13 * len(names)))
        for ax, (what, (title, _, times)) in zip(axes, _SHOWN.items(), strict=True):
            for k, name in enumerate(names):
                _intervals(ax, [of[name][what] for _, of in rows], name, k, len(names), times)
            ax.axhline(len(rows) - 1.5, color=look.GREY, lw=1)
            ax.axvline(50 if what == "wins" else 0, color=look.BLACK, lw=1, zorder=1)
            ax.set_yticks(range(len(rows)), [label for label, _ in rows])
            ax.set_ylim(len(rows) - 0.5, -0.5)
            ax.grid(axis="y", visible=False)
            ax.set_title(title)
        axes[0].set_xlabel("0: as good as the task's baseline")
        axes[1].set_xlabel("50: as often better as worse")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=10)
    return figure


def _intervals(ax: Any, values: Sequence[Found], name: str, k: int, n: int, times: float) -> None:
    """A contender's marks; n of them share a row."""
    color, label, at = look.COLORS[k], name, 0.7 * ((k + 0.5) / n - 0.5)
    for row, found in enumerate(values):
        if found["value"] is None:
            continue
        if found["low"] is not None and found["high"] is not None:
            ax.plot([times * found["low"], times * found["high"]], [row + at] * 2, color=color, lw=2.5)
        mark = "D" if row == len(values) - 1 else "o"
        look_of = {"color": color, "mec": look.BLACK, "mew": 0.7, "ms": 6, "zorder": 3}
        ax.plot(times * found["value"], row + at, mark, label=label, **look_of)
        label = "_"
