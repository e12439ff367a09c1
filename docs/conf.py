"""Configuration of the documentation: sphinx-build -W --keep-going -b html docs docs/_build, from the repository."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("COLUMNS", "100")  # width of what commands print

project, author, copyright = "Tieline", "the Tieline authors", "the Tieline authors, MIT licence"
version = release = installed("tieline")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "generated",  # ours: pages made from the command line and the studies; examples for the gallery
    "mathml",  # ours: equations without JavaScript
]
exclude_patterns = ["_build", "_generated", "examples", "_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
default_role = "py:obj"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
autosummary_generate = True
templates_path = ["_templates"]

sphinx_gallery_conf = {
    "examples_dirs": ["_generated/examples", "_generated/checks"],
    "gallery_dirs": ["gallery", "checks"],
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__",
    "image_scrapers": ("generated",),
    "within_subsection_order": "generated.gallery_place",
    "reset_modules": (),
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "only_warn_on_example_error": False,
    "abort_on_example_error": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "thumbnail_size": (400, 280),
    "default_thumb_file": str(HERE.parent / "experiments" / "studies" / "networked33_exchange.png"),
}
suppress_warnings = ["config.cache"]

html_theme = "pydata_sphinx_theme"
html_title = "Tieline"
html_static_path = ["_static"]
html_css_files = ["tieline.css"]
html_show_sourcelink = False
html_context = {"default_mode": "auto"}  # light or dark, as the browser is set
html_theme_options = {
    "logo": {"text": "Tieline"},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_center": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"**": ["globaltoc.html"]}


def magnitudes(app, what, name, obj, options, lines):
    """Keep |x| of docstrings a magnitude: in reStructuredText it would be a substitution."""
    lines[:] = [line if ">>>" in line else line.replace("|", r"\|") for line in lines]


def short_signature(app, what, name, obj, options, signature, returns):
    """Leave the defaults of a study out of the signatures of its parts, which would fill a page."""
    return ("(**values)", returns) if hasattr(obj, "model_fields") else None


def setup(app):
    """Connect what is changed of docstrings and signatures."""
    app.connect("autodoc-process-docstring", magnitudes)
    app.connect("autodoc-process-signature", short_signature)
