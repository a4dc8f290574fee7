import subprocess
import sys

import pytest

import sakuga


@pytest.mark.parametrize("name", sakuga.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(sakuga, name))
    assert name in dir(sakuga)


def test_mistakes_can_be_caught_by_their_public_name():
    with pytest.raises(sakuga.UserError, match="No model 'faces65'"):
        sakuga.load("faces65")


def test_only_what_is_public_is_listed():
    assert dir(sakuga) == sorted([*sakuga.__all__, "__version__"])


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="'sakuga' has no attribute 'draw_me_a_sheep'"):
        sakuga.draw_me_a_sheep  # noqa: B018


def test_importing_it_does_not_import_torch():
    code = "import sys, sakuga, sakuga.zoo; sakuga.zoo.names(); dir(sakuga); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
