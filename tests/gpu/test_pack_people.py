"""Packing LSP + LSPET into one zip below a limit, to be carried to a machine that reaches nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pack_people
import pytest
from small_leeds import SMALL, as_jpeg, small_leeds

from cpm_edu.datasets.lsp import LSP, LSPET


@pytest.fixture(scope="module")
def leeds(tmp_path_factory) -> Path:
    return small_leeds(tmp_path_factory.mktemp("leeds"))


@pytest.fixture
def packed(leeds, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "people.zip"
    pack_people.pack(leeds, out, limit_mib=10)
    return out


def size_mib(root: Path) -> float:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file()) / 2**20


def test_a_pack_below_its_limit_keeps_joints_and_test_pictures(leeds, tmp_path):
    limit = 0.8 * size_mib(leeds)
    told = pack_people.pack(leeds, tmp_path / "people.zip", limit)
    assert (tmp_path / "people.zip").stat().st_size <= limit * 2**20
    assert told.pictures == 2 * SMALL
    assert 30 <= told.quality < 90
    assert 20 < told.psnr_db[1] <= told.psnr_db[0] < 60
    folder = pack_people.unpack(tmp_path / "people.zip", tmp_path / "data")
    for split in ("train", "val", "test"):
        for before, after in zip(LSP(split, leeds / "lsp"), LSP(split, folder / "lsp"), strict=True):
            assert np.array_equal(before.pixels(), after.pixels()), "LSP's pictures go in byte for byte"
            assert np.array_equal(before.joints_px, after.joints_px)
    for before, after in zip(LSPET("all", leeds / "lspet"), LSPET("all", folder / "lspet"), strict=True):
        assert np.array_equal(before.joints_px, after.joints_px)
        assert np.array_equal(before.labelled, after.labelled)
        assert before.pixels().shape == after.pixels().shape, "another size would move the joints"


def test_the_best_quality_that_fits_is_taken(leeds, tmp_path):
    small, large = (pack_people.pack(leeds, tmp_path / f"{x}.zip", x * size_mib(leeds)) for x in (0.7, 0.9))
    assert small.quality < large.quality
    assert small.psnr_db[0] < large.psnr_db[0]
    whole = pack_people.pack(leeds, tmp_path / "all.zip", 10)
    assert (whole.quality, whole.psnr_db) == (None, (float("inf"), float("inf")))


def test_a_pack_has_the_same_bytes_twice(leeds, tmp_path):
    digests = {pack_people.pack(leeds, tmp_path / f"{i}.zip", 0.8 * size_mib(leeds)).sha256 for i in range(2)}
    assert len(digests) == 1
    with (
        zipfile.ZipFile(tmp_path / "0.zip") as outer,
        zipfile.ZipFile(outer.open("lspet/images.zip")) as inner,
    ):
        dates = {member.date_time for archive in (outer, inner) for member in archive.infolist()}
    assert dates == {pack_people.DATE}, "the hour at which it was packed must not show"


def test_psnr_by_hand():
    black, grey = (as_jpeg(np.full((16, 16, 3), value, np.uint8), 95) for value in (0, 51))
    assert pack_people.psnr(black, grey) == pytest.approx(10 * np.log10(25), abs=0.05), "255 / 51 = 5"
    assert pack_people.psnr(black, black) == float("inf")


def test_a_limit_that_cannot_be_kept_is_refused(leeds, tmp_path, capsys):
    arguments = ["--data", str(leeds), "--out", str(tmp_path / "x.zip"), "--limit-mib", "0.01"]
    assert pack_people.main(arguments) == 2
    assert "do not fit into 0.01 MiB" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "no half of a zip may stay"


def test_folders_without_joints_or_pictures_are_named(tmp_path, leeds, capsys):
    (tmp_path / "lsp").mkdir()
    assert pack_people.main(["--data", str(tmp_path), "--out", str(tmp_path / "x.zip")]) == 2
    assert "neither joints.npy nor joints.mat" in capsys.readouterr().err
    (tmp_path / "lsp" / "joints.npy").write_bytes((leeds / "lsp" / "joints.npy").read_bytes())
    assert pack_people.main(["--data", str(tmp_path), "--out", str(tmp_path / "x.zip")]) == 2
    assert "neither images*.zip nor a picture" in capsys.readouterr().err


def test_a_folder_of_pictures_is_packed_too(leeds, tmp_path):
    """The original download: images/ beside joints."""
    for name in ("lsp", "lspet"):
        (tmp_path / "data" / name / "images").mkdir(parents=True)
        with zipfile.ZipFile(leeds / name / "images.zip") as archive:
            archive.extractall(tmp_path / "data" / name / "images")
        for file in (leeds / name).iterdir():
            if file.suffix != ".zip":
                (tmp_path / "data" / name / file.name).write_bytes(file.read_bytes())
    pack_people.pack(tmp_path / "data", tmp_path / "people.zip")
    folder = pack_people.unpack(tmp_path / "people.zip", tmp_path)
    assert np.array_equal(LSP("test", folder / "lsp")[0].pixels(), LSP("test", leeds / "lsp")[0].pixels())


def test_unpacking_twice_is_once_and_refuses_other_files(packed, tmp_path):
    folder = pack_people.unpack(packed, tmp_path)
    (folder / "mark").touch()
    assert (pack_people.unpack(packed, tmp_path) / "mark").is_file()
    other = tmp_path / "other.zip"
    other.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="damaged or no zip"):
        pack_people.unpack(other, tmp_path)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("lsp/joints.npy", b"")
    with pytest.raises(ValueError, match="no folders lsp and lspet"):
        pack_people.unpack(other, tmp_path)
    with pytest.raises(ValueError, match="no such file"):
        pack_people.unpack(tmp_path / "missing.zip", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [folder.name, "other.zip"], "nothing half unpacked"


@pytest.mark.realdata
def test_real_people_pack_below_the_limit(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(
        pack_people, "QUALITIES", range(69, 70)
    )  # what 50 MiB give; finding it takes a minute
    told = pack_people.pack(data_dir, tmp_path / "people.zip")
    assert told.size_mib < pack_people.LIMIT_MIB
    assert told.pictures == 9983
    assert told.psnr_db[0] > 32
    folder = pack_people.unpack(tmp_path / "people.zip", tmp_path)
    assert not (folder / "lsp" / "joints.mat").exists(), "joints.npy says the same"
    assert np.array_equal(LSP("test", folder / "lsp").joints_px, LSP("test", data_dir / "lsp").joints_px)
    assert np.array_equal(
        LSPET("all", folder / "lspet").joints_px, LSPET("all", data_dir / "lspet").joints_px
    )
    again, before = LSPET("all", folder / "lspet")[5].pixels(), LSPET("all", data_dir / "lspet")[5].pixels()
    assert again.shape == before.shape
