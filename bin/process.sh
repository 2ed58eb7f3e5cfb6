# For start.sh, stop.sh and reload.sh, which read this file: the service's pid and log, and how a process ends.
# shellcheck shell=sh
pid_file=$PWD/tmp/model-serving-demo.pid
log_file=$PWD/tmp/model-serving-demo.log

# Print the pid of this folder's service; fail when there is none. A pid file can outlive its process, and
# the pid may be another process's by now, so the command line must name this very pid file.
running_pid() {
    pid=$(cat "${1:-$pid_file}" 2> /dev/null) || return 1
    case $pid in '' | *[!0-9]*) return 1 ;; esac
    if [ -r "/proc/$pid/cmdline" ]; then
        command_line=$(tr '\0' ' ' < "/proc/$pid/cmdline")
    else
        command_line=$(ps -o args= -p "$pid" 2> /dev/null) || return 1
    fi
    case $command_line in *"$pid_file"*) echo "$pid" ;; *) return 1 ;; esac
}

# Print the folder that a master shares with its workers: see service_folder.py.
folder_of() {
    folder=
    for file in "/dev/shm/model-serving-shared-"*"/master-$1" "${TMPDIR:-/tmp}/model-serving-shared-"*"/master-$1"; do
        # Not what somebody else has made, such as a link to a folder of ours.
        [ ! -e "$file" ] || [ ! -O "${file%/*}" ] || [ -L "${file%/*}" ] || folder=${file%/*}
    done
    echo "$folder"
}

# Tell whether the process runs. One that has ended is still listed (as Z) until its parent asks for its status, which
# the first process of a container may never do.
is_alive() {
    kill -0 "$1" 2> /dev/null || return 1
    # It is asked ten times a second, so without another program where there is /proc.
    if read -r state 2> /dev/null < "/proc/$1/stat"; then state=${state##*) }; else state=$(ps -o stat= -p "$1"); fi
    case $state in '' | Z*) return 1 ;; esac
}

# Tell a master to end, and wait until it has answered what it has accepted. It is killed after 35 s, but not its child
# $new, the master of a new version.
end_master() {
    workers=$(cat "/proc/$1/task/$1/children" 2> /dev/null ||
        ps -A -o pid= -o ppid= | awk -v p="$1" '$2 == p { print $1 }')
    workers=$(for each in $workers; do [ "$each" = "${new:-}" ] || echo "$each"; done)
    kill -TERM "$1" 2> /dev/null || true
    tenths=0
    while is_alive "$1"; do
        if [ "$tenths" -ge 350 ]; then
            echo "The service, process $1, did not end within 35 s, so it was killed." >&2
            # gunicorn takes one that is killed for alive until its parent has asked for its status.
            [ "$(cat "$pid_file" 2> /dev/null)" != "$1" ] || rm -f "$pid_file"
            # shellcheck disable=SC2086 # a list of numbers
            kill -KILL "$1" $workers 2> /dev/null || true
            for each in $1 $workers; do
                while is_alive "$each"; do sleep 0.1; done
            done
            return 1
        fi
        sleep 0.1
        tenths=$((tenths + 1))
    done
}

# Print the lines that were added to the log since it had $old_lines lines; those of `log_format = json` as text.
new_lines() {
    tail -n "+$((old_lines + 1))" "$log_file" | sed -e '/^{"time": /{
        s/^{"time": "\([^"]*\)", "level": "\([^"]*\)", "logger": "\([^"]*\)", \(.*, \)*"message": "\(.*\)"}$/[\1] - [\2] - [\3] - \5/
        s/\\"/"/g
        s/\\\\/\\/g
    }'
}

# Print the banner, which is logged when all models have answered their examples.
banner() {
    new_lines | sed -n 's/^.* - \[start\] - //p'
}

# Say why a start failed, from the lines that it has added to the log.
say_why() {
    said='The service cannot start. '
    # Not a line of a traceback that has these words.
    line=$(new_lines | grep -E "^(\[.*\] - )?$said" | tail -n 1)
    # The reason alone: other lines would hide it.
    if [ -n "$line" ]; then
        echo "$1 Its log has more, such as tracebacks: tmp/model-serving-demo.log" >&2
        # From the first of these words on: the reason may hold them again.
        printf '%s\n' "$said${line#*"$said"}" >&2
    else
        echo "$1 The end of its log, tmp/model-serving-demo.log:" >&2
        # While a new version starts, the old one answers requests.
        new_lines | grep -v ' - \[access\] - ' | tail -n 20 >&2
    fi
}
