"""What a generator is told, and what it is asked to keep to."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sakuga.configs.base import Config
from sakuga.configs.duration import Duration


def _names(value: Any) -> Any:
    """Reads `hair,eyes` as two names."""
    if isinstance(value, str) and value != "all":
        return [name.strip() for name in value.split(",") if name.strip()]
    return value


AttributeNames = Annotated[tuple[str, ...], BeforeValidator(_names)]


class ConditioningConfig(Config):
    """Control over attributes. How D judges it is the discriminator's `head`, or a `classifier` of its own."""

    attributes: Annotated[tuple[str, ...] | Literal["all"], BeforeValidator(_names)] = Field(
        default=(), description="attributes of the data set that G is told, as in hair,eyes; or all"
    )
    start: Duration = Field(
        default=Duration(amount=0),
        description="when G is told them and D asks for them; a G that can draw before it is told anything does not "
        "learn one picture for each condition from few pictures",
    )
    adversarial_weight: float = Field(
        default=1.0, ge=0, description="lambda: multiplies the real/fake loss of D and G against the class loss"
    )
    class_loss: Literal["balanced", "summed", "summed_in_d"] = Field(
        default="balanced",
        description="balanced: cross-entropy of each attribute, the same in D and G; summed: binary cross-entropy of "
        "all values, summed over them, the same in D and G; summed_in_d: likewise in D, and averaged over them in G "
        "(github.com/Unispac/Animation-Avatar-Generation)",
    )
    classify_fakes: bool = Field(
        default=False, description="the class loss of D also counts fakes, with the labels they were made from"
    )
    label_prior: Literal["data", "uniform"] = Field(
        default="data", description="labels of fakes: as frequent as in the data, or each value equally likely"
    )
