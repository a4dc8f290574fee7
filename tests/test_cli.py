import errno
import io
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Literal

import pytest

from sakuga import cli
from sakuga.core.errors import UserError

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}


def draw(
    model: str | None = None,
    /,
    *,
    seeds: str,
    best_of: int | None = None,
    loop: bool = True,
    overwrite: bool = False,
    sigma: tuple[float, float] = (0.0, 1.0),
    also: tuple[str, ...] = (),
    out: Path = Path("out"),
    kind: Literal["linear", "smooth"] = "smooth",
) -> None:
    """Draws.

    Args:
        model: The model.
        seeds: The seeds.
        best_of: How many to choose from.
        loop: Whether to end where it began.
        overwrite: Whether to replace files.
        sigma: Two numbers.
        also: Any number of words.
        out: The file.
        kind: The way.
    """
    CALLS.append(dict(locals()))


CALLS: list[dict] = []


@pytest.fixture
def toy(monkeypatch):
    """Puts a function into the table of verbs and returns a way to call it."""

    def call(function, arguments: str = "", raw: bool = False) -> int:
        module = types.ModuleType("sakuga.commands.toy")
        module.function = function
        monkeypatch.setitem(sys.modules, "sakuga.commands.toy", module)
        monkeypatch.setitem(cli.VERBS, "toy", cli.Verb("toy", "function", "a toy", raw))
        CALLS.clear()
        return cli.main(["toy", *arguments.split()])

    return call


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sakuga", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, **options)


def test_help_comes_from_the_table(capsys):
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    for name, verb in cli.VERBS.items():
        assert f"  {name} " in told
        assert verb.help in told
    assert cli.main(["data", "-h"]) == 0
    told = capsys.readouterr().out
    assert "data pack" in told
    assert "generate" not in told


def test_no_verb_is_a_mistake_that_shows_help(capsys):
    for argv in ([], ["data"]):
        assert cli.main(argv) == 2
        assert "data pack" in capsys.readouterr().err


