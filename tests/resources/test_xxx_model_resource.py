def test_the_contract_of_the_article(service):
    no_body = service.post('/v1/XXXModel')
    assert (no_body.status_code, no_body.json()['message']) == (400, 'No JSON object')

    invalid = service.post('/v1/XXXModel', json={})
    assert invalid.status_code == 400
    assert invalid.json()['message'] == "'name' is a required property"
    assert invalid.json()['errors'] == [{'path': '', 'message': "'name' is a required property"}]

    valid = service.post('/v1/XXXModel', json={'name': 'Leo'})
    assert (valid.status_code, valid.json()) == (200, {'result': 'Hello, Leo!'})
