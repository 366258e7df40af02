"""docs/own_data.md, followed to the letter: every command and every piece of Python on that page, in its order.

The training is killed once on the way, as the page says it may be.
"""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "own_data.md"
SAVED_AFTER = 20  # steps, the first checkpoint
PATIENCE_SECONDS = 3600  # wall clock, on a machine that does other things too; alone it takes two minutes


def pieces() -> list[tuple[str, str]]:
    """("bash" or "python", text) of every such block of the page, in order."""
    return re.findall(r"^```(bash|python)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def arguments_of(command: str) -> list[str]:
    """The page's command with this Python and this checkout."""
    words = shlex.split(command)
    if words[0] == "cpm-edu":
        return [sys.executable, "-m", "cpm_edu", *words[1:]]
    assert words[:2] == ["python", "tests/own_data_example.py"], f"the page has another command: {command}"
    return [sys.executable, str(REPOSITORY / words[1]), *words[2:]]


class Walker:
    """Somebody who follows the page in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, str] = {}
        self.environment = os.environ | {
            "PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip

    def run(self, arguments: list[str]) -> str:
        done = subprocess.run(
            arguments, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.stderr[-3000:]}"
        return done.stdout

    def kill_once_there_is(self, file: Path, arguments: list[str]) -> None:
        """Start and, once the file is there, kill without a warning."""
        with (self.folder / "killed.txt").open("w") as output:
            process = subprocess.Popen(
                arguments, cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
            end = time.monotonic() + PATIENCE_SECONDS
            try:
                while process.poll() is None and time.monotonic() < end and not file.is_file():
                    time.sleep(0.2)
                assert process.poll() is None, (self.folder / "killed.txt").read_text()[-3000:]
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()


def rows_of(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def walker(tmp_path_factory) -> Walker:
    """Everything on the page has been done."""
    walker = Walker(tmp_path_factory.mktemp("walk"))
    run = walker.folder / "runs" / "puppets"
    for kind, text in pieces():
        if kind == "python":
            walker.said["python"] = walker.run([sys.executable, "-c", text])
            continue
        for command in text.splitlines():
            arguments = arguments_of(command)
            if command.startswith("cpm-edu train"):
                walker.kill_once_there_is(run / "last.pt", arguments)
                walker.before_kill = (run / "log.csv").read_text()
            name = command.split()[1]
            walker.said[name] = walker.run(arguments)
    return walker


pytestmark = pytest.mark.slow


def test_page_has_the_whole_way():
    commands = [line.split()[1] for kind, text in pieces() if kind == "bash" for line in text.splitlines()]
    assert commands == ["tests/own_data_example.py", "data", "train", "evaluate", "predict"]
    assert "kill it: the same command goes on" in PAGE.read_text()


def test_training_tells_and_draws_before_it_begins(walker):
    before = (walker.folder / "killed.txt").read_text()
    for words in (
        "32 pictures, 38 people",
        "l_hand <-> r_hand",
        "without a partner: head",
        "contact sheet: runs",
    ):
        assert words in before, words
    assert before.index("contact sheet") < before.index("training on 38 people")
    assert re.search(r"carried over: \d+ tensors", before)
    assert "re-initialised: stage1.1.weight" in before
    with Image.open(walker.folder / "runs" / "puppets" / "contact_sheet.png") as sheet:
        assert sheet.width > 1000


def test_killed_training_goes_on_where_it_was(walker):
    assert re.search(r"going on from step \d+0 of 120", walker.said["train"])
    assert "--init-from is not needed" in walker.said["train"]
    run = walker.folder / "runs" / "puppets"
    steps = [int(row["step"]) for row in rows_of(run / "log.csv")]
    assert steps == list(range(1, 121)), "every step once"
    kept = walker.before_kill.splitlines()[: 1 + SAVED_AFTER]
    assert (run / "log.csv").read_text().splitlines()[: len(kept)] == kept, "what was done is not done again"


def test_nine_joints_are_learnt(walker):
    scores = rows_of(walker.folder / "runs" / "puppets" / "validation.csv")
    assert [row["epoch"] for row in scores] == ["5", "10", "15", "20", "25", "30"]
    last = float(scores[-1]["stage 4"])
    assert last >= 0.9, f"PCK@0.2 of pictures kept out: {scores}"
    assert last > float(scores[0]["stage 4"]) + 0.3


def test_evaluation_names_its_measure_and_shows_the_worst(walker):
    said, folder = walker.said["evaluate"], walker.folder / "runs" / "puppets" / "evaluation"
    assert "by the longer side of the person's box" in said
    assert "l_elbow" in said
    assert "all joints" in said
    for file in ("gallery.html", "gallery.png"):
        assert (folder / file).stat().st_size > 10_000
    assert (walker.folder / "runs" / "puppets" / "curves.png").stat().st_size > 10_000


def test_prediction_finds_the_joints_of_a_picture_kept_out(walker):
    truth = json.loads((walker.folder / "puppets" / "puppets.json").read_text())
    image = next(i["id"] for i in truth["images"] if i["file_name"] == "puppet_004.jpg")
    [annotation] = [a for a in truth["annotations"] if a["image_id"] == image]
    expected = np.reshape(annotation["keypoints"], (9, 3))
    [box] = re.findall(r"--box ([\d,]+) ", PAGE.read_text())
    np.testing.assert_allclose([float(v) for v in box.split(",")], annotation["bbox"], atol=1)
    [person] = json.loads((walker.folder / "runs" / "puppets" / "poses" / "joints.json").read_text())
    found = np.array([[joint["x"], joint["y"]] for joint in person["joints"]])
    names = truth["categories"][0]["keypoints"]
    assert [joint["name"] for joint in person["joints"]] == names
    errors = np.linalg.norm(found - expected[:, :2], axis=1)[expected[:, 2] > 0]
    limit = 0.1 * max(annotation["bbox"][2:])
    assert (errors <= limit).mean() >= 0.75, f"errors {errors.round(1)} px, limit {limit:.1f} px"
    printed = {name: numbers for name, *numbers in map(str.split, walker.said["python"].splitlines())}
    assert list(printed) == names, "the page's Python prints the same joints"
    np.testing.assert_allclose([float(v) for v in printed["head"][:2]], found[0], atol=0.06)
