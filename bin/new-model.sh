#!/bin/sh
# Write a new model that works: new-model.sh Sentiment makes /v1/SentimentModel. Each place to change is marked TODO.
set -eu
cd "$(dirname "$0")/.."
sh bin/venv.sh requirements.txt
exec .venv/bin/python bin/new_model.py "$@"
