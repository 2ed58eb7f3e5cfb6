# For start.sh and stop.sh, which read this file: where the service keeps its pid, and whether it runs.
# shellcheck shell=sh
pid_file=$PWD/tmp/model-serving-demo.pid
# shellcheck disable=SC2034
log_file=$PWD/tmp/model-serving-demo.log

# Print the pid of this folder's service; fail when there is none. A pid file can outlive its process, and
# the pid may be another process's by now, so the command line must name this very pid file.
running_pid() {
    pid=$(cat "$pid_file" 2> /dev/null) || return 1
    case $pid in '' | *[!0-9]*) return 1 ;; esac
    if [ -r "/proc/$pid/cmdline" ]; then
        command_line=$(tr '\0' ' ' < "/proc/$pid/cmdline")
    else
        command_line=$(ps -o args= -p "$pid" 2> /dev/null) || return 1
    fi
    case $command_line in *"$pid_file"*) echo "$pid" ;; *) return 1 ;; esac
}

# Tell whether the process runs. One that has ended is still listed (as Z) until its parent asks for its status, which
# the first process of a container may never do.
is_alive() {
    kill -0 "$1" 2> /dev/null || return 1
    state=$(sed 's/.*) //' "/proc/$1/stat" 2> /dev/null || ps -o stat= -p "$1")
    case $state in '' | Z*) return 1 ;; esac
}
