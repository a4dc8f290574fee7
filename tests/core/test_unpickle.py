"""The unpickler: it reads what is harmless, runs nothing, and survives attacks."""

import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from sakuga.core import pickle_values
from sakuga.core.errors import UserError
from sakuga.core.unpickle import Inert, first_inert, read_pickle

ARRAYS = [
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    np.array(2.5),
    np.zeros((0, 3), np.float64),
    np.array([True, False]),
    np.array(["a", "作"]),
    np.array([b"ab", b"c"]),
    np.arange(3, dtype=">i4"),
    np.array([1 + 2j], np.complex64),
]


def calling(module, name, *args):
    """Returns a pickle that calls a function when it is unpickled."""
    words = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
    return b"\x80\x04" + words + b"\x93(" + b"".join(map(words_of, args)) + b"tR."


def words_of(value):
    """Returns the words of a pickle that put a value on the stack."""
    return pickle.dumps(value, 3)[2:-1]


def saved(value, zipped=True):
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def same(a, b):
    if isinstance(a, np.ndarray | torch.Tensor):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("protocol", range(6))
def test_containers_and_arrays_come_back(protocol):
    value = {
        "none": None,
        "numbers": [1, -(2**70), 300, 70000, 1.5, True, False, 1 + 2j],
        "text": ["a", "作画", ""],
        "bytes": [b"", b"\x00\xff" * 200, bytearray(b"ab")] if protocol > 1 else [],
        "tuple": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "sets": [{1, 2}, frozenset("ab")],
        (1, "a"): OrderedDict(b=1, a=2),
    }
    assert read_pickle(pickle.dumps(value, protocol), "pickle") == value
    if protocol < 2:  # pickletools reads the text of protocol 0 as ASCII
        return
    arrays = [*ARRAYS, ARRAYS[0]]
    back = read_pickle(pickle.dumps({"arrays": arrays, "scalar": np.float32(0.5)}, protocol), "pickle")
    assert all(map(same, arrays, back["arrays"]))
    assert back["arrays"][-1] is back["arrays"][0]
    assert same(back["scalar"], np.float32(0.5))
    back["arrays"][0][0, 0] = 7  # it is ours to write to


def test_shared_and_cyclic_values_stay_so():
    inner = [1]
    inner.append(inner)
    value = read_pickle(pickle.dumps([inner, inner]), "pickle")
    assert value[0] is value[1]
    assert value[0][1] is value[0]


def test_an_array_of_python_2_comes_back():
    # What numpy 1 under Python 2 wrote at protocol 2: names of then, and the bytes as text.
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85U\x01b\x87q\x02Rq\x03"
    kind = b"cnumpy\ndtype\nq\x04U\x02f4K\x00K\x01\x87Rq\x05(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = struct.pack("<2f", 1.5, -2.0)
    state = b"(K\x01K\x02\x85" + kind + b"\x89U\x08" + data + b"tb"
    assert read_pickle(head + state + b".", "pickle").tolist() == [1.5, -2.0]


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_come_back(zipped, tmp_path):
    base = torch.arange(12.0)
    value = {
        "plain": torch.randn(2, 3),
        "view": base.view(3, 4).t()[1:],
        "base": base,
        "half": torch.randn(3).half(),
        "bf16": torch.randn(3).bfloat16(),
        "long": torch.tensor(2**40),
        "bool": torch.tensor([True, False]),
        "empty": torch.zeros(0, 2),
        "last": torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.randn(2)),
        "size": torch.Size([1, 2]),
        "state": torch.nn.BatchNorm2d(2).state_dict(),
    }
    path = tmp_path / "w.pt"
    path.write_bytes(saved(value, zipped))
    back = read_pickle(path, "file of weights")
    assert back.keys() == value.keys()
    assert type(back["parameter"]) is torch.Tensor
    assert same(back["parameter"], value["parameter"].data)
    assert back["size"] == (1, 2)
    assert all(same(back["state"][name], tensor) for name, tensor in value["state"].items())
    tensors = ("plain", "view", "base", "half", "bf16", "long", "bool", "empty", "last")
    assert all(same(back[name], value[name]) for name in tensors)
    back["base"].zero_()
    assert not back["view"].any()  # one storage, two tensors


def test_tensors_within_a_plain_pickle_come_back():
    value = {"a": torch.randn(2, 3), "b": torch.nn.Parameter(torch.randn(2)), "c": torch.randn(4).double()}
    back = read_pickle(pickle.dumps(value), "pickle")
    assert all(same(back[name], value[name].data) for name in value)


