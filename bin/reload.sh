#!/bin/sh
# Use new code, settings and model files, and lose no request; if they do not work, the service goes on as it is.
# systemd's ExecReload runs this too, with the service's process in MAINPID.
set -eu
cd "$(dirname "$0")/.."
. bin/process.sh
by_systemd=${MAINPID:+yes}

if ! old=${MAINPID:-$(running_pid)}; then
    echo 'The service is not running. Start it: bin/start.sh' >&2
    exit 1
fi
folder=$(folder_of "$old")
if [ -z "$folder" ]; then
    echo "Process $old cannot be reloaded. Restart it: bin/stop.sh, then bin/start.sh" >&2
    exit 1
fi
sh bin/venv.sh requirements.txt
# systemd's journal has the log.
[ -z "$by_systemd" ] || log_file=/dev/null
old_lines=$(wc -l < "$log_file")

fail() {
    [ -z "${new:-}" ] || end_master "$new" || true
    rm -f "$folder/next-$old"
    if [ -n "$by_systemd" ]; then
        echo "$1 The service goes on as before." >&2
    else
        say_why "$1 The service goes on as before."
    fi
    exit 1
}

# gunicorn starts a new master beside the old one, with the same sockets.
rm -f "$folder/next-$old"
# Until its process id is known, nobody could end it.
broken_off=
trap 'broken_off=yes' INT TERM HUP
kill -USR2 "$old"
tenths=0
until new=$(cat "$folder/next-$old" 2> /dev/null) && [ -n "$new" ]; do
    [ "$tenths" -lt 100 ] || fail 'gunicorn started no new master. Perhaps another reload is under way.'
    sleep 0.1 || true
    tenths=$((tenths + 1))
done
trap 'fail "The reload was broken off."' INT TERM HUP
[ -z "$broken_off" ] || fail 'The reload was broken off.'
tenths=0
until grep -q ready "$folder/master-$new" 2> /dev/null; do
    is_alive "$new" || fail 'The new version did not start.'
    is_alive "$old" || fail 'The service was stopped.'
    # Models may take long to load.
    [ "$tenths" -lt 3000 ] || fail 'The new version was not ready within 300 s, so it was ended.'
    sleep 0.1
    tenths=$((tenths + 1))
    [ $((tenths % 20)) -ne 0 ] || printf 'Starting, %s s …\n' $((tenths / 10))
done
trap '' INT TERM HUP
.venv/bin/python -c "from gunicorn import systemd; systemd.sd_notify('MAINPID=$new', None)"
end_master "$old" || true
# gunicorn looks once a second whether the old master has gone, and only then the new one gets the pid file.
if [ -n "$by_systemd" ]; then
    sleep 1.5
else
    until [ "$(running_pid)" = "$new" ]; do
        is_alive "$new" || { say_why 'The new version has ended.'; exit 1; }
        sleep 0.1
    done
fi
banner
echo "The service has been reloaded, as process $new."
