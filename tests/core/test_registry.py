"""The registry: who may register, what is found, what is suggested; plugins from a file."""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import dataclass

import pytest

from minidl import ConfigError, Dense, Layer, Loss, Optimizer, TanhActivation, register
from minidl.core import registry as registry_module
from minidl.core.initializers import Initializer, orthogonal
from minidl.core.registry import is_kind, kind_name, kinds, lookup, names, nearest, suggest, suggest_some
from minidl.files.plugins import load_plugin, load_source


@pytest.fixture(autouse=True)
def unchanged_registry():
    """What a test registers is gone after it; modules that it loaded, too."""
    before = {base: dict(entries) for base, (_, entries) in registry_module._KINDS.items()}
    modules = set(sys.modules)
    yield
    for base, (_, entries) in registry_module._KINDS.items():
        entries.clear()
        entries.update(before.get(base, {}))
    for name in set(sys.modules) - modules:
        if name.startswith("minidl_plugin_"):
            del sys.modules[name]


def new_layer(name, **namespace):
    """A class of this name, as its user would write it."""

    @dataclass(eq=False)
    class Made(TanhActivation):
        pass

    Made.__name__ = Made.__qualname__ = name
    for key, value in namespace.items():
        setattr(Made, key, value)
    return Made


class TestRegister:
    def test_files_a_class_under_its_own_name_and_returns_it(self):
        cls = new_layer("MyLayer")
        assert register(cls) is cls
        assert lookup(Layer, "MyLayer") is cls
        assert "MyLayer" in names(Layer)

    def test_files_it_in_the_kind_that_it_derives_from_only(self):
        register(new_layer("MyLayer"))
        for base in kinds().values():
            assert ("MyLayer" in names(base)) == (base is Layer)

    def test_files_a_function_as_an_initializer(self):
        @register
        def all_ones(shape, rng, dtype):
            return None

        assert lookup(Initializer, "all_ones") is all_ones

    def test_refuses_a_class_of_no_kind(self):
        class Stranger:
            pass

        with pytest.raises(ConfigError, match=r"^register: Stranger must derive from one of .*\.$") as err:
            register(Stranger)
        assert "Layer, Loss, Optimizer" in str(err.value)
        assert "Initializer" not in str(err.value)

    def test_refuses_a_class_with_arguments_that_is_no_dataclass(self):
        # Its arguments would be ignored: `MyLayer(size=3)` would fail with a puzzling TypeError.
        class Forgotten(TanhActivation):
            size: int = 3

        with pytest.raises(ConfigError) as err:
            register(Forgotten)
        assert str(err.value) == (
            "register: Forgotten declares arguments but is not a dataclass; put @dataclass(eq=False) below @register."
        )
        Forgotten = type("Forgotten", (TanhActivation,), {"__init__": lambda self, size=3: None})
        with pytest.raises(ConfigError, match=r"^register: Forgotten: an __init__ with arguments; put .* size: float"):
            register(Forgotten)

    def test_takes_a_class_without_arguments_that_is_no_dataclass(self):
        class Plain(TanhActivation):
            pass

        assert register(Plain) is Plain

    def test_refuses_a_name_that_is_taken(self):
        with pytest.raises(ConfigError) as err:
            register(new_layer("Dense"))
        assert str(err.value) == (
            "register: a layer named Dense exists already, in minidl.layers.dense; choose another name."
        )
        assert lookup(Layer, "Dense") is Dense

    def test_takes_the_same_class_again_as_when_a_notebook_cell_is_run_twice(self):
        register(new_layer("MyLayer"))
        newer = register(new_layer("MyLayer"))
        assert lookup(Layer, "MyLayer") is newer


class TestLookup:
    def test_finds_what_the_library_ships(self):
        assert lookup(Layer, "Dense") is Dense
        assert lookup(Initializer, "orthogonal") is orthogonal
        assert {"HalfMSE", "MAE", "MSE"} <= set(names(Loss))
        assert {"Adam", "SGD"} <= set(names(Optimizer))

    def test_names_are_sorted(self):
        assert names(Layer) == sorted(names(Layer))

    @pytest.mark.parametrize(
        ("base", "name", "message"),
        [
            (Layer, "Recurrentlayer", "unknown layer 'Recurrentlayer'; did you mean RecurrentLayer?"),
            (Layer, "dense", "unknown layer 'dense'; did you mean Dense?"),
            (Optimizer, "Adamm", "unknown optimizer 'Adamm'; did you mean Adam?"),
            (Initializer, "ortogonal", "unknown initializer 'ortogonal'; did you mean orthogonal?"),
            (
                Loss,
                "Xyz",
                "unknown loss 'Xyz'; known: BinaryCrossEntropy, CrossEntropy, GaussianNLL, "
                "HalfMSE, Huber, LogCosh, MAE, MSE, Quantile, SumOfLosses, WeightedLeads",
            ),
            (Layer, "os.system", None),
        ],
    )
    def test_an_unknown_name_is_refused_with_a_suggestion(self, base, name, message):
        with pytest.raises(ConfigError) as err:
            lookup(base, name)
        if message is None:
            assert str(err.value).startswith(f"unknown layer {name!r}")
        else:
            assert str(err.value) == message

    def test_a_name_of_another_kind_is_unknown(self):
        with pytest.raises(ConfigError, match=r"^unknown loss 'Dense'"):
            lookup(Loss, "Dense")


