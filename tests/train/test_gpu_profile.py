"""A recording's kernels are read and added up; the time in which two run at once counts once."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.gpu_profile import GpuProfile, busy_share, kernel_shares, read_kernels


def test_time_in_which_two_kernels_run_counts_once() -> None:
    kernels = [("conv", 0, 40), ("copy", 20, 50), ("conv", 80, 100), ("tiny", 85, 86)]
    assert busy_share(kernels) == pytest.approx(0.7)
    assert busy_share(list(reversed(kernels))) == pytest.approx(0.7)


def test_shares_are_of_the_kernels_own_time() -> None:
    shares = kernel_shares([("conv", 0, 60), ("copy", 0, 10), ("conv", 90, 120)])
    assert [name for name, _ in shares] == ["conv", "copy"]
    assert [share for _, share in shares] == pytest.approx([0.9, 0.1])


@pytest.mark.slow
def test_the_profilers_file_is_read(tmp_path: Path) -> None:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    host = space.planes.add(name="/host:CPU")
    host.lines.add(name="python").events.add(metadata_id=1, offset_ps=0, duration_ps=10)
    plane = space.planes.add(name="/device:GPU:0")
    plane.event_metadata[7].name = "sgemm"
    stream = plane.lines.add(name="Stream #20(Compute)", timestamp_ns=3)
    stream.events.add(metadata_id=7, offset_ps=500, duration_ps=250)
    plane.lines.add(name="TensorFlow Ops", timestamp_ns=3).events.add(metadata_id=7, offset_ps=0, duration_ps=9999)
    path = tmp_path / "a.xplane.pb"
    path.write_bytes(space.SerializeToString())
    assert list(read_kernels(path)) == [("sgemm", 3500, 3750)]


@pytest.mark.slow
def test_without_a_gpu_nothing_is_recorded() -> None:
    profile = GpuProfile()
    with pytest.raises(RuntimeError, match="before start"):
        profile.stop()
    profile.start()
    profile.stop()
    assert profile.busy is None and profile.kernels == ()
