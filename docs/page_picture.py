"""Pictures of the page that `keepgate serve` opens, for the guide: the answer of the network that remembers, explained.

    python -m docs.page_picture

Needs Debian's chromium and playwright, both of which the tests of the page need too.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FIGURES = Path(__file__).parent / "guide" / "figures"
SIZE = {"width": 1280, "height": 1160}


def main() -> None:
    command = [sys.executable, "-m", "keepgate.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for language in ("en", "zh-TW"):
                page = browser.new_page(viewport=SIZE, locale=language, color_scheme="light")
                page.goto(address)
                cards = page.get_by_role("button", name="魯夫" if language == "zh-TW" else "Luffy")
                cards.first.click()
                page.wait_for_load_state("networkidle")
                page.evaluate("window.scrollTo(0, 0)")
                page.screenshot(path=FIGURES / f"page.{language}.png")
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
