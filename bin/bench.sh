#!/bin/sh
# Measure the service and its peers side by side: bench.sh [--quick] [workload or peer …]; more: bench.sh --help
# Each peer gets an environment of its own under tmp/bench/env. Run it while nothing else does.
set -eu
cd "$(dirname "$0")/.."
command -v wrk > /dev/null || {
    echo 'The load is made by wrk, which is not there. On Debian and Ubuntu: apt-get install wrk' >&2
    exit 1
}
mkdir -p tmp/bench/env
VENV=tmp/bench/env/tools sh bin/venv.sh bench/requirements/tools.txt
exec tmp/bench/env/tools/bin/python bench/run.py "$@"
