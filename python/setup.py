"""Builds the native decoder where there is Rust; without it the package decodes in pure Python, and says that it is slow."""

from setuptools import setup
from setuptools_rust import Binding, RustExtension

setup(
    rust_extensions=[
        RustExtension(
            "lyne._native",
            path="native/Cargo.toml",
            binding=Binding.PyO3,
            py_limited_api=True,
            optional=True,
            debug=False,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
