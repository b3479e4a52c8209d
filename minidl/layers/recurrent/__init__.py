"""Recurrent layers: cells, their loop over time, and those that the library has."""

from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.design import Gate
from minidl.layers.recurrent.elman import RecurrentLayer
from minidl.layers.recurrent.fastgrnn import FastGRNNLayer
from minidl.layers.recurrent.gru import GRULayer
from minidl.layers.recurrent.indrnn import IndRNNLayer
from minidl.layers.recurrent.janet import JANETLayer
from minidl.layers.recurrent.leaky import LeakyLayer
from minidl.layers.recurrent.lstm import LSTMLayer
from minidl.layers.recurrent.mgu import MGULayer
from minidl.layers.recurrent.min_gru import MinGRULayer
from minidl.layers.recurrent.slstm import SLSTMLayer
from minidl.layers.recurrent.stepped import SteppedCell
from minidl.layers.recurrent.tracing import sigmoid, softplus, where

__all__ = [
    "Cell",
    "FastGRNNLayer",
    "GRULayer",
    "Gate",
    "IndRNNLayer",
    "JANETLayer",
    "LSTMLayer",
    "LeakyLayer",
    "MGULayer",
    "MinGRULayer",
    "RecurrentLayer",
    "SLSTMLayer",
    "SteppedCell",
    "sigmoid",
    "softplus",
    "where",
]
