"""Controller, health, meters, resolve."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from sakuga.configs.patch import patch
from sakuga.configs.training import ControllerConfig, TrainConfig
from sakuga.core.errors import UserError
from sakuga.recipes import recipe
from sakuga.training import progress
from sakuga.training.controller import Controller
from sakuga.training.estimate import duration_text, faster_threads
from sakuga.training.health import Health, diversity
from sakuga.training.loop import Loop
from sakuga.training.metrics_log import Meters
from sakuga.training.resolve import check, resolve


def controlled(advantage: float, rounds: int) -> Controller:
    controller = Controller(ControllerConfig(enabled=True, speed=100), 10)  # type: ignore[arg-type]
    for _ in range(rounds):
        controller.see(torch.tensor(advantage))
        controller.update()
    return controller


def test_the_controller_slows_the_side_that_is_ahead() -> None:
    ahead = controlled(1.0, 200)
    assert ahead.lr_scale("d") == 0.25
    assert ahead.lr_scale("g") == 1.0
    assert ahead.stretch("d") == 4 and ahead.stretch("g") == 1
    behind = controlled(-0.5, 200)
    assert behind.lr_scale("g") == 0.25
    assert behind.lr_scale("d") == 1.0
    assert behind.stretch("d") == 1
    for controller in (ahead, behind):  # a classifier of its own plays for neither side
        assert controller.lr_scale("c") == 1.0 and controller.stretch("c") == 1


def test_the_level_moves_by_images_however_rarely_d_learns() -> None:
    often, rarely = (Controller(ControllerConfig(enabled=True, speed=100), 10) for _ in range(2))  # type: ignore[arg-type]
    for controller, every in ((often, 1), (rarely, 5)):
        controller.load_state({"advantage": 1.0, "level": 0.0})
        for number in range(30):
            if number % every == every - 1:
                controller.see(torch.tensor(1.0))
            controller.update()
            controller.load_state(controller.state())
    assert rarely.level == pytest.approx(often.level) == pytest.approx(3.0)


def test_the_controller_leaves_a_balanced_game_alone_and_comes_back_to_even_terms() -> None:
    balanced = controlled(0.5, 100)
    assert balanced.level == 0.0
    ahead = controlled(1.0, 100)
    level = ahead.level
    for _ in range(50):
        ahead.see(torch.tensor(0.5))
        ahead.update()
    assert 0 < ahead.level < level


@pytest.mark.parametrize("speed", ["0 images", "2 epochs"])
def test_the_controllers_speed_is_a_number_of_images(speed: str) -> None:
    with pytest.raises(UserError, match="must be in images or steps, and more than 0"):
        patch(recipe("quick64"), {"controller.speed": speed})


def test_the_controller_remembers() -> None:
    one, other = controlled(1.0, 37), controlled(0.5, 1)
    other.load_state(one.state())
    assert other.state() == one.state()


def test_health_reports_a_strong_d_once_until_it_has_passed(faces) -> None:
    health = Health(faces.images[:8], recipe("quick64"))
    lines = [{"d_advantage": 1.0}] * 40 + [{"d_advantage": 0.5}] * 40 + [{"d_advantage": 1.0}] * 40
    messages = [message for line in lines for message in health.see_metrics(line)]
    assert len(messages) == 2
    assert all("--optimizer.d.lr" in message for message in messages)


def test_health_repeats_nothing_when_a_run_goes_on(faces) -> None:
    health, resumed = (Health(faces.images[:8], recipe("quick64")) for _ in range(2))
    assert len([message for _ in range(20) for message in health.see_metrics({"d_advantage": 1.0})]) == 1
    resumed.load_state(json.loads(json.dumps(health.state())))
    assert not [message for _ in range(40) for message in resumed.see_metrics({"d_advantage": 1.0})]


def test_health_reports_a_collapse(faces) -> None:
    health = Health(faces.images[:8], recipe("quick64"))
    same = np.repeat(faces.images[:1], 8, axis=0)
    assert health.see_sheet(same, 1_000) == []
    assert health.see_sheet(same, 100_000)[0].startswith("G makes nearly the same picture")
    assert health.see_sheet(faces.images[8:16], 200_000) == []


@pytest.mark.parametrize(
    ("changes", "advised"),
    [
        ({}, True),
        ({"discriminator.minibatch_std": True}, False),
        ({"discriminator.kind": "sngan"}, False),
        ({"discriminator.kind": "stylegan2"}, False),
    ],
)
def test_health_advises_only_what_there_is(changes, advised, faces) -> None:
    health = Health(faces.images[:8], patch(recipe("quick64"), changes))
    (message,) = health.see_sheet(np.repeat(faces.images[:1], 8, axis=0), 100_000)
    assert "a stronger penalty" in message and ("--discriminator.minibatch_std true" in message) == advised


def test_diversity_is_the_mean_difference_of_neighbors() -> None:
    assert diversity(np.array([[[[0, 0, 0]]], [[[30, 60, 90]]]], np.uint8)) == 60.0
    assert diversity(np.zeros((1, 2, 2, 3), np.uint8)) == 0.0


def test_meters_are_means_since_the_last_reading() -> None:
    meters = Meters()
    for value in (1.0, 2.0, 6.0):
        meters.add("loss", torch.tensor(value))
    copy = Meters()
    copy.load_state(meters.state(), torch.device("cpu"))
    assert meters.read() == copy.read() == {"loss": 3.0}
    assert meters.read() == {}


def test_resolve_settles_every_auto(tiny_config: Callable[..., TrainConfig]) -> None:
    complete = resolve(recipe("dcgan64"), 64, torch.device("cpu"))
    assert "auto" not in complete.model_dump_json()
    assert complete.generator.resolution == complete.discriminator.resolution == 64
    assert complete.channels_last == (complete.precision == "bfloat16")


def test_sizes_that_differ_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"--generator.resolution 64, .*--data.resolution alone|--data.resolution"):
        check(patch(recipe("dcgan96"), {"generator.resolution": 64}))


def test_a_size_that_a_network_cannot_make_is_refused_before_the_data_are_opened() -> None:
    with pytest.raises(UserError, match="an SNGAN makes pictures of 32, 64, 128 pixels, not 96"):
        check(patch(recipe("sngan64"), {"data.resolution": 96}))


def test_no_time_is_left_once_the_last_batch_went_beyond_the_goal(capsys, monkeypatch) -> None:
    monkeypatch.setattr(progress, "_LINE_EVERY", -1.0)
    with progress.Progress(1000, 0, visible=True, rate=None) as shown:
        shown.update(960, {"images_per_second": 20.0})
        shown.update(1024, {"images_per_second": 20.0})
    before, after = capsys.readouterr().err.splitlines()
    assert "960 of 1,000 images, 20 images/s, 2 s left" in before
    assert "1,024 of 1,000 images, 20 images/s, 0 s left" in after


def test_durations_for_people() -> None:
    assert [duration_text(s) for s in (5, 65, 3661, 7380)] == ["5 s", "1 min 05 s", "1 h 01 min", "2 h 03 min"]


def test_choosing_threads_leaves_the_loop_as_it_was(tiny_loop: Callable[..., Loop]) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        measured, untouched = tiny_loop(), tiny_loop()
        assert faster_threads(measured) in (1, 2) and measured.images == 0
        torch.set_num_threads(1)
        for loop in (measured, untouched):
            loop.run_round()
        for name, tensor in untouched.tensors().items():
            assert torch.equal(measured.tensors()[name], tensor), name
    finally:
        torch.set_num_threads(before)
