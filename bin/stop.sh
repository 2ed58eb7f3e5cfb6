#!/bin/sh
# Stop the service; returns when it is gone. Requests that it has accepted are answered first.
set -eu
cd "$(dirname "$0")/.."
. bin/process.sh

# A reload that was broken off leaves a second master.
if second=$(running_pid "$pid_file.2"); then
    end_master "$second" || true
fi
if ! pid=$(running_pid); then
    rm -f "$pid_file"
    echo 'The service is not running.'
    exit 0
fi
if end_master "$pid"; then
    echo 'The service has stopped.'
else
    rm -f "$pid_file"
fi
