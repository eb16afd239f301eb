"""Configuration of the documentation. The build needs no network."""

import os
import sys
from pathlib import Path

import sklearn_audiosr

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import draw_rooms  # noqa: E402

draw_rooms.write(Path(sklearn_audiosr.__file__).parent, HERE / "generated" / "drawings")

project = "sklearn-audiosr"
author = "sklearn-audiosr developers"
copyright = f"2026, {author}"
version = release = sklearn_audiosr.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "auto_examples/**/*.ipynb"]
default_role = "literal"

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it
numpydoc_show_class_members = False  # _templates/autosummary/class.rst lists them
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib",),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_audiosr",),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
}

# A blank in the path of the checkout breaks no link: the examples' own names have none.
suppress_warnings = ["sphinx_gallery.space_in_filename"]

if os.environ.get("SKLEARN_AUDIOSR_INTERSPHINX"):  # fetches the inventories below
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-audiosr"
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_sidebars = {
    page: []
    for page in (
        "install", "quick_start", "architecture", "benchmarks", "changes", "contributing",
        "auto_examples/*",
    )
}  # fmt: skip
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
