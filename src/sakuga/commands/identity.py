"""What `sakuga directions --measure` and `sakuga edit --measure` share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sakuga.core.errors import UserError

if TYPE_CHECKING:
    from sakuga.evaluation.attributes import Judge
    from sakuga.features.extractor import Extractor
    from sakuga.generation.directions import Directions
    from sakuga.generation.model import LoadedModel


class Ruler(NamedTuple):
    """What directions are measured with."""

    extractor: "Extractor"
    judge: "Judge | None"


def check_measure(measure: int | None, judge: str | None) -> None:
    """Refuses a judge without a measurement, and one of fewer than two samples.

    Raises:
        UserError: If so.
    """
    if measure is None and judge is not None:
        raise UserError("--judge is for measuring: give --measure 64 too, or leave it out.")
    if measure is not None and measure < 2:
        raise UserError(f"--measure {measure}: two characters are the least to compare: give 64, for example.")


def load_ruler(judge: str | None, device: str) -> Ruler:
    """Loads what directions are measured with, best before other work; errors as `load_judge` and `load_extractor`."""
    from sakuga.evaluation.attributes import load_judge
    from sakuga.features.extractor import load_extractor

    judging = None if judge is None else load_judge(judge, device)
    return Ruler(load_extractor("efficientnet", device=device), judging)


def show_cost(
    model: "LoadedModel", directions: "Directions", names: Sequence[str], ruler: Ruler, count: int, batch_size: int
) -> None:
    """Measures directions and prints what they do and cost, and the ruler."""
    from rich.table import Table

    from sakuga.commands import options
    from sakuga.evaluation.identity import measure_directions

    report = measure_directions(
        model, directions, names, ruler.extractor, count, judge=ruler.judge, batch_size=batch_size
    )
    console = options.console()
    columns = ("direction", "strength", "seen before", "seen after", "others kept", "identity cost")
    table = Table(*columns, box=None, pad_edge=False)
    for cost in report.costs:
        seen = (_share(cost.before), _share(cost.after), _share(cost.kept))
        table.add_row(cost.name, f"{cost.strength:g}", *seen, f"{cost.identity:.2f}")
    console.print(table, end="\n\n")
    console.print(f"Identity cost: 0 is the same picture, 1 another character. Ruler: {report.ruler}.", soft_wrap=True)


def _share(number: float | None) -> str:
    return "-" if number is None else f"{100 * number:.0f}%"
