from __future__ import annotations

import pytest

from potstill.launch.reporting.tensorboard_sink import TensorboardSink


def test_scalars_of_a_run_can_be_read_back(tmp_path, events_of_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sink = TensorboardSink(tmp_path)
    for time, (name, facts) in enumerate(events_of_run()):
        sink.show({"event": name, "time": float(time), **facts})
    sink.close()
    read = EventAccumulator(str(tmp_path)).Reload()
    success = read.Scalars("evaluation/success_rate")
    assert [(point.step, point.value) for point in success] == [
        (n, pytest.approx(v)) for n, v in enumerate((0.2, 0.5, 0.9))
    ]
    assert read.Scalars("final_evaluation/success_rate")[0].value == pytest.approx(0.85)
    assert [point.step for point in read.Scalars("training_progress/loss")][:5] == [20, 40, 60, 80, 100]
    assert [point.step for point in read.Scalars("rollouts_progress/waiting")] == [1, 2, 3, 4, 5, 6]


def test_no_file_is_made_before_the_first_scalar(tmp_path):
    sink = TensorboardSink(tmp_path / "tensorboard")
    sink.show({"event": "run_started", "time": 0.0})
    sink.close()
    assert not (tmp_path / "tensorboard").exists()
