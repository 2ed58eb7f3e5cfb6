#!/bin/sh
# Print the path of a Chromium for the tests; gets one where there is none: as root Debian's, else Playwright's.
set -eu
cd "$(dirname "$0")/.."

find_browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome ||
        .venv/bin/python -c 'if True:
            import os, sys
            from playwright.sync_api import sync_playwright
            with sync_playwright() as playwright:
                path = playwright.chromium.executable_path
            print(path)
            sys.exit(not os.path.exists(path))'
}

if find_browser 2> /dev/null; then exit 0; fi
echo 'Getting Chromium for the tests of the page …' >&2
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    { apt-get update -q && apt-get install -y -q chromium; } >&2 || echo "Debian's Chromium could not be had." >&2
fi
if find_browser 2> /dev/null; then exit 0; fi
.venv/bin/python -m playwright install chromium >&2 || true
find_browser
