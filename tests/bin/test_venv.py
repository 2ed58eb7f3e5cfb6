"""The environment that bin/start.sh makes on its first use."""

import sys

import pytest

OLD_PYTHON = """#!/bin/sh
# What stands for a Python that is too old: it fails the question for its version, and tells it.
case $1 in -V) echo 'Python 3.9.2' ;; *) exit 1 ;; esac
"""
BARE_PYTHON = f"""#!/bin/sh
# A Python without the module venv, as Debian has it before python3-venv is installed.
exec {sys.executable} -c 'import sys; sys.modules["venv"] = None; exec(sys.argv[2])' "$@"
"""


@pytest.fixture
def bare(make_service):
    """A copy without `.venv`, as after a clone."""
    one = make_service(start=False)
    (one.folder / '.venv').unlink()
    return one


@pytest.mark.parametrize(
    'script, reason',
    [
        (None, 'There is no {python}. Install Python 3.11 or newer.'),
        (OLD_PYTHON, 'Python 3.11 or newer is needed; {python} is Python 3.9.2. Another one: PYTHON=python3.12'),
        (BARE_PYTHON, '{python} has no venv module. On Debian and Ubuntu: apt-get install python3-venv'),
    ],
    ids=['none', 'old', 'bare'],
)
def test_a_python_that_will_not_do(bare, script, reason):
    python = bare.folder / 'other-python'
    if script:
        python.write_text(script)
        python.chmod(0o755)
    finished = bare.run('bin/start.sh', env={**bare.environment, 'PYTHON': str(python)})
    assert finished.returncode == 1
    assert finished.stderr.startswith(reason.format(python=python))
    assert finished.stderr.count('\n') == 1
    assert not (bare.folder / '.venv').exists()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_first_start_makes_the_environment_and_mends_a_half_made_one(bare):
    def start():
        finished = bare.run('bin/start.sh', timeout=300)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert bare.post('/v1/XXXModel', json={'name': 'Leo'}).json() == {'result': 'Hello, Leo!'}
        bare.stop()
        return finished.stdout

    assert 'Making .venv with Python 3.' in start()
    again = start()
    assert 'Making .venv' not in again
    assert 'Installing' not in again
    with open(bare.folder / 'requirements.txt', 'a') as file:
        file.write('# Another line.\n')
    changed = start()
    assert 'Installing requirements.txt into .venv …' in changed
    assert 'Making .venv' not in changed
    # As a first start leaves it that is broken off.
    (bare.folder / '.venv' / 'half-made').touch()
    assert 'Making .venv' in start()