def test_help_and_version_load_next_to_nothing():
    code = (
        "import sys; from sakuga.cli import main\n"
        "statuses = [main(argv) for argv in (['--help'], ['data', '--help'], ['--version'])]\n"
        "print(statuses, {'torch', 'tyro', 'numpy', 'pydantic', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stderr.strip() == "[0, 0, 0] set()"
    assert done.stdout.splitlines()[-1].startswith("sakuga 0.")


def test_the_help_of_each_verb_needs_no_torch():
    code = (
        "import sys; from sakuga.cli import VERBS, main\n"
        "for verb in VERBS:\n"
        "    status = main([*verb.split(), '--help'])\n"
        "    print(verb, status, 'torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stderr.splitlines() == [f"{verb} 0 False" for verb in cli.VERBS]
    assert "--best-of" in done.stdout
    assert "--run-dir" in done.stdout


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["generat"], "No verb 'generat': did you mean 'generate'"),
        (["data", "pak"], "No verb 'data pak': did you mean 'data pack'"),
        (["--foo"], "No verb '--foo': known: "),
        (["generate", "m", "--best_off", "3"], "`sakuga generate` has no option --best-off: did you mean '--best-of'"),
        (["noise", "m", "--psy", "3"], "A model's own attributes: --attributes psy=...\n"),
        (["mix", "m", "--from-projection", "x"], "'--rows-from-projection' or '--columns-from-projection'?\n"),
        (["generate", "m", "--hiar", "aqua"], "has no option --hiar: did you mean '--hair'? A model's own"),
        (["generate", "m", "--preset", "x"], "has no option --preset: known: --attributes, --batch-size, "),
        (["evaluate", "m"], "`sakuga evaluate` needs --data: `sakuga evaluate --help` tells what it is."),
        (["evaluate", "m", "--dta", "x"], "has no option --dta: did you mean '--data'"),
        (["evaluate", "m", "--data", "x", "--num-images", "many"], "--num-images 'many' is no whole number"),
        (["generate", "m", "--out", "x", "--sigma", "a,b"], "--sigma 'a,b' is no number"),
        (["interpolate", "m", "--out", "x", "--psi", "0.3,0.7"], "--psi '0.3,0.7' is no number"),
        (["interpolate", "m", "--out", "x", "--fps", "quick"], "--fps 'quick' is no number"),
        (["generate", "m", "--cutoff", "1.5"], "--cutoff '1.5' is no whole number"),
        (["noise", "m", "--out", "x", "--seed", "foo"], "--seed 'foo' is no whole number"),
        (["import", "--out", "x"], "`sakuga import` needs a FILE: The file. No code in it is run; `sakuga import"),
        (["generate"], "`sakuga generate` needs a MODEL: A model of the zoo"),
        (["project", "--out", "x"], "`sakuga project` needs a MODEL: A model of the zoo"),
        (["blend", "a", "--at", "8", "--out", "x"], "`sakuga blend` needs B: The model of the fine layers;"),
        (
            ["evaluate", "m", "--data", "x", "--extractor", "vgg"],
            "--extractor 'vgg' is none of its values: choose auto, inception, efficientnet;",
        ),
        (
            ["export", "m", "runs/a", "--onnx", "x"],
            "'runs/a' is one word too many: `sakuga export` takes MODEL and options that begin with --;",
        ),
        (["evaluate", "m", "-x", "--data", "x"], "`sakuga evaluate` has no option -x;"),
        (["generate", "m", "--overwrite=maybe"], "--overwrite=maybe: --overwrite takes no value;"),
        (["evaluate", "m", "--data"], "--data has no value: write --data VALUE;"),
        (["train", "dcgan69", "--data", "x", "--run-dir", "y"], "No recipe 'dcgan69': did you mean 'dcgan64'"),
        (["train", "tiny64", "--data", "x"], "--run-dir is missing: name a new folder for what the run writes."),
        (["train", "--resume"], "--run-dir is missing: name the folder of the run to go on with."),
        (["train", "tiny64", "--run-dir", "y", "--overwrite"], "No option --overwrite: a run is never replaced"),
        (["train", "tiny64", "--run-dir", "y", "--overwrite=true"], "No option --overwrite: a run is never replaced"),
        (["train", "tiny64", "--run-dir", "y", "--seed", "1", "--seed=2"], "--seed is given twice: give it once."),
        (["train", "--run-dir", "y", "--batch-size", "1", "--batch_size", "2"], "--batch_size is given twice: give"),
        (["train", "--resume", "--run-dir", "y", "--resume"], "--resume is given twice: give it once."),
        (["generate", "m", "--attributes", "hair=aqua", "--attributes=eyes=blue"], "--attributes is given twice: give"),
        (["generate", "m", "--best-of", "2", "--best_of", "3"], "--best-of is given twice: give it once."),
        (["interpolate", "m", "--loop", "--no-loop", "--out", "x"], "--loop is given twice: give it once."),
        (["train", "tiny64", "--run-dir", "y", "--force"], "No option --force: see --help"),
        (["train", "tiny64", "--run-dir", "y", "--seed"], "--seed has no value: write --seed VALUE."),
        (["train", "tiny64", "--run-dir", "y", "--loss.clip"], "--loss.clip has no value: write --loss.clip VALUE."),
    ],
)
def test_mistakes_are_one_line_and_status_2(argv, sentence, capsys):
    assert cli.main(argv) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("sakuga: ")
    assert sentence in told.err
    assert told.err.count("\n") == 1
    assert told.err.endswith("\n")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_sentence_is_the_same_on_a_terminal_without_lines(encoding):
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "sakuga", "evaluate", "m", "--data", "x", "--num-images", "many"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    sentence = "--num-images 'many' is no whole number"
    assert done.stderr == f"sakuga: {sentence}; `sakuga evaluate --help` lists the options.\n"
    assert done.returncode == 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_the_terminal_cannot_show_is_no_error(toy, monkeypatch, encoding):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert toy(lambda words: print(words[0]), "日本█.zip", raw=True) == 0
    assert sys.stdout.buffer.getvalue().split() == [b"???.zip"]
    assert toy(draw, "--seeds 1 --日本 2") == 2
    sys.stderr.flush()
    assert b"has no option --??: " in sys.stderr.buffer.getvalue()


