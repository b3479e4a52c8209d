"""Estimators for scikit-learn, the extra `sklearn`: recurrent nets in its pipelines and searches.

Imported on demand only; nothing else in minidl needs scikit-learn.
"""

from minidl.core.extras import install_command

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as err:
    raise ImportError(f"minidl.sklearn needs scikit-learn: {install_command('sklearn')}") from err

from minidl.sklearn.forecaster import RNNForecaster
from minidl.sklearn.regressor import RNNRegressor

__all__ = ["RNNForecaster", "RNNRegressor"]
