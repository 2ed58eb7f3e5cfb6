"""No command of a guide goes untried: its document has a test that runs it, or it is marked as not run."""

from tests.conftest import BASE_FOLDER
from tests.docs.test_code_blocks import DOCUMENTS, blocks_of

# These write files, or start and stop the service, so each is followed in a copy of the tree.
FOLLOWED = {
    'docs/add-a-model.md': 'test_add_a_model.py',
    'docs/configuration.md': 'test_operate.py',
    'docs/models.md': 'test_models.py',
    'docs/operate.md': 'test_operate.py',
}


def test_every_block_is_run_or_marked():
    documents = ['README.md', *(f'docs/{path.name}' for path in sorted((BASE_FOLDER / 'docs').glob('*.md')))]
    with_commands = {document for document in documents if any(block.is_run for block in blocks_of(document))}
    assert with_commands == {*DOCUMENTS, *FOLLOWED}


def test_what_follows_a_document_names_it():
    for document, test in FOLLOWED.items():
        source = (BASE_FOLDER / 'tests' / 'docs' / test).read_text(encoding='utf-8')
        assert f"'{document.removeprefix('docs/')}'" in source
