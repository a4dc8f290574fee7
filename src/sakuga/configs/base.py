"""The base of all configs: frozen values that refuse unknown names."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A frozen value; unknown names are errors. Change one with `configs.patch`, never with `model_copy(update=)`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
