# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the documentation site; `make docs` builds it."""

project = "nodenet.fabric"
copyright = "2026, the nodenet.fabric authors"
author = "The nodenet.fabric authors"

extensions = ["sphinx_antsibull_ext"]
nitpicky = True
nitpick_ignore_regex = [
    # pages of ansible-core's own documentation: nothing is fetched for a build
    (r"std:ref", r"common_return_values|action_plugins|ansible_collections\.ansible\.builtin\..*"),
]
smartquotes = False
highlight_language = "yaml"
pygments_style = "ansible"
pygments_dark_style = "monokai"

html_theme = "furo"
html_title = "nodenet.fabric"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
