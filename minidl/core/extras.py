"""The optional packages, and what to type to get them.

minidl is not published: ``pip install "minidl[fast]"`` would find nothing, or a
stranger's package of that name. What a message suggests are the packages themselves.
"""

from __future__ import annotations

from typing import Literal

Extra = Literal[
    "plot", "fast", "stats", "dask", "tensorboard", "names", "digits", "rivals", "sklearn", "search", "tables", "onnx"
]

# As in setup.cfg, without the versions.
PACKAGES: dict[Extra, tuple[str, ...]] = {
    "plot": ("matplotlib",),
    "fast": ("numba",),
    "stats": ("scipy",),
    "dask": ("dask", "distributed"),
    "tensorboard": ("tensorboardX",),
    "names": ("faker",),
    "digits": ("scikit-learn",),
    "rivals": ("lightgbm",),
    "sklearn": ("scikit-learn",),
    "search": ("optuna",),
    "tables": ("pandas", "pyarrow"),
    "onnx": ("onnx",),
}


def install_command(extra: Extra) -> str:
    """The command that installs what an extra stands for: ``pip install numba``."""
    return f"pip install {' '.join(PACKAGES[extra])}"
