"""Small faults in the source, one at a time, each of which the tests must notice: mutation testing.

``python -m tests.reliability.mutants`` copies the repository, changes one thing of
one file at a time (a comparison, an operator, a constant, a condition, a
statement), runs that file's tests and writes ``mutation-report.md``. No tool
that was at hand does this within minutes for a chosen set of files.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CHECKPOINTS = "tests/reliability/test_checkpoint_files.py"
# file: the tests that must notice its mutants
TARGETS = {
    "minidl/layers/recurrence.py": "tests/layers/test_recurrent.py tests/test_two_layer_step.py",
    "minidl/layers/recurrent.py": "tests/layers/test_recurrent.py tests/test_two_layer_step.py",
    "minidl/layers/dense.py": "tests/layers/test_dense.py",
    "minidl/layers/activations.py": "tests/layers/test_activations.py",
    "minidl/optimizers.py": "tests/test_optimizers.py",
    "minidl/training/checkpoints.py": f"{_CHECKPOINTS} tests/training/test_checkpoints.py",
    "minidl/training/state.py": _CHECKPOINTS,
    "minidl/files/manifests.py": _CHECKPOINTS,
    "minidl/files/storage.py": f"{_CHECKPOINTS} tests/reliability/test_faults.py::test_a_fault_does_no_harm[2]",
    "minidl/config/nodes.py": "tests/config",
    "minidl/config/scalars.py": "tests/config",
    "minidl/config/values.py": "tests/config",
    "minidl/config/builder.py": "tests/config",
}
SWAPS: dict[type, type] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, description and whole source of each mutant."""
    count = sum(1 for _ in _places(ast.parse(source)))
    for i in range(count):
        tree = ast.parse(source)
        node, kind = next(place for n, place in enumerate(_places(tree)) if n == i)
        line, before = node.lineno, ast.unparse(node)  # type: ignore[attr-defined]
        _change(tree, node, kind)
        after = "removed" if kind == "remove" else ast.unparse(node)
        yield line, f"`{_short(before)}` → `{_short(after)}`", ast.unparse(ast.fix_missing_locations(tree))


def _short(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 70 else text[:67] + "..."


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """What can be changed: inside functions, but not in messages, annotations or docstrings."""
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for node in _walk(function.body):
            if isinstance(node, (ast.Compare, ast.BinOp, ast.AugAssign, ast.BoolOp)):
                yield node, "swap"
            elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
                yield node, "constant"
            elif isinstance(node, (ast.If, ast.IfExp)):
                yield node, "negate"
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield node, "remove"


def _walk(body: list[ast.stmt]) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.FunctionDef)):
            continue  # messages; functions inside are visited on their own
        if isinstance(node, ast.AnnAssign):
            waiting = [node.value, *waiting] if node.value else waiting
            continue
        yield node
        waiting = [*ast.iter_child_nodes(node), *waiting]


def _change(tree: ast.Module, node: ast.AST, kind: str) -> None:
    if isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        node.op = SWAPS.get(type(node.op), ast.Add)()  # type: ignore[assignment]
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1  # type: ignore[operator]
    elif isinstance(node, (ast.If, ast.IfExp)):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    else:
        for parent in ast.walk(tree):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(parent, field, None)
                if isinstance(block, list) and node in block:
                    block[block.index(node)] = ast.copy_location(ast.Pass(), node)  # type: ignore[call-overload]


class Workplace:
    """A copy of the repository in which one mutant at a time lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns(".git", "runs", "__pycache__", "docs", "benchmarks")
        shutil.copytree(ROOT, folder, ignore=ignored)

    def kills(self, file: str, source: str, tests: str) -> bool:
        """Whether a test notices that `file` has this source."""
        path = self.folder / file
        whole = path.read_text(encoding="utf-8")
        path.write_text(source, encoding="utf-8")
        command = [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--no-header",
            *tests.split(),
        ]
        env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(self.folder), "MINIDL_MUTANTS": "60"}
        try:
            done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, timeout=120, check=False)
            return done.returncode != 0
        except subprocess.TimeoutExpired:
            return True  # it hangs: noticed
        finally:
            path.write_text(whole, encoding="utf-8")


def main() -> int:
    """Try a sample of the mutants of each file; 1 if fewer than 90 % are noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.mutants", description=__doc__)
    parser.add_argument("--each", type=int, default=25, help="how many mutants of a file are tried at most")
    parser.add_argument("--file", action="append", choices=list(TARGETS), help="only this file; repeatable")
    parser.add_argument("--seed", type=int, default=20100101)
    parser.add_argument("--jobs", type=int, default=2, help="how many are tried at a time")
    parser.add_argument("--report", type=Path, help="write the report here")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    jobs = []
    for file in args.file or TARGETS:
        found = list(mutants((ROOT / file).read_text(encoding="utf-8")))
        jobs += [(file, len(found), mutant) for mutant in rng.sample(found, min(args.each, len(found)))]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.jobs) as pool:
        places = [Workplace(Path(folder, str(n))) for n in range(args.jobs)]
        shares = [pool.submit(_try, places[n], jobs[n :: args.jobs]) for n in range(args.jobs)]
        survived = [item for share in shares for item in share.result()]
    lines = _report(jobs, sorted(survived))
    print("\n".join(lines))
    if args.report:
        args.report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(len(survived) > 0.1 * len(jobs))


def _try(place: Workplace, jobs: list[tuple[str, int, tuple[int, str, str]]]) -> list[tuple[str, int, str]]:
    survived = []
    for file, _, (line, what, source) in jobs:
        noticed = place.kills(file, source, TARGETS[file])
        print(f"{'noticed' if noticed else 'survived'}: {file}:{line}: {what}", file=sys.stderr, flush=True)
        if not noticed:
            survived.append((file, line, what))
    return survived


def _report(jobs: list[tuple[str, int, tuple[int, str, str]]], survived: list[tuple[str, int, str]]) -> list[str]:
    lines = ["| file | mutants | tried | noticed |", "|---|---:|---:|---:|"]
    for file in dict.fromkeys(job[0] for job in jobs):
        tried = [job for job in jobs if job[0] == file]
        left = sum(item[0] == file for item in survived)
        lines.append(f"| {file} | {tried[0][1]} | {len(tried)} | {len(tried) - left} |")
    share = 1 - len(survived) / len(jobs)
    lines += ["", f"Noticed: {len(jobs) - len(survived)} of {len(jobs)} ({share:.1%}).", "", "Survivors:", ""]
    return [*lines, *(f"- {file}:{line}: {what}" for file, line, what in survived)]


if __name__ == "__main__":
    sys.exit(main())
