#!/bin/sh
# Replace the running version without losing a request. If the new one does not work, the old one goes on.
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
sh bin/venv.sh requirements.txt || { echo 'The service goes on as before.' >&2; exit 1; }
# systemd's journal has the log.
[ -z "$by_systemd" ] || log_file=/dev/null
touch "$log_file"
old_lines=$(wc -l < "$log_file")

fail() {
    # What is false once the service has been stopped.
    is_alive "$old" && goes_on=' The service goes on as before.' || goes_on=
    [ -z "${new:-}" ] || end_master "$new" || true
    if [ -n "$by_systemd" ]; then
        echo "$1$goes_on" >&2
    else
        say_why "$1$goes_on"
    fi
    exit 1
}

# gunicorn starts a new master beside the old one, with the same sockets.
before=$(cat "$folder/next-$old" 2> /dev/null || true)
if [ -n "$before" ] && is_alive "$before"; then
    echo "Another reload is under way, as process $before. To break it off: kill $before" >&2
    exit 1
fi
# gunicorn starts no new master while there is this file, if its number is that of any process.
running_pid "$pid_file.2" > /dev/null || rm -f "$pid_file.2"
# Wait for the pid of the new master, even when told to end: without it nobody could end that.
broken_off=
trap 'broken_off=yes' INT TERM HUP
kill -USR2 "$old"
tenths=0
until new=$(cat "$folder/next-$old" 2> /dev/null) && [ "${new:-$before}" != "$before" ]; do
    new=
    # While gunicorn replaces its workers after HUP, it does nothing else for up to 25 s.
    [ "$tenths" -lt 400 ] || fail 'gunicorn started no new master within 40 s.'
    sleep 0.1 || true
    tenths=$((tenths + 1))
done
trap 'fail "The reload was broken off."' INT TERM HUP
[ -z "$broken_off" ] || fail 'The reload was broken off.'
tenths=0
until grep -q ready "$folder/master-$new" 2> /dev/null; do
    is_alive "$old" || fail 'The service was stopped meanwhile.'
    is_alive "$new" || fail 'The new version did not start.'
    # Models may take long to load.
    [ "$tenths" -lt 3000 ] || fail 'The new version was not ready within 300 s, so it was ended.'
    sleep 0.1
    tenths=$((tenths + 1))
    [ $((tenths % 20)) -ne 0 ] || printf 'Starting, %s s …\n' $((tenths / 10))
done
is_alive "$new" || fail 'The new version has ended.'
trap '' INT TERM HUP
# systemd ignores a message whose sender has gone already.
[ -z "$by_systemd" ] || .venv/bin/python -c "
import logging, time
from gunicorn import systemd
systemd.sd_notify('MAINPID=$new', logging)
time.sleep(1)"
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
