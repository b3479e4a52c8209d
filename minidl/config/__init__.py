"""Configs: YAML with positions, checked and turned into objects, and back."""

from minidl.config.builder import build, construct, locate, problem_at
from minidl.config.merge import find_config, find_model, load_node, override, shipped
from minidl.config.nodes import parse_bytes, parse_file, parse_text
from minidl.config.scalars import dump
from minidl.config.schema import json_schema
from minidl.config.tree import Node, Place

__all__ = [
    "Node",
    "Place",
    "build",
    "construct",
    "dump",
    "find_config",
    "find_model",
    "json_schema",
    "load_node",
    "locate",
    "override",
    "parse_bytes",
    "parse_file",
    "parse_text",
    "problem_at",
    "shipped",
]
