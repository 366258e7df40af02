"""The augmentation figure: places by hand, the two usual mistakes, and everything that can be moved moves it."""

import numpy as np
import pytest

from cpm_edu.coords import person_matrix
from cpm_edu.datasets.people import Person
from cpm_edu.figures.interactive.augmentation import augmentation, augmentation_frame, wrong_order
from cpm_edu.figures.interactive.frame import Dots, Line, Raster, Texts
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.skeletons import COCO, LSP, Skeleton

TWO = Skeleton(name="two", joints=("left_hand", "right_hand"), limbs=((0, 1),))
MIDDLE = 79.5  # of a crop of 160 px


@pytest.fixture
def person():
    """Hands 40 px left and right of (100, 60) in a picture whose columns tell where they came from; box 160 px."""
    image = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 120, 0).repeat(3, -1)
    return Person(
        image=image, joints_px=np.array([[140, 60], [60, 60]], np.float32), labelled=np.ones(2, bool),
        center_px=np.array([100.0, 60.0]), scale_px=np.array([160.0, 160.0]),
    )  # fmt: skip


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def hands(frame, name="crop"):
    """{colour: place} of the joints in a panel."""
    return {
        c: p.tolist()
        for m in panel(frame, name).marks
        if isinstance(m, Dots)
        for c, p in zip(m.color, m.points, strict=True)
    }


LEFT, RIGHT = "#E69F00", "#56B4E9"


# --- numbers by hand


def test_plain_crop_puts_the_hands_40_px_beside_the_middle(person):
    frame = augmentation_frame(person, TWO)
    found = hands(frame)
    assert found[LEFT] == pytest.approx([MIDDLE + 40, MIDDLE])
    assert found[RIGHT] == pytest.approx([MIDDLE - 40, MIDDLE])
    assert frame.status.startswith("Picture: not turned, zoom 1.00. 2 of 2 joints lie in the crop.")
    assert frame.status.endswith("on the person, every name right.")


def test_arrow_to_the_left_turns_the_picture_a_quarter_to_the_left(person):
    unit = 0.28 * 160
    frame = augmentation_frame(person, TWO, up=(MIDDLE - unit, MIDDLE))
    assert hands(frame)[LEFT] == pytest.approx([MIDDLE, MIDDLE - 40], abs=1e-4), "what was right is up now"
    assert "turned 90 degrees to the left, zoom 1.00" in frame.status


def test_arrow_twice_as_long_zooms_by_two_and_loses_the_hands_at_the_edge(person):
    frame = augmentation_frame(person, TWO, up=(MIDDLE, MIDDLE - 2 * 0.28 * 160))
    assert hands(frame)[LEFT] == pytest.approx([MIDDLE + 80, MIDDLE], abs=1e-4)
    assert "zoom 2.00" in frame.status
    assert "1 of 2 joints lie in the crop" in frame.status, (
        "-0.5 is the outer edge of pixel 0, 159.5 is past the last"
    )
    assert [m.shape for m in panel(frame, "crop").marks if isinstance(m, Dots)] == ["circle", "cross"]


def test_the_tip_stays_where_the_zoom_has_its_limits(person):
    short, long = (
        augmentation_frame(person, TWO, up=(MIDDLE, MIDDLE - r)).handles[1].at[1] for r in (1.0, 500.0)
    )
    assert MIDDLE - short == pytest.approx(0.4 * 0.28 * 160)
    assert MIDDLE - long == pytest.approx(2.2 * 0.28 * 160)
    on_the_middle = augmentation_frame(person, TWO, up=(MIDDLE, MIDDLE))
    assert on_the_middle.handles[1].at == pytest.approx((MIDDLE, short)), "no direction: straight up"


def test_moving_the_center_moves_everything_the_other_way(person):
    assert hands(augmentation_frame(person, TWO, center_px=(110, 50)))[LEFT] == pytest.approx(
        [MIDDLE + 30, MIDDLE + 10]
    )


@pytest.mark.parametrize("up", [None, (50.0, 40.0), (120.0, 60.0)])
def test_arrow_shows_what_was_up_also_in_the_mirror(person, up):
    """A point above the center lands on the line from the crop's middle to the tip, mirrored or not."""
    above = person.joints_px.copy()
    above[0] = person.center_px - (0, 30)
    person = Person(person.image, above, person.labelled, person.center_px, person.scale_px)
    for mirror in (False, True):
        frame = augmentation_frame(person, TWO, up=up, mirror=mirror)
        (x, y), (tip_x, tip_y) = np.array(hands(frame)[LEFT]) - MIDDLE, np.array(frame.handles[1].at) - MIDDLE
        assert x * tip_y - y * tip_x == pytest.approx(0, abs=1e-3)
        assert x * tip_x + y * tip_y > 0


