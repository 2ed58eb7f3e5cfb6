"""What a fork must not share: random numbers; and what it must: the log."""


def test_two_workers_never_return_the_same_random_numbers(make_gates, threads):
    service = make_gates({'WORKERS': '2'})
    answers = [service.post('/v1/RandomModel', {}).json()['result'] for _ in range(40)]
    assert len({pid for _, pid in answers}) == 2
    assert len({number for number, _ in answers}) == 40


def test_what_a_model_prints_is_in_the_log_at_once(make_gates):
    service = make_gates()
    assert service.post('/v1/RandomModel', {}).status_code == 200
    assert 'predicting 1\n' in service.log
