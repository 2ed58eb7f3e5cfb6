#!/bin/sh
# Stop the service; returns when it is gone. Requests that it has accepted are answered first.
set -eu
cd "$(dirname "$0")/.."
. bin/process.sh

if ! pid=$(running_pid); then
    rm -f "$pid_file"
    echo 'The service is not running.'
    exit 0
fi
workers=$(cat "/proc/$pid/task/$pid/children" 2> /dev/null || ps -A -o pid= -o ppid= | awk -v p="$pid" '$2 == p { print $1 }')
kill -TERM "$pid"
tenths=0
while is_alive "$pid"; do
    if [ "$tenths" -ge 350 ]; then
        echo 'The service did not end within 35 s, so it was killed.' >&2
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL "$pid" $workers 2> /dev/null || true
        for each in $pid $workers; do
            while is_alive "$each"; do sleep 0.1; done
        done
        rm -f "$pid_file"
        exit 0
    fi
    sleep 0.1
    tenths=$((tenths + 1))
done
echo 'The service has stopped.'