@pytest.mark.parametrize(
    ("module", "name", "args"),
    [
        ("os", "system", ("touch MARK",)),
        ("posix", "system", ("touch MARK",)),
        ("subprocess", "Popen", (["touch", "MARK"],)),
        ("builtins", "eval", ("open('MARK', 'w')",)),
        ("builtins", "exec", ("open('MARK', 'w')",)),
        ("builtins", "open", ("MARK", "w")),
        ("builtins", "getattr", ("os", "system")),
        ("builtins", "__import__", ("antigravity",)),
        ("torch", "load", ("MARK",)),
        ("torch.hub", "load", ("MARK",)),
        ("numpy", "load", ("MARK",)),
        ("pickle", "loads", (b"cos\nsystem\n.",)),
        ("sakuga.core.files", "write_text", ("MARK", "")),
        ("sakuga.core.pickle_values", "construct", (1, 2, 3)),
        ("torch._utils", "__builtins__", ()),
        ("torch.storage", "_load_from_bytes.__globals__", ()),
        ("_codecs", "encode", ("x", "rot13")),
    ],
)
def test_a_call_is_recorded_and_not_made(module, name, args, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = read_pickle(calling(module, name, *args), "pickle")
    assert isinstance(value, Inert)
    assert (value.module, value.name, value.args) == (module, name, args)
    assert os.listdir() == []
    assert "antigravity" not in sys.modules


def test_the_test_s_own_attack_would_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(calling("builtins", "open", "MARK", "w")).close()
    assert os.listdir() == ["MARK"]


def test_chains_of_calls_stay_inert():
    # getattr(__import__("os"), "system")("touch MARK")
    chain = b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR(S'touch MARK'\ntR."
    value = read_pickle(chain, "pickle")
    assert isinstance(value, Inert)
    assert (value.name, value.args) == ("getattr()", ("touch MARK",))
    assert isinstance(read_pickle(b"(S'x'\nS'y'\no.", "pickle"), Inert)  # a text as a class
    assert isinstance(read_pickle(b"(S'x'\nios\nsystem\n.", "pickle"), Inert)
    assert isinstance(read_pickle(b"\x80\x02cos\nsystem\nU\x01x\x85\x81.", "pickle"), Inert)


def test_a_class_stays_inert_with_all_it_was_to_be(monkeypatch):
    module = types.ModuleType("elsewhere")
    for name, base in (("Net", object), ("Easy", dict), ("Many", list)):
        setattr(module, name, type(name, (base,), {"__module__": "elsewhere"}))
    monkeypatch.setitem(sys.modules, "elsewhere", module)
    net, easy, many = module.Net(), module.Easy(a=1), module.Many([1, 2])
    net.weight, easy.extra = torch.ones(2), 3
    data = pickle.dumps([net, easy, many])
    monkeypatch.delitem(sys.modules, "elsewhere")
    net, easy, many = read_pickle(data, "pickle")
    assert (net.module, net.name, net.state["weight"].tolist()) == ("elsewhere", "Net", [1.0, 1.0])
    assert (easy.entries, easy.state) == ({"a": 1}, {"extra": 3})
    assert many.elements == [1, 2]
    assert repr(net) == "<inert elsewhere.Net>"
    assert first_inert({"a": [1, (net,)]}) is net
    assert first_inert({"a": [1, (2,)]}) is None


def test_the_state_of_an_inert_callable_is_kept_as_it_is():
    function = b"cos\nsystem\n"
    value = read_pickle(b"\x80\x02" + function + b")R}U\x01a" + function + b"sb.", "pickle")
    assert value.path == "os.system"
    assert value.state["a"].path == "os.system"
    assert value.state["a"].args is None


def test_a_file_of_torch_within_a_pickle_is_read_by_the_same_rules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for inner in (calling("os", "system", "touch MARK"), saved({"a": torch.ones(2)}), saved([torch.ones(2)], False)):
        value = read_pickle(calling("torch.storage", "_load_from_bytes", inner), "pickle")
        assert isinstance(value, Inert | dict | list)
    assert os.listdir() == []
    for _ in range(8):
        inner = calling("torch.storage", "_load_from_bytes", inner)
    with pytest.raises(UserError, match="nested"):
        read_pickle(inner, "pickle")


HUGE = b"\xff\xff\xff\xff\xff\xff\xff\x0f"
BROKEN = {
    "empty": b"",
    "text": b"this is no pickle at all",
    "html": b"<!doctype html><title>Quota exceeded</title>",
    "extension code": b"\x80\x02\x82\x01.",
    "long extension code": b"\x80\x02\x84\x01\x00\x00\x00.",
    "stack runs empty": b"\x80\x020.",
    "no mark": b"\x80\x02t.",
    "mark as a value": b"\x80\x02(.",
    "unknown memo": b"\x80\x02h\x05.",
    "no stop": b"\x80\x02N",
    "bytes without end": b"\x80\x04\x8e" + HUGE + b"ab.",
    "text without end": b"\x80\x04\x8d" + HUGE + b"ab.",
    "bytearray without end": b"\x80\x05\x96" + HUGE + b"ab.",
    "number without end": b"\x80\x02\x8b\xff\xff\xff\x7f1.",
    "buffers elsewhere": b"\x80\x05\x97.",
    "items into a number": b"\x80\x02K\x01K\x01K\x01s.",
    "appended to a number": b"\x80\x02K\x01K\x01a.",
    "a list as a key": b"\x80\x02}]K\x01s.",
    "a number too long as a key": b"\x80\x02}\x8a\x10" + b"\x7f" * 16 + b"Ns.",
    "a name of no text": b"\x80\x04K\x01K\x01\x93.",
    "call without a tuple": b"\x80\x02cos\nsystem\nK\x01R.",
    "digits": b"I" + b"9" * 5000 + b"\n.",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_makes_no_sense_is_refused_in_one_sentence(data, tmp_path):
    for source in (data, tmp_path / "p.pkl"):
        if source is not data:
            source.write_bytes(data)
        with pytest.raises(UserError) as refusal:
            read_pickle(source, "pickle")
        assert "\n" not in str(refusal.value)
        assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("make", [lambda v: pickle.dumps(v), saved, lambda v: saved(v, False)])
def test_every_truncated_file_is_refused(make):
    data = make({"a": torch.arange(6.0), "b": [np.arange(3), "text"]})
    for length in range(0, len(data), 7):
        with pytest.raises(UserError):
            read_pickle(data[:length], "pickle")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_random_bytes_and_damaged_pickles_end_in_a_value_or_one_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.RandomState(0)
    intact = [pickle.dumps({"a": ARRAYS, "b": torch.ones(3)}, 2), saved([torch.ones(3)]), saved([torch.ones(3)], False)]
    for trial in range(1500):
        data = random.bytes(random.randint(1, 200))
        if trial % 2:
            damaged = bytearray(intact[trial // 2 % 3])
            for place in random.randint(len(damaged), size=3):
                damaged[place] = random.randint(256)
            data = bytes(damaged)
        try:
            read_pickle(data, "pickle")
        except UserError as error:
            assert "\n" not in str(error)
    assert os.listdir() == []


def test_bombs_are_defused(monkeypatch):
    doubled = b"\x80\x02)" + b"2\x86" * 200 + b"."  # ((..., ...), (..., ...)): 2 ** 200 leaves
    assert first_inert(read_pickle(doubled, "pickle")) is None
    for use in (b"}" + doubled[2:-1] + b"K\x01s.", doubled[:-1] + b"\x85\x91."):
        with pytest.raises(UserError):
            read_pickle(b"\x80\x04" + use, "pickle")
    deep = b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b"."
    assert isinstance(read_pickle(deep, "pickle")[0][0], list)  # read, and freed, without recursion
    deep = b"\x80\x02" + b"cos\nsystem\n" * 5_000 + b"N" + b"\x85R" * 5_000 + b"."
    assert isinstance(read_pickle(deep, "pickle"), Inert)
    # One long list, copied again and again.
    again = b"c__builtin__\nset\nh\x00\x85R0"
    with pytest.raises(UserError, match="memory"):
        read_pickle(b"\x80\x02](" + b"K\x01" * 999 + b"eq\x00" + again * 999 + b".", "pickle")
    sizes = b"ctorch\nSize\nh\x00\x85R0"
    with pytest.raises(UserError, match="memory"):
        read_pickle(b"\x80\x02](" + b"N" * 9999 + b"eq\x00" + sizes * 9999 + b".", "pickle")
    # Objects of hundreds of bytes, each of one or two in the file.
    monkeypatch.setattr(pickle_values, "_MOST_OBJECTS", 10_000)
    for word in (b"}", b"\x8f", b"(\x91", b"\x94", b"c\n\n"):
        with pytest.raises(UserError, match="objects"):
            read_pickle(b"\x80\x04N" + word * 11_000 + b".", "pickle")
    assert read_pickle(b"\x80\x02Nr\xff\xff\xff\xff.", "pickle") is None  # a memo of four thousand million places


def test_many_copies_of_one_unfinished_array_are_no_bomb():
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    puts = b"".join(b"r" + struct.pack("<I", number) for number in range(3000))
    state = b"(K\x01K\x00\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNK\x00K\x00K\x00tb\x89U\x00tp9999\nb0"
    again = b"g9999\nb0" * 2999 + b"g9999\nb"
    assert read_pickle(head + puts + b"2" * 3000 + state + again + b".", "pickle").shape == (0,)


def test_a_list_of_storages_is_a_list_of_names():
    words = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, 5)]
    bomb = b"\x80\x02](" + b")" + b"2\x86" * 80 + b"e."  # its text would be 2 ** 80 long
    with pytest.raises(UserError, match="storages"):
        read_pickle(b"".join(words) + bomb, "file")


@pytest.mark.parametrize("kind", ["O", "f4,f4", "(2,3)f4", "V8", "M8", "S0", "f99", "float32", "S" + "9" * 50])
def test_other_types_of_numpy_s_stay_inert(kind):
    built = b"\x80\x04cnumpy\ndtype\n" + words_of((kind, False, True)) + b"R" + words_of((3, "<", None)) + b"b."
    try:
        assert isinstance(read_pickle(built, "pickle"), Inert)
    except UserError:  # a type that numpy itself does not know
        assert kind == "f99"


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (17,), (1,)),
        (1, (16,), (1,)),
        (0, (4, 4), (4, 4)),
        (0, (10**12,), (0,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2**62,), (2**62,)),
        (0, (2,), (1, 1)),
        ("0", (2,), (1,)),
    ],
)
def test_a_tensor_stays_within_its_storage(offset, size, stride):
    storage = saved(torch.ones(4).untyped_storage(), zipped=False)
    head = (
        b"\x80\x03ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\n(" + words_of(storage) + b"tR"
    )

    def tensor(*where):
        return head + b"".join(map(words_of, where)) + b"tR."

    assert read_pickle(tensor(1, (3,), (1,)), "pickle").tolist() == [0, 128, 63]  # the bytes of 1.0
    with pytest.raises(UserError):
        read_pickle(tensor(offset, size, stride), "pickle")


