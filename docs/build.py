"""Build both sites: ``python docs/build.py``, in two languages, below ``docs/_build/html``.

Warnings are errors, and so is a cell that raises or writes to stderr, a page beyond its time limit and a link that
leads nowhere. What a page's cells gave is kept until the package or PyTorch changes; the Chinese page, which has the
same cells, takes it from the English one.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
BUILD = DOCS / "_build"
START_OF_PAGE = DOCS / "start_of_page.py"
LANGUAGES = ("en", "zh")


def state_of_the_code() -> str:
    """Changes with the package, PyTorch and what a page's kernel starts with: then pages are executed anew."""
    import torch

    digest = hashlib.sha256(torch.__version__.encode())
    for path in [START_OF_PAGE, *sorted((ROOT / "spikingjelly").rglob("*.py"))]:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def executed_pages() -> Path:
    """The folder of what cells gave for this state of the code; those of other states are removed."""
    folder = BUILD / "executed" / state_of_the_code()
    for other in (BUILD / "executed").glob("*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def environment() -> dict[str, str]:
    """One thread, pictures in the site's style, no progress bars, this checkout, nobody's own profile of IPython."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kernel = {"PYTHONSTARTUP": str(START_OF_PAGE), "IPYTHONDIR": str(BUILD / "ipython"), "TQDM_DISABLE": "1"}
    return os.environ | one_thread | kernel | {"PYTHONPATH": path, "MATPLOTLIBRC": str(DOCS / "matplotlibrc")}


def build(language: str, executed: Path, page_limit: int) -> None:
    """One site; raises CalledProcessError if Sphinx is not content."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", str(DOCS)]
    command += ["-t", language, "-D", f"nb_execution_cache_path={executed}", "-d", str(BUILD / "doctrees" / language)]
    command += ["-D", f"page_time_limit={page_limit}", "-D", f"nb_execution_timeout={page_limit}"]
    start = time.perf_counter()
    subprocess.run(
        [*command, str(DOCS / language), str(BUILD / "html" / language)], check=True, cwd=DOCS, env=environment()
    )
    print(f"{language}: {time.perf_counter() - start:.0f} s", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the documentation in both languages.")
    parser.add_argument("-language", choices=LANGUAGES, help="only this one; links to the other are not checked then")
    parser.add_argument("-page-limit", type=int, default=120, help="seconds a page may take; more on a busy machine")
    args = parser.parse_args(argv)
    only = args.language
    executed = executed_pages()
    for language in [only] if only else LANGUAGES:
        build(language, executed, args.page_limit)
    if only:
        return 0
    shutil.copy(DOCS / "choose_language.html", BUILD / "html" / "index.html")
    sys.path.insert(0, str(DOCS / "_ext"))
    import site_links

    broken = site_links.broken_links(BUILD / "html")
    for link in broken:
        print(f"broken link: {link}")
    print(f"open {BUILD / 'html' / 'index.html'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
