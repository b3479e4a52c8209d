"""How many times faster minidl is meant to be: what it must reach, and what it aims at."""

from __future__ import annotations

from benchmarks.competitors import ONE_THREAD

Target = tuple[str, str, str, float, float]

# (case, who, of whom, must, aim)
TARGETS: list[Target] = [
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
    ("LSTM 4", "minidl numpy", "torch", 1.5, 2.5),
    ("LSTM 4", "best", "torch", 28, 45),
    ("LSTM 4", "best", "jax", 7, 12),
    ("LSTM 16", "best", "torch", 5.5, 7),
    ("LSTM 16", "best", "jax", 3, 4),
    ("LSTM 64", "best", "torch", 2, 2.3),
    ("LSTM 64", "best", "jax", 1.4, 1.7),
    ("LSTM 256", "best", "torch", 1.25, 1.4),
    ("LSTM 256", "best", "jax", 1.4, 1.6),
    ("GRU 4", "minidl numpy", "torch", 4, 6),
    ("GRU 4", "best", "torch", 80, 130),
    ("GRU 4", "best", "jax", 7, 12),
    ("GRU 16", "best", "torch", 18, 25),
    ("GRU 16", "best", "jax", 3, 4),
    ("GRU 64", "best", "torch", 4, 5),
    ("GRU 64", "best", "jax", 1.3, 1.6),
    ("GRU 256", "best", "torch", 1.3, 1.5),
    ("GRU 256", "best", "jax", 1.3, 1.5),
    # A user's cell is to run like the shipped one.
    *(
        (f"LSTM {units}", f"own cell, {engine}", f"minidl {engine}", 0.95, 1)
        for engine in ("numpy", "compiled")
        for units in (4, 16, 64, 256)
    ),
]
# The same with two threads, against those with two threads or minidl's own with one.
TWO_THREADS: list[Target] = [
    *((case, "minidl compiled", ONE_THREAD, 1.6, 1.8) for case in ("64", "256", "256+256", "1024")),
    *((f"{kind} {units}", "minidl compiled", ONE_THREAD, 1.6, 1.8) for kind in ("LSTM", "GRU") for units in (64, 256)),
    *((case, "best", "fastest", 1, 1.2) for case in ("256", "256+256", "1024", "LSTM 256", "GRU 256")),
]
# The same for the forecast of one window.
ONE_WINDOW: list[Target] = [
    ("4", "minidl compiled", "onnxruntime", 6, 15),
    ("LSTM 4", "minidl compiled", "onnxruntime", 5, 10),
    ("GRU 4", "minidl compiled", "onnxruntime", 5, 10),
]
