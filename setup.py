"""Package metadata. `pip install -e .` for work in a clone, `pip wheel .` for a wheel to hand out."""

from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent

setup(
    name="cpm_edu",
    version="0.1.0",
    description="Convolutional Pose Machines, taught from a joint to a belief map to a pose",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["cpm_edu", "cpm_edu.*"]),
    include_package_data=True,
    install_requires=[
        "torch>=2.10",
        "numpy",
        "matplotlib",
        "pillow",
        "scipy",
        "tqdm",
        "safetensors",
        "pycocotools",
    ],
    extras_require={
        "test": ["pytest", "hypothesis"],
    },
    entry_points={"console_scripts": ["cpm-edu=cpm_edu.cli:main"]},
)