class TestSuggest:
    def test_nothing_near_lists_a_few_known_names(self):
        assert suggest("zzz", ["beta", "alpha"]) == "; known: alpha, beta"

    def test_nothing_near_among_many_says_nothing(self):
        assert suggest("zzz", [f"name{i}" for i in range(51)]) == ""
        assert suggest("zzz", []) == ""

    def test_capitals_do_not_matter_and_are_shown_as_registered(self):
        assert suggest("LEARNING_RATE", ["learning_rate", "seed"]) == "; did you mean learning_rate?"
        assert suggest("mse", ["MSE", "MAE"]) == "; did you mean MSE?"
        assert suggest("batch", ["path", "batch_size"]) == "; did you mean batch_size?"


class TestKinds:
    def test_have_names_and_bases(self):
        assert {"layer": Layer, "loss": Loss, "optimizer": Optimizer, "initializer": Initializer}.items() <= (
            kinds().items()
        )
        assert kind_name(Layer) == "layer"

    def test_are_told_from_other_types(self):
        assert is_kind(Layer)
        assert is_kind(Initializer)
        for other in (Dense, int, list[Layer], None, "Layer"):
            assert not is_kind(other)


PLUGIN = """
from dataclasses import dataclass
from minidl import TanhActivation, register

@register
@dataclass(eq=False)
class FromAFile(TanhActivation):
    size: int = 3
"""


class TestLoadPlugin:
    def test_runs_the_file_so_that_its_classes_register(self, tmp_path):
        file = tmp_path / "my_layers.py"
        file.write_text(PLUGIN)
        module = load_plugin(file)
        assert lookup(Layer, "FromAFile") is module.FromAFile
        assert load_plugin(str(file)) is module  # once is enough

    def test_is_found_when_its_module_is_asked_for_by_name_and_file(self, tmp_path):
        file = tmp_path / "my_layers.py"
        file.write_text(PLUGIN)
        module = load_plugin(file)
        assert load_source(module.__name__, str(file.resolve())) is module

    @pytest.mark.parametrize("name", ["missing.py", "folder", "text.txt"])
    def test_refuses_what_is_no_python_file(self, tmp_path, name):
        (tmp_path / "folder").mkdir()
        (tmp_path / "text.txt").write_text(PLUGIN)
        with pytest.raises(ConfigError) as err:
            load_plugin(tmp_path / name)
        assert str(err.value) == f"--plugin {tmp_path / name}: no such Python file (.py)."

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("1 / 0", "ZeroDivisionError while loading it: division by zero"),
            ("def f(:\n", "SyntaxError while loading it: "),
            (PLUGIN.replace("FromAFile", "Dense"), "register: a layer named Dense exists already"),
        ],
    )
    def test_names_the_file_whose_code_fails(self, tmp_path, text, what):
        file = tmp_path / "broken.py"
        file.write_text(text)
        with pytest.raises(ConfigError) as err:
            load_plugin(file)
        assert str(err.value).startswith(f"--plugin {file}: {what}")
        assert "minidl_plugin_broken" not in sys.modules  # a corrected file can be loaded


class TestEntryPoints:
    @pytest.fixture
    def install(self, monkeypatch, tmp_path):
        """Make it look as if a package with an entry point, shiny_layers.py, had been installed."""

        def install(text):
            (tmp_path / "shiny_layers.py").write_text(text)
            monkeypatch.syspath_prepend(tmp_path)
            monkeypatch.delitem(sys.modules, "shiny_layers", raising=False)
            monkeypatch.setattr(registry_module, "_entry_points_loaded", False)
            asked = []

            def entry_points(*, group):
                asked.append(group)
                return [importlib.metadata.EntryPoint("shiny", "shiny_layers", group)]

            monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
            return asked

        yield install
        sys.modules.pop("shiny_layers", None)

    def test_of_installed_packages_are_loaded_when_a_name_is_unknown(self, install):
        asked = install(PLUGIN)
        assert lookup(Layer, "Dense") is Dense
        assert asked == []  # known names need no look at what is installed
        assert lookup(Layer, "FromAFile").__module__ == "shiny_layers"
        names(Layer)
        assert asked == ["minidl.plugins"]  # once

    def test_that_fail_are_named(self, install):
        install("import no_such_module")
        with pytest.raises(ConfigError) as err:
            names(Layer)
        assert str(err.value) == ("plugin shiny (shiny_layers): ModuleNotFoundError: No module named 'no_such_module'")


def test_two_plugins_of_one_file_name_do_not_replace_each_other(tmp_path):
    text = "from minidl import TanhActivation, register\n\n@register\nclass SameName(TanhActivation):\n    pass\n"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(text)
    load_plugin(tmp_path / "a" / "mine.py")
    try:
        with pytest.raises(ConfigError, match="a layer named SameName exists already"):
            load_plugin(tmp_path / "b" / "mine.py")
    finally:
        del registry_module._KINDS[Layer][1]["SameName"]


def test_of_very_many_names_the_nearest_few_are_named() -> None:
    known = [f"pm25_{i}" for i in range(60)] + ["echo_deep", "digits_deep"]
    assert suggest_some("pm25_6x", known, "minidl list configs") == "; did you mean pm25_6?"
    some = suggest_some("depth", known, "minidl list configs")
    assert some.startswith("; the nearest are echo_deep, ")
    assert some.endswith("; all: minidl list configs")
    assert some.count(",") == 2
    assert suggest_some("depth", [], "minidl list configs") == ""


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("RNN", "RecurrentLayer"),  # and not IndRNNLayer, which holds it
        ("Simple_RNN", "RecurrentLayer"),
        ("Linear", "Dense"),
        ("CosineAnnealingLR", "Cosine"),
        ("tanh", "TanhActivation"),
        ("gru_layer", "GRULayer"),
        ("BatchNorm1", None),
    ],
)
def test_a_name_is_near_to_what_others_call_it_what_holds_it_and_what_it_holds(word: str, meant: str | None) -> None:
    assert nearest(word, [*names(Layer), "Cosine"]) == meant
    assert nearest(word, ["or", "x"]) is None
