"""Settings of both sites, English and Chinese; ``docs/build.py`` gives the folder of the pages and the tag."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

import spikingjelly  # noqa: E402

CHINESE = tags.has("zh")  # type: ignore[name-defined]  # noqa: F821

project = "SpikingJelly"
release = version = spikingjelly.__version__
language = "zh_CN" if CHINESE else "en"
locale_dirs = [str(DOCS / "_locale")]
html_title = "SpikingJelly 文档" if CHINESE else "SpikingJelly"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "api_links",
    "api_reference",
    "chinese_search",
    "local_mathjax",
    "page_times",
    "stored_results",
    "two_languages",
]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
root_doc = "index"
exclude_patterns = ["**/.ipynb_checkpoints"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline", "substitution"]
myst_substitutions = {"version": version}
myst_heading_anchors = 3

nb_code_prompt_show = "显示代码" if CHINESE else "Show the code"
nb_code_prompt_hide = "隐藏代码" if CHINESE else "Hide the code"
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / "executed")  # docs/build.py gives another for each state of the code
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "warn"
nb_merge_streams = True
page_time_limit = 120

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 88
add_module_names = False

pygments_dark_style = "github-dark"
html_theme = "furo"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": ["view"], "navigation_with_keys": True}
html_search_language = "zh" if CHINESE else "en"

stored_results_folder = str(DOCS.parent / "benchmarks" / "results")
api_package = "spikingjelly"