@pytest.mark.parametrize("shape", [(10**12,), (3,), (-1,), (2, 2**63), "2", (1,) * 40])
def test_an_array_has_as_many_bytes_as_it_says(shape):
    def array(shape):
        return calling("numpy._core.numeric", "_frombuffer", b"12345678", np.dtype("f4"), shape, "C")

    assert read_pickle(array((2,)), "pickle").shape == (2,)
    with pytest.raises(UserError):
        read_pickle(array(shape), "pickle")


def test_arrays_of_objects_stay_inert():
    value = read_pickle(pickle.dumps([np.array([{"a": 1}, None], object), np.zeros(2, "i4,f4")]), "pickle")
    assert all(isinstance(array, Inert) for array in value)


def archive(entries, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def storage_named(key, count, kind="FloatStorage"):
    words = f"U\x07storagectorch\n{kind}\n".encode() + b"X" + struct.pack("<I", len(key)) + key.encode() + b"U\x03cpu"
    view = b"K\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR."
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((" + words + b"J" + struct.pack("<i", count) + b"tQ" + view


def test_names_in_an_archive_are_no_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ones = struct.pack("<f", 1.0)
    good = {"../../a/data.pkl": storage_named("../../../x", 1), "../../a/data/../../../x": ones}
    assert read_pickle(archive(good), "file").tolist() == [1.0]
    assert os.listdir() == []
    for bad in (
        {"a/data.pkl": storage_named("/etc/hostname", 1), "a/data/0": ones},
        {"a/data.pkl": storage_named("0", 2), "a/data/0": ones},
        {"a/data.pkl": storage_named("0", -1), "a/data/0": ones},
        {"a/data.pkl": storage_named("0", 1, "Module"), "a/data/0": ones},
        {"a/data.pkl": b"\x80\x02U\x03urlQ."},
        {"a/data.pkl": b"N.", "b/data.pkl": b"N."},
        {"a.txt": b"hello"},
        {"a/data.pkl": b"N.", "a/byteorder": b"big"},
    ):
        with pytest.raises(UserError):
            read_pickle(archive(bad), "file")
    with pytest.raises(UserError, match="compressed"):
        read_pickle(archive(good, zipfile.ZIP_DEFLATED), "file")


def test_a_file_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "no.pkl", tmp_path):
        with pytest.raises(UserError, match="is no file"):
            read_pickle(path, "pickle")
