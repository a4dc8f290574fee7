"""Shows the main job on one page, demo/index.html: `make demo`, or `python examples/demo.py`. Needs no network.

Every step is a command as a user would type it; the page shows the commands and what came of them.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sakuga.configs.modelfile import read_header
from sakuga.core.errors import UserError
from sakuga.features.find import find_weights
from sakuga.reporting.page import Page
from sakuga.zoo import find_model

DATA = "synthetic:2000"
CONDITIONAL = "faces64-attributes"
STYLED = "stylegan2-faces"

MEANINGS = {
    "frechet": "distance of drawn and real pictures; 0 is best",
    "kid": "the same by another formula, which few pictures do not raise",
    "precision": "share of the drawn pictures that could be real; 1 is best",
    "recall": "share of the real pictures that could be drawn; 1 is best",
    "coverage": "share of the real pictures that have a drawn one nearby; 1 is best",
}

times: dict[str, float] = {}


def main() -> None:
    """Runs all steps and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="faces64", help="what to draw with (default: the shipped faces64)")
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), help="folder of the page (default: demo, beside examples)"
    )
    # However fast the machine is, the whole stays below five minutes.
    parser.add_argument("--seconds", type=float, default=105, help="how long to train (default: 105)")
    given = parser.parse_args()
    run = given.out / "run"
    given.out.mkdir(parents=True, exist_ok=True)
    page = Page("sakuga: pictures in, anime pictures out")
    try:
        draw(page, given.model, given.out)
        draw_by_attributes(page, given.out)
        steer(page, given.out)
        train(page, run, given.seconds)
        evaluate(page, run)
    except UserError as error:
        sys.exit(f"sakuga: {error}")
    page.heading("How long it took")
    times["together"] = sum(times.values())
    page.table({name: f"{seconds:.0f} s" for name, seconds in times.items()})
    print(page.save(given.out / "index.html").resolve())


def draw(page: Page, model: str, folder: Path) -> None:
    """Draws with a model that is there already."""
    header = read_header(find_model(model))
    page.text(
        f"The first pictures are drawn by {header.name}, a small network that ships with the package. Another one, "
        "further down, was trained while this page was made."
    )
    told = {
        "model": header.name,
        "trained on": header.data or "unknown",
        "pictures it has seen": header.images_seen,
        **header.scores,
        "licence": header.licence or "none given",
    }
    page.table(told)

    sheet, best, way, strip = (folder / name for name in ("seeds.png", "best.png", "way.gif", "way.png"))
    with timed("64 pictures"):
        first = sakuga("generate", model, "--seeds", "0-63", "--sheet", sheet, "--overwrite")
    with timed("the best 64 of 512"):
        second = sakuga("generate", model, "--best-of", 512, "--keep", 64, "--sheet", best, "--overwrite")
    page.heading("One face for each seed, and the best of many").code(f"{first}\n{second}")
    page.pictures(
        [
            (sheet.read_bytes(), "Seeds 0 to 63, as they come.", None),
            (best.read_bytes(), "The 64 of 512 that the discriminator finds most real, best first.", None),
        ]
    )

    with timed("an animation"):
        options = ["--frames", 78, "--fps", 18, "--columns", 11, "--overwrite"]
        command = sakuga("interpolate", model, "--seeds", "3,17,42,11,58,29", "--out", way, "--strip", strip, *options)
    page.heading("From one face to another").code(command)
    moving = (way.read_bytes(), "A closed way through six seeds.", 256)
    page.pictures([moving, (strip.read_bytes(), "Its frames from the first seed to the last.", None)])


def draw_by_attributes(page: Page, folder: Path) -> None:
    """Draws with a model that is told hair and eyes."""
    sheet, way = folder / "conditions.png", folder / "hair.gif"
    with timed("pictures by attribute"):
        first = sakuga(
            "generate", CONDITIONAL, "--conditions", "unispac", "--seeds", "0-9", "--sheet", sheet, "--overwrite"
        )
        hair = [f"hair={color}" for color in ("black", "purple", "red", "orange", "blonde", "green", "aqua", "blue")]
        conditions = ["--eyes", "blue", "--conditions", "; ".join(hair)]
        second = sakuga(
            "interpolate", CONDITIONAL, "--seeds", "2", *conditions, "--frames", 64, "--out", way, "--overwrite"
        )
    page.heading("Hair and eyes as you like").code(f"{first}\n{second}")
    page.pictures(
        [
            (sheet.read_bytes(), "A row for each condition, a column for each seed.", None),
            (way.read_bytes(), "One seed, from hair color to hair color.", 256),
        ]
    )


def steer(page: Page, folder: Path) -> None:
    """Moves through the w of a StyleGAN2."""
    edited, psi, mixed = (folder / name for name in ("edited.png", "psi.png", "mixed.png"))
    with timed("pictures steered"):
        truncation = ["--psi", 0.7, "--overwrite"]
        commands = [
            sakuga("edit", STYLED, "--direction", "hair:aqua", "--seeds", "4,9,24,45", "--out", edited, *truncation),
            sakuga("generate", STYLED, "--psi", "0.3,0.7,1.3", "--seeds", "8-17", "--sheet", psi, "--overwrite"),
            sakuga("mix", STYLED, "--rows", "4,9,17,36", "--columns", "10,16,39,45,56", "--out", mixed, *truncation),
        ]
    page.heading("Steered").code("\n".join(commands))
    page.pictures(
        [
            (edited.read_bytes(), "Seven strengths of one direction in w, a row for each seed.", None),
            (psi.read_bytes(), "Near the mean face, as usual, and bolder.", None),
            (mixed.read_bytes(), "The coarse layers of one face with the fine ones of another.", None),
        ]
    )