def test_options_get_their_types(toy):
    assert (
        toy(draw, "faces --seeds 0-3,7 --best-of 512 --no-loop --overwrite --sigma 1 2.5 --out a/b.png --kind linear")
        == 0
    )
    expected = {"model": "faces", "seeds": "0-3,7", "best_of": 512, "loop": False, "overwrite": True}
    expected |= {"sigma": (1.0, 2.5), "also": (), "out": Path("a/b.png"), "kind": "linear"}
    assert CALLS[0] == expected


def test_options_may_be_left_out_or_written_otherwise(toy):
    assert toy(draw, "--seeds=7 --best_of=3 --loop") == 0
    assert (CALLS[0]["model"], CALLS[0]["best_of"], CALLS[0]["loop"], CALLS[0]["out"]) == (None, 3, True, Path("out"))


@pytest.mark.parametrize("also", ["--also a b --seeds 7", "--also a --seeds 7 --also b", "--also=a --seeds 7 --also=b"])
def test_an_option_that_takes_several_values_takes_them_at_once_or_one_by_one(toy, also):
    assert toy(draw, f"faces {also}") == 0
    assert (CALLS[0]["model"], CALLS[0]["seeds"], CALLS[0]["also"]) == ("faces", "7", ("a", "b"))


def test_help_of_a_verb_shows_defaults_and_runs_nothing(toy, capsys):
    assert toy(draw, "--help") == 0
    told = capsys.readouterr().out
    assert "usage: sakuga toy" in told
    assert "[MODEL]" in told
    assert "--best-of INT" in told
    assert "How many to choose from." in told
    assert CALLS == []


def test_a_raw_verb_reads_its_own_arguments(toy):
    seen = []
    assert toy(lambda argv: seen.append(argv), "--anything goes -h", raw=True) == 0
    assert seen == [["--anything", "goes", "-h"]]
    assert toy(lambda argv: 130, raw=True) == 130


def raising(error: BaseException):
    def function() -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (UserError("x.zip is not there:\n  give another."), 2, "sakuga: x.zip is not there: give another.\n"),
        (OSError(errno.ENOSPC, "No space left", "a.png"), 2, "sakuga: No space left to write a.png: free some space"),
        (OSError(errno.ENOSPC, "No space left"), 2, "sakuga: No space left: free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "a.png"), 2, "sakuga: a.png may not be read or written"),
        (MemoryError(), 2, "sakuga: Out of memory: close other programs."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "sakuga: Out of memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), 2, "sakuga: Out of memory"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_outside_us_is_a_sentence(toy, capsys, error, status, told):
    assert toy(raising(error)) == status
    found = capsys.readouterr().err
    assert found.startswith(told)
    assert found.count("\n") == bool(told)


def test_a_smaller_batch_is_advised_only_by_an_option_that_the_verb_has(toy, capsys):
    def batched(*, batch_size: int = 8) -> None:
        raise MemoryError

    assert toy(batched) == 2
    assert "choose a smaller --batch-size, or close" in capsys.readouterr().err

    def many(*, batch_size: int = 8, num_images: int = 8) -> None:
        raise MemoryError

    assert toy(many) == 2
    assert "choose a smaller --batch-size or --num-images, or close" in capsys.readouterr().err

    def trained(arguments: list[str]) -> None:
        raise MemoryError

    assert toy(trained, raw=True) == 2
    assert "choose a smaller --batch_size, or close" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("ours"), RuntimeError("ours"), OSError(errno.EIO, "ours"), KeyError("a")]
)
def test_our_own_mistakes_keep_their_traceback(toy, error):
    with pytest.raises(type(error)):
        toy(raising(error))


@pytest.mark.skipif(os.name == "nt", reason="needs Unix pipes")
def test_a_reader_that_leaves_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "sakuga", "--help"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_the_exit_status_leaves_the_process():
    done = run("dta")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sakuga: No verb 'dta'")
    assert "Traceback" not in done.stderr
