#!/bin/sh
# Make .venv (or the folder VENV), or bring it up to date, from requirements files: venv.sh requirements.txt …
# Does nothing, and says nothing, when each of them is installed as it stands.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=${VENV:-.venv}

fail() {
    echo "$*" >&2
    exit 1
}

make_venv() {
    command -v "$python" > /dev/null || fail "There is no $python. Install Python 3.11 or newer."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1). Another one: PYTHON=python3.12 $0"
    "$python" -c 'import venv, ensurepip' 2> /dev/null ||
        fail "$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv"
    echo "Making $venv with $("$python" -V) …"
    "$python" -m venv --clear "$venv"
    : > "$venv/half-made"
    # To get this pip first takes less than what an older one, such as that of Python 3.11, needs longer.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check pip==26.3 ||
        echo "So the packages are installed by the pip of $python." >&2
}

# One whose making broke off, or whose Python is gone, is made again.
if [ -e "$venv/half-made" ] || ! "$venv/bin/python" -c 'import pip' > /dev/null 2>&1; then
    make_venv
fi
for requirements in "$@"; do
    stamp=$venv/installed-$(basename "$requirements")
    if ! cat constraints.txt "$requirements" | cmp -s - "$stamp"; then
        echo "Installing $requirements into $venv …"
        "$venv/bin/python" -m pip install --disable-pip-version-check --requirement "$requirements" ||
            fail "pip could not install $requirements: its own message stands above."
        cat constraints.txt "$requirements" > "$stamp"
    fi
done
rm -f "$venv/half-made"