def train(page: Page, run: Path, seconds: float) -> None:
    """Trains for a moment, is interrupted, and goes on."""
    shutil.rmtree(run, ignore_errors=True)
    arguments = ["train", "tiny64", "--data", DATA, "--run-dir", run, "--duration", "500k images"]
    arguments += ["--outputs.sheet_size", 25]
    with timed("training until Ctrl-C"):
        said = interrupt(arguments, run, 0.3 * seconds)
    lines = metrics(run)
    stopped_at = lines[-1]["images"]
    rate = statistics.median(line["images_per_second"] for line in lines)
    goal = (stopped_at + int(rate * 0.7 * seconds)) // 1000 * 1000 + 1000
    with timed("training, resumed"):
        resumed = sakuga("train", "--resume", "--run-dir", run, "--duration", f"{goal} images")
    page.heading("Trained just now").text(
        f"A small network learned the drawn faces of the built-in data set, {rate:,.0f} pictures a second. After "
        f"{stopped_at:,} it was interrupted with Ctrl-C; the second command went on from there, as if nothing had "
        f"happened, until {goal:,}."
    )
    page.code(f"{shown(arguments)}\n^C  {said}\n{resumed}")
    sheets = sorted((run / "sheets").glob("*.png"))
    chosen = dict.fromkeys([sheets[0], sheets[-1]])
    drawn = [(sheet.read_bytes(), f"Drawn after {int(sheet.stem):,} pictures.", None) for sheet in chosen]
    page.pictures([((run / "real.png").read_bytes(), "What it learned from.", None), *drawn])
    page.picture((run / "curves.png").read_bytes(), "The curves of both parts together.")


def evaluate(page: Page, run: Path) -> None:
    """Measures the new model, where the weights to measure with are there."""
    page.heading("Measured")
    try:
        find_weights("efficientnet", download=False)
    except UserError as error:
        page.note(f"Left out, because the network to measure with is not installed. {error}")
        print(f"evaluation left out: {error}", file=sys.stderr)
        return
    numbers, neighbors = run / "evaluation.json", run / "neighbors.png"
    options = [
        "--extractor",
        "efficientnet",
        "--num-images",
        500,
        "--out",
        numbers,
        "--sheet",
        neighbors,
        "--overwrite",
    ]
    with timed("evaluation"):
        command = sakuga("evaluate", run / "model.safetensors", "--data", DATA, *options)
    result = json.loads(numbers.read_text())
    page.text(
        "500 pictures of the new model against 500 of its data, as EfficientNet-Lite0 sees them; hence the name. FID "
        "is the same distance on another network, whose 87 MB the demo does not bring."
    )
    page.code(command)
    found = {metric["name"].removeprefix("efficientnet_"): metric["value"] for metric in result["metrics"]}
    rows = [[f"EfficientNet {name}", found[name], meaning] for name, meaning in MEANINGS.items()]
    page.table(rows, ["metric", "value", ""])
    page.table([[x["name"], x["samples"], x["real"]] for x in result["statistics"]], ["mean", "drawn", "real"])
    page.picture(neighbors.read_bytes(), "Drawn pictures, each beside the nearest ones of the data set.")


def interrupt(arguments: list, run: Path, seconds: float) -> str:
    """Starts a command, sends it Ctrl-C when it has trained for so many seconds, and returns what it says then."""
    print(f"$ {shown(arguments)}", flush=True)
    process = subprocess.Popen(command_line(arguments), stdout=subprocess.PIPE, text=True)
    started = None
    while process.poll() is None:
        time.sleep(0.5)
        trained = len(metrics(run)) >= 3
        started = started or (time.monotonic() if trained else None)
        if started and time.monotonic() - started >= seconds:
            process.send_signal(signal.SIGINT)
            break
    said, _ = process.communicate()
    if process.returncode != 130:
        raise UserError(f"`{shown(arguments)}` ended with status {process.returncode} before it could be interrupted.")
    print(said.strip(), flush=True)
    return said.strip()


def metrics(run: Path) -> list[dict]:
    """Returns the lines that the run has logged; the last may be half written."""
    path = run / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    return [line for line in map(json.loads, lines) if "images_per_second" in line]


def sakuga(*arguments: object) -> str:
    """Runs one command and returns it as a user would write it."""
    print(f"$ {shown(arguments)}", flush=True)
    done = subprocess.run(command_line(arguments))
    if done.returncode:
        raise UserError(f"`{shown(arguments)}` ended with status {done.returncode}: what it said stands above.")
    return shown(arguments)


def command_line(arguments) -> list[str]:
    """Returns a command for the Python that runs this file."""
    return [sys.executable, "-m", "sakuga", *map(str, arguments)]


def shown(arguments) -> str:
    """Returns a command as a user would write it."""
    return shlex.join(["sakuga", *map(str, arguments)])


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Notes how long something takes."""
    started = time.monotonic()
    yield
    times[name] = time.monotonic() - started


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    # A thread for each core is slow beyond measure as soon as the machine does something else, too.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
