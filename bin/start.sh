#!/bin/sh
# Start the service in the background; returns when it is ready. HOST, PORT, WORKERS, THREADS: conf/gunicorn.conf.py
set -eu
cd "$(dirname "$0")/.."
. bin/process.sh

if pid=$(running_pid); then
    echo "The service is running already, as process $pid. Stop it first: bin/stop.sh" >&2
    exit 1
fi
sh bin/venv.sh requirements.txt
mkdir -p tmp
rm -f "$pid_file"
touch "$log_file"
old_lines=$(wc -l < "$log_file")

nohup .venv/bin/gunicorn --config conf/gunicorn.conf.py --pid "$pid_file" main:app \
    >> "$log_file" 2>&1 < /dev/null &
pid=$!

new_lines() {
    tail -n "+$((old_lines + 1))" "$log_file"
}

# The service writes this line when its models have answered their examples.
waited=0
until new_lines | grep -q -F ' - [start] - Ready. Open '; do
    if ! is_alive "$pid"; then
        said='The service cannot start. '
        # Not a line of a traceback that has these words.
        line=$(new_lines | grep -E "^(\[.*\] - )?$said" | tail -n 1)
        # Beside its reason, what else was logged would only hide it.
        if [ -n "$line" ]; then
            echo 'The service did not start. Its log has more, such as tracebacks: tmp/model-serving-demo.log' >&2
            # From the first of these words on: the reason may hold them again.
            printf '%s\n' "$said${line#*"$said"}" >&2
        else
            echo 'The service did not start. The end of its log, tmp/model-serving-demo.log:' >&2
            new_lines | tail -n 20 >&2
        fi
        running_pid > /dev/null || rm -f "$pid_file"
        exit 1
    fi
    sleep 0.1
    waited=$((waited + 1))
    [ $((waited % 20)) -ne 0 ] || printf 'Starting, %s s …\n' $((waited / 10))
done
new_lines | sed -n 's/^.* - \[start\] - //p'
echo 'Log: tmp/model-serving-demo.log   Stop: bin/stop.sh'
