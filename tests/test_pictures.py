"""Pictures by name, from folders and archives, read when needed and kept while they are asked for."""

import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from cpm_edu.datasets import pictures as module
from cpm_edu.datasets.pictures import Picture, Pictures
from cpm_edu.images import ImageError


@pytest.fixture
def sources(tmp_path):
    """A folder with a/1.png (red), and an archive with a/1.png and a/2.jpg (both blue)."""
    (tmp_path / "folder" / "a").mkdir(parents=True)
    plain((255, 0, 0)).save(tmp_path / "folder" / "a" / "1.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for name in ("a/1.png", "a/2.jpg"):
            with archive.open(name, "w") as file:
                plain((0, 0, 255)).save(file, "PNG" if name.endswith("png") else "JPEG")
    return [tmp_path / "folder", tmp_path / "more.zip"]


def plain(color, size=(6, 4)):
    return Image.new("RGB", size, color)


@pytest.fixture
def decoded(monkeypatch):
    """Names of the pictures decoded so far."""
    names, open_image = [], module.open_image

    def counted(source, name, **options):
        names.append(name)
        return open_image(source, name, **options)

    monkeypatch.setattr(module, "open_image", counted)
    return names


def test_sources_are_asked_in_order(sources):
    assert Pictures(sources).read("a/1.png")[0, 0].tolist() == [255, 0, 0]
    assert Pictures(sources[::-1]).read("a/1.png")[0, 0].tolist() == [0, 0, 255]
    assert Pictures(sources).read("a/2.jpg")[0, 0, 2] > 250
    assert Pictures(sources).find("a/2.jpg") == sources[1]
    assert Pictures(sources).find("a/3.jpg") is None


def test_a_picture_is_an_array_when_asked(sources):
    picture = Picture(Pictures(sources), "a/1.png")
    assert np.asarray(picture).shape == (4, 6, 3)
    assert np.asarray(picture).dtype == np.uint8


def test_people_of_one_picture_cost_one_decoding(sources, decoded):
    pictures = Pictures(sources)
    for name in ("a/1.png", "a/1.png", "a/2.jpg", "a/2.jpg", "a/1.png"):
        pictures.read(name)
    assert len(decoded) == 3, "1, 2 and 1 again"


def test_what_may_be_shrunk_is_not_kept(sources, decoded):
    pictures = Pictures(sources)
    for _ in range(2):
        pictures.open("a/1.png", shrink=lambda _: 1)
    assert len(decoded) == 2


def test_copies_for_other_processes_hold_no_files(sources):
    pictures = Pictures(sources)
    pictures.read("a/2.jpg")
    copy = pickle.loads(pickle.dumps(pictures))
    assert copy.read("a/2.jpg").tolist() == pictures.read("a/2.jpg").tolist()


def test_a_missing_picture_says_where_it_was_looked_for(sources):
    with pytest.raises(ImageError, match=r"a/3\.jpg: there is no such picture in '.*folder', '.*more\.zip'"):
        Pictures(sources).read("a/3.jpg")


def test_a_damaged_picture_names_file_and_archive(sources, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("a.jpg", b"no picture")
    with pytest.raises(ImageError, match=r"a\.jpg in .*bad\.zip: not a picture"):
        Pictures([tmp_path / "bad.zip"]).read("a.jpg")
    (sources[0] / "empty.jpg").touch()
    with pytest.raises(ImageError, match=r"empty\.jpg: not a picture"):
        Pictures(sources).read("empty.jpg")


def test_a_damaged_archive_gets_a_sentence(sources, tmp_path):
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    with pytest.raises(ImageError, match=r"no\.zip: the archive is damaged"):
        Pictures([tmp_path / "no.zip"])
    data = bytearray(sources[1].read_bytes())
    start = data.index(b"\x89PNG") + 40  # in the first picture's bytes, which are stored as they are
    data[start : start + 8] = b"........"
    (tmp_path / "crc.zip").write_bytes(data)
    with pytest.raises(ImageError, match=r"a/1\.png in .*crc\.zip: the (archive|picture) is damaged"):
        Pictures([tmp_path / "crc.zip"]).read("a/1.png")
