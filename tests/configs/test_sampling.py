import pydantic
import pytest

from sakuga.configs.sampling import USUAL, Sampling, parse_psi
from sakuga.core.errors import UserError


def test_what_is_usual_says_nothing_in_a_file():
    assert USUAL.entries() == {} and USUAL.threshold is None and not USUAL.pulls_w
    assert Sampling(sigma=0.5).entries() == {}


def test_what_is_not_usual_is_told():
    assert Sampling(psi=0.7, cutoff=4).entries() == {"psi": "0.7", "cutoff": "4"}
    resampled = Sampling(psi=1, truncation="resample", noise="random")
    assert resampled.entries() == {"psi": "1", "truncation": "resample", "noise": "random"}


def test_psi_pulls_w_or_limits_z():
    assert Sampling(psi=0.7).pulls_w and Sampling(psi=0.7).threshold is None
    resampled = Sampling(psi=0.7, truncation="resample")
    assert not resampled.pulls_w and resampled.threshold == 0.7
    assert not Sampling(psi=1).pulls_w


def test_it_is_frozen():
    with pytest.raises(pydantic.ValidationError):
        USUAL.psi = 0.5


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"psi": 2.1}, "psi of 2.1 is out of range: choose -2 to 2"),
        ({"psi": float("nan")}, "psi of nan is out of range"),
        ({"psi": "0.7"}, "psi of 0.7 is out of range"),
        ({"psi": 0.01, "truncation": "resample"}, "choose 0.1 to 10; in standard deviations"),
        ({"truncation": "resample"}, "Resampling belongs to a truncation: give a psi"),
        ({"cutoff": 3}, "A cutoff belongs to a truncation: give a psi"),
        ({"psi": 0.7, "cutoff": 0}, "cutoff of 0 is out of range"),
        ({"psi": 0.7, "cutoff": 1.5}, "cutoff of 1.5 is out of range"),
        ({"psi": 0.7, "cutoff": 2, "truncation": "resample"}, "leave one of them out"),
        ({"psi": 0.7, "truncation": "resamble"}, "No truncation 'resamble': did you mean 'resample'"),
        ({"noise": "loud"}, "No noise 'loud'"),
        ({"sigma": -1}, "sigma of -1 is no standard deviation"),
        ({"sigma": float("inf")}, "sigma of inf is no standard deviation"),
    ],
)
def test_what_makes_no_sense_is_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        Sampling(**given)


def test_psi_are_read_from_text():
    assert parse_psi(None) == [None]
    assert parse_psi("0.7") == [0.7]
    assert parse_psi("0.3, 0.7,1.3,0.7") == [0.3, 0.7, 1.3]
    for text in ("", "0.3,", "a"):
        with pytest.raises(UserError, match="is not a number"):
            parse_psi(text)
