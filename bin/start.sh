#!/bin/sh
# Start the service in the background; returns when it is ready. HOST, PORT, WORKERS, THREADS: conf/gunicorn.conf.py
set -eu
cd "$(dirname "$0")/.."
. bin/process.sh

if pid=$(running_pid); then
    echo "The service is running already, as process $pid. Stop it: bin/stop.sh, or use new code: bin/reload.sh" >&2
    exit 1
fi
sh bin/venv.sh requirements.txt
mkdir -p tmp
rm -f "$pid_file" "$pid_file.2"
touch "$log_file"
old_lines=$(wc -l < "$log_file")

nohup .venv/bin/gunicorn --config conf/gunicorn.conf.py --pid "$pid_file" main:app \
    >> "$log_file" 2>&1 < /dev/null &
pid=$!

waited=0
# While models are loaded, the first grep alone takes little of the processor from them.
until grep -q 'Ready\. Open ' "$log_file" && banner | grep -q '^Ready\. Open '; do
    if ! is_alive "$pid"; then
        say_why 'The service did not start.'
        running_pid > /dev/null || rm -f "$pid_file"
        exit 1
    fi
    sleep 0.1
    waited=$((waited + 1))
    [ $((waited % 20)) -ne 0 ] || printf 'Starting, %s s …\n' $((waited / 10))
done
banner
echo 'Log: tmp/model-serving-demo.log   Stop: bin/stop.sh'
