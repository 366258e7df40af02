"""Whose file is whose: folders, the zips of Moodle and Canvas, odd names, and archives that mean harm."""

import io
import os
import zipfile

import pytest

from cpm_edu.course.grading import archives
from cpm_edu.course.grading.archives import read_file
from cpm_edu.course.grading.submissions import find_submissions, safe_names


def zipped(entries) -> bytes:
    """A zip of (name, text or bytes)."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in dict(entries).items():
            archive.writestr(name, content)
    return data.getvalue()


def found(place):
    """{student: names of the files} of a place."""
    return {s.student: ["/".join(f.parts) for f in s.files] for s in find_submissions(place).submissions}


def put(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_folder_of_files(tmp_path):
    for name in ("ada.ipynb", "ben.py", "roster.csv", "test_a1.py", ".hidden.py", "cleo.zip"):
        (tmp_path / name).write_bytes(zipped({"work/A1.ipynb": "{}"}) if name.endswith("zip") else b"x = 1")
    found_here = find_submissions(tmp_path)
    assert [s.student for s in found_here.submissions] == ["ada", "ben", "cleo"]
    assert found_here.left_aside == ("roster.csv", "test_a1.py")
    assert found_here.layout == "files"
    assert found_here.submissions[2].files[0].parts == ("cleo.zip", "work", "A1.ipynb")
    assert read_file(found_here.submissions[2].files[0]) == b"{}"


def test_a_folder_for_each_student(tmp_path):
    put(tmp_path / "ada", **{"A1.ipynb": "{}", "old__A1.py": "x"})
    put(tmp_path / "ben" / ".ipynb_checkpoints", **{"A1-checkpoint.ipynb": "{}"})
    put(tmp_path / "ben", **{"notes.txt": "x"})
    (tmp_path / "cleo").mkdir()
    assert found(tmp_path) == {"ada": ["ada/A1.ipynb", "ada/old/A1.py"], "ben": [], "cleo": []}
    notes = {s.student: s.notes for s in find_submissions(tmp_path).submissions}
    assert notes["ben"] == ("No notebook or .py file found; there is notes.txt.",)
    assert notes["cleo"] == ("No notebook or .py file found.",), "an empty folder is a student too"


def test_the_second_download_of_a_file_is_the_same_student(tmp_path):
    put(tmp_path, **{"ada.ipynb": "{}", "ada (1).ipynb": "{}", "ben (1).ipynb": "{}"})
    assert found(tmp_path) == {"ada": ["ada (1).ipynb", "ada.ipynb"], "ben (1)": ["ben (1).ipynb"]}


@pytest.mark.parametrize("slash", ["/", ""])
def test_zip_of_moodle(tmp_path, slash):
    """Folders, since Moodle 3.1, and the flat names that one can still choose; a late marker does not exist."""
    between = "_/" if slash else "_"
    entries = {
        f"Ada Lovelace_1042_assignsubmission_file{between}A1.ipynb": "{}",
        f"Ada Lovelace_1043_assignsubmission_file{between}A1.ipynb": "{}",
        f"Şükrü O'Neill_7_assignsubmission_file{between}mine.zip": zipped(
            {"A1.py": "x", "__MACOSX/._A1.py": "x"}
        ),
        f"Ben Ng_9_assignsubmission_onlinetext{between}onlinetext.html": "<p>see mail",
    }
    path = tmp_path / "course-A1-12.zip"
    path.write_bytes(zipped(entries))
    here = find_submissions(path)
    assert here.layout == "moodle"
    assert [(s.student, s.id, len(s.files)) for s in here.submissions] == [
        ("Ada Lovelace (1042)", "1042", 1), ("Ada Lovelace (1043)", "1043", 1), ("Ben Ng", "9", 0),
        ("Şükrü O'Neill", "7", 1),
    ], "two people of one name stay two"  # fmt: skip


def test_folder_unpacked_from_moodle(tmp_path):
    put(tmp_path / "Ada Lovelace_1042_assignsubmission_file_", **{"A1.ipynb": "{}"})
    (submission,) = find_submissions(tmp_path).submissions
    assert (submission.student, submission.id) == ("Ada Lovelace", "1042")


def test_zip_of_canvas(tmp_path):
    names = (
        "lovelaceada_LATE_1042_90001_A1_pixels-1.ipynb", "lovelaceada_LATE_1042_90002_photo.png",
        "vandermeer_jan_77_90003_A1.py", "LATE_anon_Xy12Z_90004_A1.ipynb", "anon_aB3dE_90005_A1.ipynb",
    )  # fmt: skip
    path = tmp_path / "submissions.zip"
    path.write_bytes(zipped(dict.fromkeys(names, "{}")))
    here = find_submissions(path)
    assert here.layout == "canvas"
    assert [(s.student, s.id, s.late, len(s.files)) for s in here.submissions] == [
        ("anon_Xy12Z", "anon_Xy12Z", True, 1), ("anon_aB3dE", "anon_aB3dE", False, 1),
        ("lovelaceada", "1042", True, 1), ("vandermeer_jan", "77", False, 1),
    ]  # fmt: skip


def test_a_folder_around_everything_is_nobodys_name(tmp_path):
    put(tmp_path / "in" / "A1 submissions", **{"ada__A1.ipynb": "{}", "ben__A1.ipynb": "{}"})
    assert set(found(tmp_path / "in")) == {"ada", "ben"}
    put(tmp_path / "one" / "ada", **{"A1.ipynb": "{}"})
    assert set(found(tmp_path / "one")) == {"ada"}, "the only student is no wrapper"


def test_one_file(tmp_path):
    put(tmp_path, **{"mine.py": "x"})
    assert found(tmp_path / "mine.py") == {"mine": ["mine.py"]}


@pytest.mark.parametrize("name", ["../../evil.py", "/etc/evil.py", "C:/evil.py", "a\\..\\..\\evil.py"])
def test_paths_that_leave_their_zip(tmp_path, name):
    put(tmp_path / "in", **{"ada.zip": zipped({name: "x", "A1.py": "y"})})
    (submission,) = find_submissions(tmp_path / "in").submissions
    assert [f.parts for f in submission.files] == [("ada.zip", "A1.py")]
    assert submission.notes == ("ada.zip/evil.py has a path that leaves its zip.",)
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_not_followed(tmp_path):
    (tmp_path / "secret.py").write_text("KEY = 1")
    put(tmp_path / "in" / "ada", **{"A1.ipynb": "{}"})
    (tmp_path / "in" / "ada" / "A1.py").symlink_to(tmp_path / "secret.py")
    (tmp_path / "in" / "ben").symlink_to(tmp_path / "in" / "ada")
    os.mkfifo(tmp_path / "in" / "ada" / "pipe.py")
    link = zipfile.ZipInfo("A1.py")
    link.external_attr = 0o120777 << 16
    put(tmp_path / "in", **{"cleo.zip": zipped({link: "/etc/passwd"})})
    here = {s.student: s for s in find_submissions(tmp_path / "in").submissions}
    assert [f.name for f in here["ada"].files] == ["A1.ipynb"]
    assert here["ada"].notes == (
        "ada/A1.py is a link, which is not followed.",
        "ada/pipe.py is no regular file.",
    )
    assert not here["cleo"].files
    assert "ben" not in here


def test_archives_that_mean_harm(tmp_path, monkeypatch):
    """Too large, too many, too deep, damaged, encrypted: each costs its own student, in a sentence."""
    monkeypatch.setattr(archives, "MAX_FILE", 100_000)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 50)
    deep = zipped({"A1.py": "x"})
    for _ in range(archives.MAX_DEPTH):
        deep = zipped({"in.zip": deep})
    encrypted = bytearray(zipped({"A1.py": "x" * 50}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + place] |= 1
    put(
        tmp_path,
        **{
            "bomb.zip": zipped({"A1.py": b"0" * 10_000_000}),
            "damaged.zip": zipped({"A1.py": "x" * 1000})[:-60],
            "deep.zip": deep,
            "encrypted.zip": bytes(encrypted),
            "many.zip": zipped({f"{k}.py": "x" for k in range(200)}),
            "right.zip": zipped({"A1.py": "x"}),
        },
    )
    here = {s.student: s for s in find_submissions(tmp_path).submissions}
    assert set(here) == {"bomb", "damaged", "deep", "encrypted", "many", "right"}
    with pytest.raises(ValueError, match="is larger than"):
        read_file(here["bomb"].files[0])
    with pytest.raises(ValueError, match="is encrypted"):
        read_file(here["encrypted"].files[0])
    assert "is no zip that can be read" in here["damaged"].notes[0]
    assert "is a zip more than 3 deep" in here["deep"].notes[0]
    assert "holds more than 50 files" in here["many"].notes[0]
    assert read_file(here["right"].files[0]) == b"x"


def test_many_files_of_one_student(tmp_path):
    put(tmp_path / "ada", **{f"{k:03d}.py": "x" for k in range(40)})
    (submission,) = find_submissions(tmp_path).submissions
    assert len(submission.files) == 20
    assert "40 notebooks and .py files; the first 20 were looked at." in submission.notes


def test_names_are_readable_and_unique(tmp_path):
    put(tmp_path, **{"a\u202eda.py": "x", "a da.py": "x", "A\u0308nn.py": "x", "new\nline.py": "x"})
    assert [s.student for s in find_submissions(tmp_path).submissions] == [
        "a da", "a da [2]", "new line", "Änn",
    ]  # fmt: skip


def test_safe_names():
    students = [
        "Ada L",
        "ada l",
        "../../etc/passwd",
        "CON",
        "=1+1",
        "Łukasz",
        "日本",
        "..",
        "a" * 300,
        "x/y",
        "x\\y",
    ]
    names = safe_names(students)
    assert len({name.casefold() for name in names.values()}) == len(students)
    assert names["Ada L"] == "Ada_L"
    assert names["Łukasz"] == "Łukasz"
    for name in names.values():
        assert not set(name) & set("/\\.:=<>|?*\"' ")
        assert 0 < len(name) < 80
        assert name.casefold() != "con"


def test_the_digest_follows_the_bytes(tmp_path):
    put(tmp_path, **{"ada.py": "x = 1"})
    (before,) = find_submissions(tmp_path).submissions
    first = before.digest()
    assert first == before.digest()
    put(tmp_path, **{"ada.py": "x = 2"})
    assert first != before.digest()


def test_no_submission(tmp_path):
    with pytest.raises(ValueError, match="holds no submission: expected notebooks"):
        find_submissions(tmp_path)
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="is no zip that can be read"):
        find_submissions(tmp_path / "x.zip")
    with pytest.raises(FileNotFoundError):
        find_submissions(tmp_path / "nothing")
