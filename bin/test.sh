#!/bin/sh
# Check the style and run the tests: test.sh [--all] [pytest arguments]
# --all also runs what needs long or optional packages, each of these in an environment of its own under tmp/.
set -eu
cd "$(dirname "$0")/.."
all=
if [ "${1:-}" = --all ]; then
    all=yes
    shift
fi

sh bin/venv.sh requirements.txt requirements-dev.txt
sh bin/browser.sh || echo 'There is no browser, so the tests of the page are going to fail.' >&2
.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
# Most tests wait for processes, so three at a time take less, on two cores too.
.venv/bin/python -m pytest -n 3 --dist loadfile "$@"
[ -n "$all" ] || exit 0

.venv/bin/python -m pytest -m long "$@"
for requirements in tests/requirements/*.txt; do
    mark=$(basename "$requirements" .txt)
    environment=tmp/environments/$mark
    mkdir -p tmp/environments
    base=requirements.txt
    if [ "$mark" = gpu ]; then
        if ! nvidia-smi > /dev/null 2>&1; then
            echo 'Left out: the tests marked gpu, since nvidia-smi finds no GPU.'
            continue
        fi
        base=tmp/requirements-gpu.txt
        # Both packages install the same module.
        sed -e "s/^onnxruntime==.*/onnxruntime-gpu[cuda,cudnn]==1.31.1/" -e "s,^-c ,-c $PWD/," requirements.txt > "$base"
    fi
    VENV=$environment sh bin/venv.sh "$base" requirements-dev.txt "$requirements"
    "$environment/bin/python" -m pytest -m "$mark" "$@"
done
for requirements in tests/clients/requirements/*.txt; do
    mark=$(basename "$requirements" .txt)
    VENV=tmp/environments/clients-$mark sh bin/venv.sh "$requirements"
    .venv/bin/python -m pytest -m "$mark" tests/clients tests/docs tests/page "$@"
done
