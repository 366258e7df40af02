"""Package metadata. `pip install -e .` to work in a clone, `pip wheel --no-deps .` for a wheel to hand out."""

import shutil
from pathlib import Path

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
BUNDLED = ("notebooks", "csrc")  # folders of the clone that a wheel carries inside the package


class BuildWithFolders(build_py):
    """Also copy the notebooks and kernel sources to cpm_edu/_bundled of the wheel; never the masters of assignments."""

    def run(self):
        super().run()
        if getattr(self, "editable_mode", False):
            return
        for name in BUNDLED:
            target = Path(self.build_lib) / "cpm_edu" / "_bundled" / name
            shutil.rmtree(target, ignore_errors=True)
            if (HERE / name).is_dir():
                ignore = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", "*.py", "assignments")
                shutil.copytree(HERE / name, target, ignore=ignore)


class DistributionWithData(Distribution):
    """An editable install asks for `has_data`, which setuptools lacks, before it installs data_files."""

    def has_data(self):
        return self.has_data_files()


setup(
    distclass=DistributionWithData,
    name="cpm_edu",
    version="0.1.0",
    description="Convolutional Pose Machines, taught from a joint to a belief map to a pose",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.10",
    packages=find_packages(include=["cpm_edu", "cpm_edu.*"]),
    package_data={
        "cpm_edu": [
            "weights/*.safetensors",
            "weights/*.md",
            "photos/*.jpg",
            "figures/interactive/*.js",
            "figures/interactive/*.css",
            "figures/interactive/*.npz",
            "course/*.js",
            "course/*.css",
            "jupyter/*.json",
        ]
    },
    data_files=[("etc/jupyter/jupyter_server_config.d", ["cpm_edu/jupyter/cpm_edu.json"])],
    cmdclass={"build_py": BuildWithFolders},
    install_requires=[
        "torch>=2.10",
        "numpy",
        "matplotlib",
        "anywidget>=0.9",
        "jupyterlab",
        "ipywidgets",
        "pycocotools",
        "ninja",
        "pillow",
        "safetensors",
        "scipy",
        "tqdm",
    ],
    extras_require={
        "test": [
            "hypothesis",
            "ipykernel",
            "jupytext",
            "nbclient",
            "nbformat",
            "psutil",
            "pytest",
            "pytest-xdist",
        ],
        "docs": [
            "ipykernel",
            "myst-nb",
            "nbclient",
            "nbformat",
            "psutil",
            "pydata-sphinx-theme",
            "sphinx",
        ],
        "dev": ["pre-commit", "ruff"],
    },
    entry_points={"console_scripts": ["cpm-edu=cpm_edu.cli:main"]},
)
