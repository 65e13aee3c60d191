"""Whatever happens to a push, readers get a whole version."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ondevice_rec.recommendation.ondevice.publish import publish
from ondevice_rec.recommendation.ondevice.version_folder import (
    VersionFolder,
    open_version,
    read_version,
    versions,
)

# Publishes versions of 2 MB in 20 files, one after another, and says the first.
_PUSHES = """
import itertools, sys
from pathlib import Path
from ondevice_rec.recommendation.ondevice.publish import publish

def write(folder):
    (folder / "vocab.txt").write_text("[OOV]\\na\\n")
    (folder / "saved_model" / "variables").mkdir(parents=True)
    for number in range(20):
        with open(folder / "saved_model" / "variables" / str(number), "wb") as file:
            for _ in range(5):
                file.write(bytes([number]) * 20_000)

push_dir, count = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for _ in range(count):
    publish(push_dir, write, {}, keep_versions=2)
    print("published", flush=True)
"""
KILLS = 50


def start(push_dir: Path, count: int, **options: object) -> subprocess.Popen[str]:
    pusher = subprocess.Popen(
        [sys.executable, "-c", _PUSHES, str(push_dir), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    assert pusher.stdout is not None
    assert pusher.stdout.readline() == "ready\n"
    return pusher


class Reader(threading.Thread):
    """Opens what is served again and again, and checks every file of it."""

    def __init__(self, push_dir: Path) -> None:
        super().__init__()
        self.push_dir = push_dir
        self.stopped = threading.Event()
        self.seen: set[int] = set()
        self.reads = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self.seen.add(read_version(self.push_dir, self.check))
                self.reads += 1
        except Exception as error:
            self.error = error

    def check(self, version: VersionFolder) -> int:
        version.check_files()
        assert len(version.manifest["files"]) >= 21
        assert version.path.name == str(version.version)
        return version.version


@pytest.fixture
def push_dir(tmp_path: Path) -> Path:
    """A serving folder with one version in it."""
    pusher = start(tmp_path / "serving", 1)
    assert pusher.wait(60) == 0
    return tmp_path / "serving"


def test_a_push_killed_at_any_moment_is_seen_whole_or_not_at_all(
    push_dir: Path,
) -> None:
    begun = time.monotonic()
    pusher = start(push_dir, 3)
    assert pusher.wait(60) == 0
    # About a push, wherever in the endless row.
    longest = (time.monotonic() - begun) / 3
    rng = random.Random(4)
    reader = Reader(push_dir)
    reader.start()
    interrupted = 0
    for _ in range(KILLS):
        pusher = start(push_dir, 1000)
        time.sleep(rng.uniform(0, longest))
        pusher.send_signal(signal.SIGKILL)
        assert pusher.wait() == -signal.SIGKILL
        left = [e.name for e in push_dir.iterdir() if e.name.startswith(".")]
        interrupted += len(left) > 1
        read_version(push_dir, reader.check)
    reader.stopped.set()
    reader.join()
    assert reader.error is None
    assert len(reader.seen) > 1
    # Most were killed amid a push: what they left is beside the lock.
    assert interrupted > KILLS / 2

    assert start(push_dir, 1).wait(60) == 0
    found = versions(push_dir)
    # Those two, and the folders' other entries: nothing is left of the killed ones.
    assert sorted(os.listdir(push_dir)) == sorted(
        [".lock", "current", *map(str, found)]
    )
    assert len(found) == 2
    assert open_version(push_dir).version == found[-1]


def test_two_pushers_at_once_both_succeed(push_dir: Path) -> None:
    reader = Reader(push_dir)
    reader.start()
    pushers = [start(push_dir, 5) for _ in range(2)]
    assert [pusher.wait(60) for pusher in pushers] == [0, 0]
    reader.stopped.set()
    reader.join()
    assert reader.error is None
    assert open_version(push_dir).version == versions(push_dir)[-1]
    open_version(push_dir).check_files()


def test_a_full_disk_leaves_the_old_version_serving(push_dir: Path) -> None:
    before = open_version(push_dir).version

    # Files may not grow beyond what half of one holds: writes fail in its midst.
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    pusher = start(push_dir, 1, preexec_fn=limit)
    _, errors = pusher.communicate(timeout=60)
    assert pusher.returncode == 1
    assert "cannot take the version" in errors
    assert "What was served before is served still" in errors
    assert versions(push_dir) == [before]
    read_version(push_dir, Reader(push_dir).check)
    assert not [e for e in push_dir.iterdir() if e.name.startswith(".staging-")]


def test_a_full_file_system_leaves_the_old_version_serving(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # 5 MB: two versions fit, three do not.
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        pusher = start(disk / "serving", 10)
        _, errors = pusher.communicate(timeout=60)
        assert pusher.returncode == 1
        assert "No space left on device" in errors
        found = versions(disk / "serving")
        assert len(found) == 2
        assert open_version(disk / "serving").version == found[-1]
        read_version(disk / "serving", Reader(disk / "serving").check)

        def write(folder: Path) -> None:
            (folder / "vocab.txt").write_text("[OOV]\n")

        # Once there is room, pushes go on.
        assert publish(disk / "serving", write, {}).version > found[-1]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
