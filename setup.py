"""What tinyconv is called, what it needs and what its wheel carries; tool settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "tinyconv" / "__init__.py").read_text(encoding="utf-8"), re.M)

NOTEBOOKS = ["jupytext>=1.16", "nbclient>=0.10", "nbformat>=5.10", "ipykernel>=6.29"]
TEST = ["pytest>=8.0", "hypothesis>=6.100", "onnx>=1.16", *NOTEBOOKS]
DEV = ["ruff>=0.9", "mypy>=1.14", *TEST]
BENCH = ["torch>=2.4", "onnx>=1.16", "onnxruntime>=1.18", "mygrad>=2.2"]  # the rivals of `tinyconv bench`
ORACLE = ["torch>=2.4", "pytorch-metric-learning>=2.8", "scikit-learn>=1.5"]  # what `pytest -m oracle` compares with

setup(
    name="tinyconv",
    version=VERSION[1],
    description="A course that runs and a framework you can read: ConvNets by hand in NumPy and Numba.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="tinyconv contributors",
    license="MIT",
    license_files=["LICENSE"],
    keywords=["convolution", "autograd", "neural style transfer", "face verification", "education"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Education",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["tinyconv", "tinyconv.*"]),
    package_data={
        "tinyconv": ["py.typed"],
        "tinyconv.models": ["weights/*.npz"],
        "tinyconv.experiments": ["results/*.json"],
    },
    include_package_data=False,
    zip_safe=False,
    install_requires=["numpy>=2.0", "numba>=0.60", "pillow>=10.3", "matplotlib>=3.9", "tqdm>=4.66", "pooch>=1.8",
                      "platformdirs>=3.0"],
    extras_require={"test": TEST, "notebooks": NOTEBOOKS, "dev": DEV, "bench": BENCH, "oracle": ORACLE},
    entry_points={"console_scripts": ["tinyconv = tinyconv.cli.main:main"]},
)
