"""minidl: recurrent stacks on NumPy.

Layers with their own forward and backward, one container that stacks them,
models and experiments assembled from YAML. The names stand in public.py, which is
imported when the first of them is asked for: the command line need not wait for all of them.
"""

from typing import TYPE_CHECKING, Any

from minidl._version import __version__ as __version__

if TYPE_CHECKING:
    from minidl.public import *  # noqa: F403
    from minidl.public import __all__ as __all__
else:

    def __getattr__(name: str) -> Any:
        if name == "__all__" or not name.startswith("__"):
            import importlib

            public = importlib.import_module("minidl.public")
            globals().update({each: getattr(public, each) for each in ("__all__", *public.__all__)})
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module 'minidl' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
