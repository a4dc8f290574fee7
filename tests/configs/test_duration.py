import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from sakuga.configs.duration import Duration, Schedule

amounts = st.integers(0, 10**7).map(lambda n: n / 1000)
durations = st.builds(Duration, amount=amounts, unit=st.sampled_from(["images", "epochs", "steps"]))


@pytest.mark.parametrize(
    ("written", "amount", "unit"),
    [
        ("300k images", 300_000, "images"),
        ("300k", 300_000, "images"),
        ("30,000 images", 30_000, "images"),
        ("1.5M", 1_500_000, "images"),
        (2500, 2500, "images"),
        ("50 epochs", 50, "epochs"),
        ("1 epoch", 1, "epochs"),
        ("0.5 epochs", 0.5, "epochs"),
        ("  20000steps ", 20_000, "steps"),
    ],
)
def test_durations_are_written_in_any_unit(written, amount, unit):
    duration = Duration.model_validate(written)
    assert (duration.amount, duration.unit) == (amount, unit)


@pytest.mark.parametrize(
    "written",
    ["", "fast", "1,5 epochs", "1,0000", "-3 epochs", "3 hours", "3 k m", "1e5", True, -1, float("inf"), None],
)
def test_what_is_no_duration_is_refused(written):
    with pytest.raises(ValidationError):
        Duration.model_validate(written)


@pytest.mark.parametrize(
    ("written", "is_time"), [("30 minutes", True), ("2h", True), ("1 day", True), ("30 epoks", False), ("soon", False)]
)
def test_the_refusal_tells_the_units_and_leaves_the_value_to_its_caller(written, is_time):
    with pytest.raises(ValidationError) as refused:
        Duration.model_validate(written)
    message = refused.value.errors()[0]["msg"]
    assert "images, epochs or steps" in message
    assert written not in message
    assert ("compare --budget" in message) is is_time


def test_the_clock_is_images():
    assert Duration.model_validate("3 epochs").images(dataset_size=1000, batch_size=64) == 3000
    assert Duration.model_validate("3 steps").images(dataset_size=1000, batch_size=64) == 192
    assert Duration.model_validate("3 images").images(dataset_size=1000, batch_size=64) == 3
    assert Duration.model_validate("0.5 epochs").images(dataset_size=999, batch_size=64) == 500


@given(durations | st.builds(Duration, amount=st.floats(0, 1e300), unit=st.just("epochs")))
@example(Duration(amount=5e-5, unit="epochs"))
def test_durations_survive_being_written(duration):
    assert Duration.model_validate(duration.model_dump(mode="json")) == duration


@pytest.mark.parametrize(
    ("written", "again"),
    [
        ("every 10 epochs", "every 10 epochs"),
        ("every 20k", "every 20000 images"),
        (500, "every 500 images"),
        ("1, 3, 10, 30, 50 epochs", "1 epochs, 3 epochs, 10 epochs, 30 epochs, 50 epochs"),
        ("1k, 2k", "1000 images, 2000 images"),
        ("1 epochs, 20 steps", "1 epochs, 20 steps"),
        ("never", "never"),
        ("5 epochs", "5 epochs"),
    ],
)
def test_schedules_are_read_and_written(written, again):
    schedule = Schedule.model_validate(written)
    assert schedule.model_dump(mode="json") == again
    assert Schedule.model_validate(again) == schedule


@pytest.mark.parametrize(
    "written",
    ["sometimes", "every 0 epochs", "every", "every now and then", "1,,2 epochs", True, 0, {"every": 1, "at": ["2"]}],
)
def test_what_is_no_schedule_is_refused(written):
    with pytest.raises(ValidationError):
        Schedule.model_validate(written)


def moments(schedule: Schedule, until: int, dataset_size: int, batch_size: int) -> list[int]:
    rounds = range(batch_size, until + 1, batch_size)
    return [now for now in rounds if schedule.due(now - batch_size, now, dataset_size, batch_size)]


def test_an_interval_is_due_in_the_round_that_reaches_it():
    every = Schedule.model_validate("every 1 epochs")
    assert moments(every, 3200, dataset_size=1000, batch_size=64) == [1024, 2048, 3008]
    assert moments(Schedule.model_validate("every 5 steps"), 1000, 1000, 64) == [320, 640, 960]


def test_given_moments_are_due_once_and_never_is_never():
    at = Schedule.model_validate("1, 3 epochs")
    assert moments(at, 10_000, dataset_size=1000, batch_size=64) == [1024, 3008]
    assert moments(Schedule.model_validate("never"), 10_000, 1000, 64) == []


@given(st.integers(1, 5000), st.integers(1, 256))
def test_no_interval_is_missed_if_it_is_longer_than_a_round(interval, batch_size):
    schedule = Schedule(every=Duration(amount=max(interval, batch_size)))
    found = moments(schedule, 20_000, dataset_size=1000, batch_size=batch_size)
    assert len(found) == (20_000 // batch_size * batch_size) // max(interval, batch_size)
