import pytest
from pydantic import ValidationError

from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.errors import UserError

SCHEMA = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("aqua", "blonde", "red")),
        Attribute(name="eyes", values=("green", "red")),
    )
)


def test_values_become_numbers_and_what_is_left_out_is_unknown():
    assert SCHEMA.sizes == (3, 2)
    assert SCHEMA.encode({"eyes": "red", "hair": "aqua"}) == (0, 1)
    assert SCHEMA.encode({"eyes": "green"}) == (-1, 0)
    assert SCHEMA.encode({}) == (-1, -1)
    assert LabelSchema().encode({}) == ()


def test_unknown_names_and_values_offer_the_nearest():
    with pytest.raises(UserError, match="No attribute 'hiar': did you mean 'hair'"):
        SCHEMA.encode({"hiar": "red"})
    with pytest.raises(UserError, match="hair has no value 'blonds': did you mean 'blonde'"):
        SCHEMA.encode({"hair": "blonds"})
    with pytest.raises(UserError, match="eyes has no value 'aqua'"):
        SCHEMA.encode({"eyes": "aqua"})


def test_names_and_values_are_unique():
    for attributes in (SCHEMA.attributes[:1] * 2, (Attribute(name="hair", values=("red", "red")),)):
        with pytest.raises(ValidationError, match="must be unique"):
            LabelSchema(attributes=attributes)


def test_a_schema_survives_being_written():
    assert LabelSchema.model_validate_json(SCHEMA.model_dump_json()) == SCHEMA
