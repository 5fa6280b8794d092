"""The built site as people see it, in a headless browser: whole, searchable, in two languages, on a phone too."""

import functools
import http.server
import importlib.util
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--no-proxy-server"]
PAGES = ["index", "examples", "gallery", "tutorials/lif_fc_mnist", "contributing", "api/index"]
PAGES += ["api/activation_based.neuron"]
BOTH = [f"{language}/{page}.html" for language in ("en", "zh") for page in PAGES]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def site() -> Path:
    """Both sites, built as `make docs` does."""
    for module in ("sphinx", "furo", "myst_nb"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f'{module} is not installed: pip install "spikingjelly[docs]"')
    built = subprocess.run(
        [sys.executable, "docs/build.py", "-page-limit", "600"], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return ROOT / "docs" / "_build" / "html"


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("selenium", reason='selenium is not installed: pip install "spikingjelly[docs]"')
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", "--lang=en-US"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield found
    found.quit()


def wait_until(browser: Any, script: str, seconds: float = 20) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, poll_frequency=0.1).until(lambda b: b.execute_script(f"return {script}"))


def show(browser: Any, url: str, width: int = 1280, colours: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get_log("browser")
    browser.get(url)
    formulas = "document.querySelectorAll('.math').length"
    wait_until(browser, f"document.querySelectorAll('.math mjx-container').length === {formulas}")


def errors(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.mark.parametrize("page", BOTH)
def test_pages_load_without_errors_and_without_a_network(page: str, address: str, browser: Any) -> None:
    show(browser, address + page)
    assert errors(browser) == []
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if not name.startswith((address, "data:"))] == []


def test_pictures_are_shown_not_named(site: Path) -> None:
    pages = sorted(site.glob("*/**/*.html"))
    assert len(pages) > 60
    named = "&lt;Figure size"  # what a figure is as text
    assert [str(path) for path in pages if named in path.read_text("utf-8")] == []


def test_all_formulas_are_understood(site: Path, address: str, browser: Any) -> None:
    pages = [path for path in sorted((site / "en").rglob("*.html")) if 'class="math' in path.read_text("utf-8")]
    assert len(pages) > 5
    wrong = "[...document.querySelectorAll('[data-mml-node=merror]')].map((error) => error.textContent)"
    found = {}
    for path in pages:
        show(browser, address + path.relative_to(site).as_posix())
        found[path.name] = browser.execute_script(f"return {wrong}")
    assert {page: formulas for page, formulas in found.items() if formulas} == {}


@pytest.mark.parametrize(
    ("language", "query", "page"),
    [
        ("en", "LIFNode", "api/activation_based.neuron.html"),
        ("zh", "LIFNode", "api/activation_based.neuron.html"),
        ("en", "membrane potential", "tutorials/lif_fc_mnist.html"),
        ("zh", "膜电位", "tutorials/lif_fc_mnist.html"),
        ("zh", "替代梯度", "tutorials/lif_fc_mnist.html"),
    ],
)
def test_search(language: str, query: str, page: str, address: str, browser: Any) -> None:
    show(browser, f"{address}{language}/search.html?q={query}")
    wait_until(browser, "document.querySelector('#search-progress, .search-summary, #search-results p')")
    hits = "[...document.querySelectorAll('#search-results a')].map((link) => link.href.split(/[?#]/)[0])"
    wait_until(browser, f"{hits}.includes('{address}{language}/{page}')")
    assert errors(browser) == []


@pytest.mark.parametrize("page", PAGES)
def test_the_switch_leads_to_the_same_page_in_the_other_language(page: str, address: str, browser: Any) -> None:
    show(browser, f"{address}en/{page}.html")
    alternate = browser.execute_script("return document.querySelector('link[rel=alternate][hreflang]').href")
    browser.find_element("css selector", ".language-switch a").click()
    wait_until(browser, "document.documentElement.lang.startsWith('zh')")
    assert browser.current_url == alternate == f"{address}zh/{page}.html"
    browser.find_element("css selector", ".language-switch a").click()
    wait_until(browser, "document.documentElement.lang.startsWith('en')")
    assert browser.current_url == f"{address}en/{page}.html"


def test_the_first_page_follows_the_language_of_the_browser(address: str, browser: Any) -> None:
    try:
        for languages, folder in {"zh-CN": "zh", "en-GB": "en", "de": "en", "de,zh": "zh", "en,zh": "en"}.items():
            override = {"userAgent": browser.execute_script("return navigator.userAgent"), "acceptLanguage": languages}
            browser.execute_cdp_cmd("Emulation.setUserAgentOverride", override)
            browser.get(address)
            wait_until(browser, f"location.pathname === '/{folder}/index.html'")
    finally:
        browser.execute_cdp_cmd("Emulation.setUserAgentOverride", {**override, "acceptLanguage": "en-US"})


# What is wider than the page scrolls inside a box of its own; everything else ends at its edge.
OVERFLOWING = """return [...document.querySelectorAll('.main *')].filter((element) => {
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.right <= innerWidth + 1) return false;
  for (let outer = element.parentElement; outer !== document.body; outer = outer.parentElement) {
    const hides = getComputedStyle(outer).overflowX !== 'visible';
    if (hides && outer.getBoundingClientRect().right <= innerWidth + 1) return false;
    if (getComputedStyle(outer).position === 'fixed') return false;
  }
  return !element.closest('.toc-drawer');
}).map((element) => element.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("page", BOTH)
def test_fits_on_a_phone(page: str, colours: str, address: str, browser: Any) -> None:
    show(browser, address + page, width=390, colours=colours)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    assert browser.execute_script(OVERFLOWING) == []
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background[4:-1].split(",")[:3]) / 3
    assert brightness > 200 if colours == "light" else brightness < 60
    assert browser.find_element("css selector", ".language-switch a").is_displayed()


def test_an_unknown_result_fails_the_build(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason='Sphinx is not installed: pip install "spikingjelly[docs]"')
    (tmp_path / "index.md").write_text("# Page\n\n{result}`examples/lif_fc_mnist: epochs -1 precision | .1%`\n")
    extensions = ROOT / "docs" / "_ext"
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(extensions)!r})\nextensions = ['myst_parser', 'stored_results']\n"
        f"stored_results_folder = {str(ROOT / 'benchmarks' / 'results')!r}\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(tmp_path), str(tmp_path / "html")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode != 0
    assert "index, line 3: 'examples/lif_fc_mnist: epochs -1 precision | .1%': 'precision' is none of" in run.stderr
