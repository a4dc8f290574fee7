import pytest

from sakuga.configs.comparison import ComparisonConfig
from sakuga.configs.losses import HingeLossConfig, R1PenaltyConfig
from sakuga.configs.modelfile import Header
from sakuga.configs.patch import option_names, patch, validate
from sakuga.configs.training import TrainConfig
from sakuga.core.errors import UserError

BASE = TrainConfig()


def changed(**changes: str) -> TrainConfig:
    return patch(BASE, {name.replace("__", "."): value for name, value in changes.items()})


def test_values_are_replaced_and_the_rest_stays():
    config = changed(
        optimizer__g__lr="1e-4", data__flip="False", precision="float32", batch_size="32", duration="3 epochs"
    )
    assert config.optimizer.g.lr == 1e-4
    assert config.data.flip is False
    assert (config.precision, config.batch_size, str(config.duration)) == ("float32", 32, "3 epochs")
    assert config.optimizer.d == BASE.optimizer.d
    assert changed(optimizer__g__lr=str(BASE.optimizer.g.lr)) == BASE


def test_auto_and_numbers_share_an_option():
    assert changed(threads="2").threads == 2
    assert patch(changed(threads="2"), {"threads": "auto"}).threads == "auto"
    assert changed(channels_last="true").channels_last is True


def test_what_looks_like_a_number_may_be_a_name():
    config = changed(name="2024", licence="0", init__generator="20240101", data__balance="1", batch_size="8")
    assert (config.name, config.licence, config.init.generator) == ("2024", "0", "20240101")
    assert (config.data.balance, config.batch_size) == (("1",), 8)
    assert changed(conditioning__attributes="1").conditioning.attributes == ("1",)
    assert changed(name="true", init__generator="null").init.generator is None
    with pytest.raises(UserError, match=r"--batch_size: 0 is below 2: give 2 or more"):
        changed(name="2024", batch_size="0")
    with pytest.raises(UserError, match=r"No option --xyzzy"):
        changed(name="2024", xyzzy="1")


def test_a_changed_kind_drops_its_siblings():
    old = patch(BASE, {"loss.saturating": "true", "loss.real_target": "0.9"})
    assert patch(old, {"loss.kind": "hinge"}).loss == HingeLossConfig()
    assert patch(old, {"loss.kind": "bce"}).loss == old.loss, "the same kind keeps them"


@pytest.mark.parametrize("order", [1, -1])
def test_the_new_kind_takes_its_values_in_any_order(order):
    changes = dict([("penalty.kind", "r1"), ("penalty.weight", "10"), ("penalty.every", "4")][::order])
    assert patch(BASE, changes).penalty == R1PenaltyConfig(weight=10, every=4)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"optimizer.g.lrr": "1"}, "No option --optimizer.g.lrr: did you mean '--optimizer.g.lr' or"),
        ({"lr": "1"}, "No option --lr: did you mean '--optimizer.c.lr' or '--optimizer.d.lr' or '--optimizer.g.lr'"),
        ({"batch_sise": "1"}, "No option --batch_sise: did you mean '--batch_size'"),
        ({"batch_size.x": "1"}, "No option --batch_size.x: did you mean '--batch_size'"),
        ({"xyzzy.q": "1"}, "No option --xyzzy.q: known: "),
        ({"penalty.kind": "r1", "penalty.weigth": "1"}, "No option --penalty.weigth: did you mean '--penalty.weight'"),
        ({"loss.kind": "hing"}, "Option --loss.kind has no value 'hing': did you mean 'hinge'?"),
        (
            {"loss.kind": "focal"},
            "Option --loss.kind has no value 'focal': known: bce, hinge, logistic, lsgan, relativistic, wasserstein.",
        ),
        ({"loss": "hinge"}, "Option --loss is a group: name one of --loss.kind, --loss.saturating,"),
        (
            {"penalty.kind": "r1", "penalty.weight": "-2"},
            "Option --penalty.weight: -2 is below 0: give 0 or more, or 'auto'.",
        ),
        ({"optimizer.g.lr": "fast"}, "Option --optimizer.g.lr: 'fast' is no number: give one."),
        ({"optimizer.g.lr": "Infinity"}, "Option --optimizer.g.lr: inf is not finite: give a finite number."),
        ({"optimizer.g.lr": "NaN"}, "Option --optimizer.g.lr: nan is not finite: give a finite number."),
        ({"optimizer.g.lr": "0"}, "Option --optimizer.g.lr: 0 is not above 0: give more than 0."),
        ({"data.flip": "maybe"}, "Option --data.flip: 'maybe' is neither true nor false: give one of them."),
        ({"data.resolution": "big"}, "Option --data.resolution: 'big' is no whole number: give one, or 'auto'."),
        ({"ema.ramp_up": "[1]"}, "Option --ema.ramp_up: '[1]' is no number: give one."),
        ({"generator.resolution": "65"}, "32, 64, 96, 128 pixels, not 65"),
        ({"controller.low": "0.9"}, "Option --controller: low (0.9) must be below high (0.8)."),
        ({"outputs.sheets": "sometimes"}, "Option --outputs.sheets: lengths are images, epochs or"),
        ({"threads": "0"}, "Option --threads: 0 is below 1: give 1 or more, or 'auto'."),
        (
            {"precision": "float16"},
            "Option --precision: 'float16' is no choice: give 'auto', 'float32' or 'bfloat16'.",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(changes, sentence):
    with pytest.raises(UserError) as caught:
        patch(BASE, changes)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_follows_a_changed_kind_is_offered_only_if_it_belongs_to_it():
    with pytest.raises(UserError) as caught:
        changed(loss__kind="hinge", loss__saturating="true")
    assert "No option --loss.saturating" in str(caught.value)
    assert "'loss.saturating'" not in str(caught.value)


def test_option_names_lead_to_values():
    names = option_names(BASE)
    assert {"optimizer.g.lr", "loss.kind", "duration", "outputs.sheets", "generator.z_dim"} <= set(names)
    tree = BASE.model_dump(mode="json")
    for name in names:
        node = tree
        for part in name.split("."):
            node = node[part]
        assert not isinstance(node, dict), f"{name} is a value, not a group"


def test_entries_of_a_file_are_named_with_the_file():
    with pytest.raises(UserError, match=r"Entry in the header of /Tmp/A\.safetensors, name: Field required"):
        validate(Header, {"roles": {}}, "entry in the header of /Tmp/A.safetensors,")
    with pytest.raises(UserError, match=r"Entry in F, images_seen: 'x' is no whole number: it must be one\."):
        validate(Header, {"name": "x", "roles": {}, "images_seen": "x"}, "entry in F,")
    with pytest.raises(UserError, match=r"Comparison: data: \(\) has too few entries: it must be 1 or more\."):
        validate(ComparisonConfig, {"variants": [{"label": "a", "recipe": "b"}], "data": ()}, "comparison:")
    with pytest.raises(UserError, match="No entry in F, nmae: did you mean 'name'"):
        validate(Header, {"roles": {}, "name": "x", "nmae": "y"}, "entry in F,")


def test_a_new_kind_and_what_is_in_it_come_in_one_call():
    changes = {"classifier.head.kind": "auxiliary", "classifier.head.layers": "3", "classifier.kind": "dcgan"}
    for order in (changes, dict(reversed(changes.items()))):
        config = patch(TrainConfig(), order)
        assert config.model_dump()["classifier"]["head"]["layers"] == 3
    with pytest.raises(UserError, match=r"No option --classifier\.hed"):
        patch(TrainConfig(), {"classifier.kind": "dcgan", "classifier.hed.kind": "auxiliary"})
