"""The site of docs/ builds with nothing to complain about, loads nothing from elsewhere, and links to what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r'<(?:script|img|iframe|link rel="(?:stylesheet|preconnect|icon)")[^>]*?\b(?:src|href)="([^"]*)"')
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
OUTSIDE = sorted(page for pattern in ("*.md", "charts/*/README.md", "tests/*/README.md") for page in ROOT.glob(pattern))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", directory]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    return directory


def test_every_page_of_docs_is_in_the_site(site: Path) -> None:
    built = {path.parent.relative_to(site).as_posix() for path in site.rglob("index.html")}
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}

    assert {page.removesuffix("index").rstrip("/") or "." for page in pages} <= built


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {url for page in site.rglob("*.html") for url in LOADED.findall(page.read_text())}

    assert any(url.endswith(".css") for url in loaded)
    assert any(url.endswith(".js") for url in loaded)
    assert not [url for url in loaded if url.startswith(("http:", "https:", "//"))]
    assert not [css for css in site.rglob("*.css") if re.search(r"url\(\"?(?:https?:)?//", css.read_text())]


@pytest.mark.parametrize("page", OUTSIDE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_outside_the_site_links_to_what_is_there(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if not link.startswith(("http:", "https:", "mailto:"))]

    assert not [link for link in links if not (page.parent / link).exists()]
