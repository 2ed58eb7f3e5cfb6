#!/bin/sh
# Stop the service; returns when it is gone. Requests that it has accepted are answered first.
set -eu
cd "$(dirname "$0")/.."
. bin/process.sh

pid=$(running_pid) || pid=
# A reload that was broken off leaves a new master. While its code is loaded, it has no pid file.
for file in "$pid_file.2" "$(folder_of "$pid")/next-$pid"; do
    if new=$(running_pid "$file"); then
        end_master "$new" || true
    fi
done
if [ -z "$pid" ]; then
    rm -f "$pid_file" "$pid_file.2"
    echo 'The service is not running.'
    exit 0
fi
if end_master "$pid"; then
    echo 'The service has stopped.'
fi
