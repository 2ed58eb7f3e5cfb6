#!/bin/sh
# Call the models with curl and show what they answer: request-demo.sh [http://127.0.0.1:9999]
# Where the service asks for an API key: API_KEY=… request-demo.sh
set -eu
url=${1:-http://${HOST:-127.0.0.1}:${PORT:-9999}}

# ask <title> <path> [<JSON>]
ask() {
    printf '%s\nPOST %s%s %s\n' "# $1" "$url" "$2" "${3:-}"
    if [ $# -gt 2 ]; then
        set -- "$2" --header 'Content-Type: application/json; charset=UTF-8' --data "$3"
    else
        set -- "$2"
    fi
    path=$1
    shift
    curl ${API_KEY:+--header "X-API-Key: $API_KEY"} --silent --show-error --request POST "$@" --write-out 'HTTP %{http_code}\n\n' "$url$path"
}

ask 'No JSON object' /v1/XXXModel
ask 'Invalid JSON object' /v1/XXXModel '{}'
ask 'Valid JSON object' /v1/XXXModel '{"name": "Leo"}'
ask 'A drawn digit' /v1/DigitsModel '{"image": [
    [0, 0, 0, 8, 15, 1, 0, 0],
    [0, 0, 1, 14, 13, 1, 1, 0],
    [0, 0, 10, 15, 3, 15, 11, 0],
    [0, 7, 16, 7, 1, 16, 8, 0],
    [0, 9, 16, 13, 14, 16, 5, 0],
    [0, 1, 10, 15, 16, 14, 0, 0],
    [0, 0, 0, 1, 16, 10, 0, 0],
    [0, 0, 0, 10, 15, 4, 0, 0]
]}'
