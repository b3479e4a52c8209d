"""Arrays by name: what is written can be read, and what a header says is judged before anything is made."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import CorruptFileError, StorageError
from minidl.files import tensors
from minidl.files.tensors import decode_tensors, encode_tensors, tensors_limit

ARRAYS = {"0.W": np.arange(6, dtype="float32").reshape(2, 3), "b": np.array([0.1, -0.0]), "empty": np.zeros((0, 3))}


def test_arrays_come_back_as_they_were() -> None:
    content = encode_tensors(ARRAYS, "f")
    for expected in (None, ARRAYS):
        found = decode_tensors(content, "f", expected)
        assert found.keys() == ARRAYS.keys()
        for name, value in ARRAYS.items():
            assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
            assert found[name].tobytes() == value.tobytes()
    assert decode_tensors(encode_tensors({}, "f"), "f", {}) == {}
    turned = np.arange(6.0).reshape(2, 3).T
    assert (decode_tensors(encode_tensors({"a": turned}, "f"), "f")["a"] == turned).all()


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        ARRAYS,
        {"a": np.zeros(1)},
        {"\x01" * 40: np.zeros((1,) * 20), "é\n" * 90: np.zeros((1, 2))},
        {f"{n}.W": np.zeros((3, 1), "float32") for n in range(3000)},
    ],
)
def test_the_limit_of_a_file_lets_through_what_is_written(arrays: dict[str, Any]) -> None:
    content = encode_tensors(arrays, "f")
    data = sum(value.nbytes for value in arrays.values())
    assert len(content) <= tensors_limit(arrays) <= len(content) + 1200 + 1500 * len(arrays)
    assert len(content) <= tensors_limit(None, data) == 8 + tensors.MAX_HEADER + data
    assert decode_tensors(content, "f", arrays).keys() == arrays.keys()


def forged(header: Any, data: bytes = b"", n: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if n is None else n).to_bytes(8, "little") + text + data


def item(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the header claims 0 bytes"),
        (b"\x02\0\0", "the header claims 2 bytes"),
        (forged(b"{}", n=3), "the header claims 3 bytes"),
        (forged(b"{}", n=2**63), "the header claims 9,223,372,036,854,775,808 bytes"),
        (forged(b"{", b""), "the header claims 1 bytes"),
        (forged(b"[]"), "damaged: Expected `object`"),
        (forged({"a": 1}), "damaged: Expected `object`"),
        (forged({"a": {}}), "damaged: Object missing required field"),
        (forged(item(shape="x")), "damaged: Expected `array`"),
        (forged(item(shape=[1.0])), "damaged: Expected `int`"),
        (forged(item("I64", (1,)), bytes(8)), "'a' is I64; expected F32 or F64"),
        (forged(item("\x1b[2J" + "x" * 99), bytes(8)), r"'a' is \x1b[2Jxxxxxxxxxxxxx; expected"),
        (forged(item(shape=(-1, -2)), bytes(8)), "'a' is F32; expected F32 or F64"),
        (forged(item(), bytes(7)), "the header claims 8 bytes of data; there are 7"),
        (forged(item(), bytes(9)), "the header claims 8 bytes of data; there are 9"),
        (forged(item(shape=(10**20, 10**20)), bytes(8)), "bytes of data; there are 8"),
        (forged(item(offsets=(0, 4)), bytes(8)), "not a safetensors file"),
    ],
)
def test_a_header_that_claims_something_else_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(CorruptFileError) as caught:
        decode_tensors(content, "f")
    assert str(caught.value).startswith("f: ")
    assert message in str(caught.value)


def test_metadata_is_no_array_and_one_name_has_one_meaning() -> None:
    assert decode_tensors(forged({"__metadata__": {"a": "b"}, **item()}, bytes(8)), "f").keys() == {"a"}
    twice = json.dumps(item())[:-1] + "," + json.dumps(item("F64", (1,)))[1:]
    found = decode_tensors(forged(twice.encode(), bytes(8)), "f")  # as safetensors has it, the last one
    assert (found["a"].dtype, found["a"].shape) == (np.dtype("float64"), (1,))


def test_a_header_longer_than_the_expected_names_need_is_refused_unread() -> None:
    content = forged(json.dumps(item()).encode() + b" " * 5000, bytes(8))
    assert decode_tensors(content, "f").keys() == {"a"}
    with pytest.raises(CorruptFileError, match="the header claims 5,0"):
        decode_tensors(content, "f", {"a": np.zeros(2, "float32")})


def test_more_names_than_can_be_read_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "MAX_HEADER", len(encode_tensors(ARRAYS, "f")) - 8 - 40)
    encode_tensors(ARRAYS, "f")
    with pytest.raises(
        StorageError, match=r"^f: the names of 4 arrays take [\d,]+ bytes; at most \d+ can be read again"
    ):
        encode_tensors(ARRAYS | {"more": np.zeros(1)}, "f")
