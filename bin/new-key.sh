#!/bin/sh
# Make an API key, for all models or for some: new-key.sh NAME [MODEL …]. It is printed once; its SHA-256 is kept.
set -eu
cd "$(dirname "$0")/.."
sh bin/venv.sh requirements.txt >&2
exec .venv/bin/python bin/new_key.py "$@"
