"""conf/kubernetes.yaml is valid for Kubernetes, and agrees with the service, its image and its guide."""

import copy
import re

import pytest
import yaml

from model_serving.utils.settings import SECTIONS
from model_serving.web.access import PUBLIC_PATHS
from tests.docs.following import text_of

RESOURCES = {each['kind']: each for each in yaml.safe_load_all(text_of('conf/kubernetes.yaml'))}
DEPLOYMENT = RESOURCES['Deployment']['spec']
POD = DEPLOYMENT['template']['spec']
(CONTAINER,) = POD['containers']
PROBES = ('startupProbe', 'readinessProbe', 'livenessProbe')
OLDEST, NEWEST = '1.30', '1.37'


def found(pattern):
    """Return the number that conf/gunicorn.conf.py has in the place of the pattern's group."""
    return int(re.search(pattern, text_of('conf/gunicorn.conf.py'))[1])


def variables():
    return {each['name']: each['value'] for each in CONTAINER['env']}


@pytest.mark.parametrize('probe', PROBES)
def test_each_probe_is_answered_and_needs_no_key(service, probe):
    asked = CONTAINER[probe]['httpGet']
    assert asked['path'] in PUBLIC_PATHS
    assert service.get(asked['path']).status_code == 200
    assert asked['port'] == CONTAINER['ports'][0]['name']


def test_the_port_is_that_of_the_service_all_the_way():
    (port,) = RESOURCES['Service']['spec']['ports']
    assert port['targetPort'] == CONTAINER['ports'][0]['name']
    assert CONTAINER['ports'][0]['containerPort'] == found(r"_number\(_port, '(\d+)'")


def test_there_is_time_for_the_pause_and_for_accepted_requests():
    pause = CONTAINER['lifecycle']['preStop']['sleep']['seconds']
    assert POD['terminationGracePeriodSeconds'] >= pause + found(r'graceful_timeout = (\d+)') + 5


def test_there_are_as_many_workers_as_cores():
    assert variables()['WORKERS'] == CONTAINER['resources']['limits']['cpu']


def test_its_variables_are_settings_and_its_keys_are_mounted():
    settings = {f'MODEL_SERVING_SERVING_{key.upper()}' for key in SECTIONS['serving']}
    assert {'WORKERS', 'THREADS', *settings} >= set(variables())
    folder, _, name = variables()['MODEL_SERVING_SERVING_API_KEYS'].rpartition('/')
    (mount,) = [each for each in CONTAINER['volumeMounts'] if each['mountPath'] == folder]
    (volume,) = [each for each in POD['volumes'] if each['name'] == mount['name']]
    # The guide makes the Secret.
    assert f'secret generic {volume["secret"]["secretName"]} --from-file={name}=' in text_of(
        'docs/deploy-kubernetes.md'
    )


def test_all_parts_mean_the_same_pods():
    labels = DEPLOYMENT['template']['metadata']['labels']
    (spread,) = POD['topologySpreadConstraints']
    selectors = [DEPLOYMENT['selector'], spread['labelSelector'], RESOURCES['PodDisruptionBudget']['spec']['selector']]
    assert [each['matchLabels'] for each in selectors] == [labels] * 3
    assert RESOURCES['Service']['spec']['selector'] == labels
    target = RESOURCES['HorizontalPodAutoscaler']['spec']['scaleTargetRef']
    deployment = RESOURCES['Deployment']
    named = {'apiVersion': deployment['apiVersion'], 'kind': 'Deployment', 'name': deployment['metadata']['name']}
    assert target == named


def test_the_versions_of_the_guide_are_those_that_are_checked():
    for document in ('docs/deploy-kubernetes.md', 'conf/kubernetes.yaml'):
        assert f'Kubernetes {OLDEST} or newer' in text_of(document)
    assert f'{OLDEST} and {NEWEST}' in text_of('docs/deploy-kubernetes.md')


@pytest.mark.kubernetes
@pytest.mark.parametrize('version', [OLDEST, NEWEST])
@pytest.mark.parametrize('kind', RESOURCES)
def test_it_has_the_schema_of_kubernetes(kind, version):
    import kubernetes_validate

    assert kubernetes_validate.validate(RESOURCES[kind], version, strict=True) == version


# The last one is older than the pause in seconds.
@pytest.mark.kubernetes
@pytest.mark.parametrize(
    'key, value, version',
    [('livenesProbe', {}, NEWEST), ('ports', [{'containerPort': 'http'}], NEWEST), ('image', 'a', '1.28')],
)
def test_a_mistake_is_found(key, value, version):
    import kubernetes_validate

    wrong = copy.deepcopy(RESOURCES['Deployment'])
    wrong['spec']['template']['spec']['containers'][0][key] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)
