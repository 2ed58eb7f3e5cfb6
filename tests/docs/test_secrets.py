"""docs/secrets.md: a model that needs a variable, started without it and with a file of variables."""

import pytest

from tests.docs.following import assert_shown, blocks, follow, text_of

BLOCKS = blocks(text_of('docs/secrets.md'))
MODEL = [block for block in BLOCKS if block.path and block.path.startswith(('model_serving/', 'conf/'))]
(VARIABLES,) = [block for block in BLOCKS if block.path == '/etc/model-serving.env']
(START,) = [block for block in BLOCKS if 'bin/start.sh' in block.text]
(SHOWN,) = [block for block in BLOCKS if block.text.startswith('The service cannot start.')]


@pytest.mark.long
def test_without_the_variable_the_start_names_it_and_with_its_file_it_starts(make_service, tmp_path):
    one = make_service(environment={'WORKERS': '1'}, start=False)
    assert one.run('bin/new-model.sh', 'Sentiment').returncode == 0
    follow(one, MODEL)
    refused = one.run('bin/start.sh')
    assert refused.returncode == 1
    assert_shown(refused.stderr.splitlines()[-1], SHOWN)

    file = tmp_path / 'model-serving.env'
    file.write_text(VARIABLES.text)
    started = one.run('sh', '-euc', START.text.replace(VARIABLES.path, f"'{file}'"))
    assert started.returncode == 0, started.stderr
    answer = one.post('/v1/SentimentModel?key=not-in-the-log', {'text': ''})
    assert answer.json() == {'result': {'characters': len('replace-me')}}
    one.stop()
    assert '"POST /v1/SentimentModel" 200 ' in one.log
    assert 'not-in-the-log' not in one.log
    assert 'replace-me' not in one.log