# --- picture and joints agree; the mistakes


@pytest.mark.parametrize("mirror", [False, True])
def test_picture_and_joints_go_by_one_matrix(person, mirror):
    """The picture's grey level is the photo's column, so the crop's pixel under a hand must be 140 or 60."""
    frame = augmentation_frame(person, TWO, up=(70.0, 40.0), mirror=mirror, swap=mirror)
    image = next(m for m in panel(frame, "crop").marks if isinstance(m, Raster)).values
    left, right = ((LEFT, RIGHT), (RIGHT, LEFT))[mirror]
    for color, column in ((left, 140), (right, 60)):
        x, y = np.round(hands(frame)[color]).astype(int)
        assert image[y, x, 0] == pytest.approx(column, abs=2)


def test_mirrored_without_new_names_is_called_wrong(person):
    assert "2 carry the wrong name" in augmentation_frame(person, TWO, mirror=True).status
    assert "every name right" in augmentation_frame(person, TWO, mirror=True, swap=True).status
    assert "2 carry the wrong name" in augmentation_frame(person, TWO, swap=True).status


def test_wrong_order_is_right_only_where_nothing_turns_or_zooms(person):
    plain = {"zoom": 1.0, "rotation_deg": 0.0, "mirror": False}
    same = wrong_order(person.center_px, person.scale_px, (160, 160), **plain)
    assert same == pytest.approx(person_matrix(person.center_px, person.scale_px, (160, 160), **plain))
    quarter = wrong_order(person.center_px, person.scale_px, (160, 160), rotation_deg=90.0)
    # (100, 60) is shifted to (79.5, 79.5) and only then turned about (0, 0): (x, y) -> (y, -x)
    assert quarter @ (100, 60, 1) == pytest.approx([79.5, -79.5])
    frame = augmentation_frame(person, TWO, up=(MIDDLE - 0.28 * 160, MIDDLE), joints_by=wrong_order)
    assert "up to 159.0 px beside the person" in frame.status


def test_a_matrix_of_ones_own_is_used_and_a_bad_one_becomes_a_sentence():
    figure = augmentation(matrix=lambda center, scale, size, **_: np.array([[1, 0, 5.0], [0, 1, 5.0]]))
    assert "beside the person" in figure.frame.status
    for bad in (np.eye(2), np.full((2, 3), np.nan)):
        figure = augmentation(matrix=lambda *_, bad=bad, **__: bad)
        assert "2 x 3 finite numbers" in figure.status


# --- the figure


def test_every_control_and_handle_changes_picture_and_sentence():
    figure = augmentation()
    before, said = figure.snapshot(), figure.frame.status
    for change in (
        {"center": (60.0, 80.0)},
        {"up": (110.0, 60.0)},
        {"mirror": True},
        {"swap": True},
        {"order": "the wrong order"},
    ):
        figure.reset()
        figure.set(**change)
        assert figure.snapshot() != before, change
        assert figure.status == figure.frame.status != said, change


@pytest.mark.parametrize("skeleton", [LSP, COCO])
def test_any_skeleton_with_unlabelled_joints(skeleton):
    rng = np.random.default_rng(0)
    joints = rng.uniform(10, 90, (skeleton.num_joints, 2)).astype(np.float32)
    labelled = rng.random(skeleton.num_joints) > 0.3
    joints[~labelled] = np.nan
    person = Person(
        np.zeros((100, 60, 3), np.uint8), joints, labelled, np.array([30.0, 50.0]), np.array([60.0, 100.0])
    )
    frame = augmentation_frame(person, skeleton, size=(192, 144))
    assert f"of {labelled.sum()} joints" in frame.status
    assert frame_png(frame)[:4] == b"\x89PNG"


def test_matrix_panel_shows_the_numbers_that_are_used(person):
    texts = [
        t
        for m in panel(augmentation_frame(person, TWO), "matrix").marks
        if isinstance(m, Texts)
        for t in m.texts
    ]
    assert any("left hand: photo (140.0, 60.0)" in t for t in texts), texts
    assert any("(119.5, 79.5)" in t for t in texts), texts


def test_square_in_the_photo_is_what_the_crop_shows(person):
    square = next(
        m for m in panel(augmentation_frame(person, TWO), "photo").marks if isinstance(m, Line) and m.closed
    )
    assert np.asarray(square.points) == pytest.approx(
        np.array([[20, -20], [180, -20], [180, 140], [20, 140]]), abs=1e-6
    )
