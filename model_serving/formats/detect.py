"""Detects a file's format from its first bytes or its archive's members, because a suffix may be wrong."""

import zipfile
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of file: the `suffix` of its format if it can be served, or else `advice` on how to convert it."""

    name: str
    suffix: str = ''
    advice: str = ''


SKOPS = (
    "convert it where you trained it, by: import joblib, skops.io; skops.io.dump(joblib.load('{name}'), 'model.skops') "
    "(XGBoost: model.save_model('model.ubj'); LightGBM: model.booster_.save_model('model.txt')), and serve that."
)
TORCH = (
    'export the network with its weights (pip install onnxscript==0.7.2), by: import torch; '
    "torch.onnx.export(model.eval(), (example,), 'model.onnx', dynamo=True, "
    "dynamic_shapes=({{0: torch.export.Dim('n')}},)), and serve model.onnx, with model.onnx.data beside it."
)
# With the PyTorch backend, Keras exports only a model that has been called.
KERAS = (
    "convert it, by: import keras; model = keras.saving.load_model('{name}'); model.predict(X), with some rows X; "
    "model.export('model.onnx', format='onnx'), and serve model.onnx."
)
CATBOOST = (
    'convert it, by: from catboost import CatBoost; '
    "CatBoost().load_model('{name}').save_model('model.onnx', format='onnx'), and serve model.onnx."
)
TENSORFLOW = 'convert it, by: python -m tf2onnx.convert {option} {name} --output model.onnx, and serve model.onnx.'

SKOPS_FILE = Kind('a skops file', '.skops')
XGBOOST_FILE = Kind('an XGBoost model', '.ubj')
LIGHTGBM_FILE = Kind('a LightGBM model', '.txt')
PT2_FILE = Kind('a PyTorch exported program', '.pt2')
PICKLE = Kind('a pickle', advice=f'loading it may run any code, so it is never loaded. Instead {SKOPS}')
JOBLIB = Kind('a joblib file', advice=f'loading it may run any code, so it is never loaded. Instead {SKOPS}')
TORCH_SAVED = Kind('a file of torch.save', advice=f'it holds a pickle, which is never loaded. Instead {TORCH}')
TORCHSCRIPT = Kind('TorchScript', advice=f'PyTorch no longer supports it. E{TORCH[1:]}')
KERAS_FILE = Kind('a Keras model', advice=KERAS)
CATBOOST_FILE = Kind('a CatBoost model', advice=CATBOOST)
XGBOOST_OLD = Kind(
    "an XGBoost model in XGBoost's old binary form",
    advice="save it again, with the version that wrote it, by model.save_model('model.ubj'), and serve that.",
)
TFLITE = Kind('a TensorFlow Lite model', advice=TENSORFLOW.replace('{option}', '--tflite'))
SAVED_MODEL = Kind('a TensorFlow SavedModel', advice=TENSORFLOW.replace('{option}', '--saved-model'))
LFS_POINTER = Kind('only the pointer to a file in Git LFS', advice='fetch the file itself, by: git lfs pull')
COMPRESSED = Kind('a compressed file', advice='unpack it, by: gunzip {name}, and serve what comes out.')
FROZEN_GRAPH = Kind(
    'a graph of TensorFlow, or a part of a SavedModel',
    advice='convert the folder that saved_model.pb is in, by: python -m tf2onnx.convert --saved-model FOLDER --output '
    'model.onnx, or a frozen graph with --graphdef {name} --inputs … --outputs …, and serve model.onnx.',
)
CORE_ML = Kind(
    'a Core ML model',
    advice="it runs on Apple's systems only. Convert what it was made from to ONNX, and serve model.onnx.",
)
RENAMED_ONNX = Kind('an ONNX model, as far as its first bytes tell', advice='rename it so that it ends with .onnx')
WEIGHTS = Kind('weights without a network', advice=f'load them into the network and {TORCH}')

# The kind of file that each suffix stands for.
NAMES = {kind.suffix: kind.name for kind in (SKOPS_FILE, XGBOOST_FILE, LIGHTGBM_FILE, PT2_FILE)}
NAMES['.json'] = XGBOOST_FILE.name

STARTS = (
    (b'{L\0\0\0\0\0\0\0\x07learner', XGBOOST_FILE),
    (b'tree\n', LIGHTGBM_FILE),
    (b'tree\r\n', LIGHTGBM_FILE),
    (b'binf', XGBOOST_OLD),
    (b'CBM1', CATBOOST_FILE),
    (b'\x89HDF', KERAS_FILE),
    (b'\x1f\x8b', COMPRESSED),
    (b'version https://git-lfs', LFS_POINTER),
    *((bytes([0x80, protocol]), PICKLE) for protocol in range(2, 6)),
)
# Words in the first bytes of a JSON file.
WORDS = ((b'"learner"', XGBOOST_FILE), (b'"oblivious_trees"', CATBOOST_FILE), (b'"features_info"', CATBOOST_FILE))
# Members of a zip archive; the first match decides.
MEMBERS = (
    ('archive_format', PT2_FILE),
    ('serialized_exported_program.json', PT2_FILE),
    ('model.weights.h5', KERAS_FILE),
    ('constants.pkl', TORCHSCRIPT),
    ('data.pkl', TORCH_SAVED),
    ('schema.json', SKOPS_FILE),
)
# For files without a signature.
SUFFIXES = {
    '.pkl': PICKLE,
    '.pickle': PICKLE,
    '.joblib': JOBLIB,
    '.pt': TORCH_SAVED,
    '.pth': TORCH_SAVED,
    '.ckpt': TORCH_SAVED,
    '.h5': KERAS_FILE,
    '.keras': KERAS_FILE,
    '.cbm': CATBOOST_FILE,
    '.pb': FROZEN_GRAPH,
    '.mlmodel': CORE_ML,
    '.mlpackage': CORE_ML,
}


def kind_of(path) -> Kind | None:
    """Return what the file or folder is, None if it can't be told, as with ONNX; raises OSError."""
    if path.is_dir():
        return SAVED_MODEL if (path / 'saved_model.pb').exists() else SUFFIXES.get(path.suffix.lower())
    with open(path, 'rb') as file:
        head = file.read(4096)
    found = _by_head(head) or (_by_members(path) if head.startswith(b'PK') else None)
    by_suffix = SUFFIXES.get(path.suffix.lower())
    # A joblib file is a pickle too, so here the suffix decides.
    found = by_suffix if found in (None, PICKLE) and by_suffix else found
    return RENAMED_ONNX if found is None and path.suffix.lower() != '.onnx' and _may_be_onnx(head) else found


def _may_be_onnx(head):
    """Tell whether the first field is a version of ONNX's format, and a known field of the model follows."""
    return len(head) > 2 and head[0] == 0x08 and 3 <= head[1] <= 15 and head[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42)


def _by_head(head):
    for start, kind in STARTS:
        if head.startswith(start):
            return kind
    if head[4:8] == b'TFL3':
        return TFLITE
    if head[8:9] == b'{' and b'"data_offsets"' in head:
        return WEIGHTS
    if head.lstrip().startswith(b'{'):
        return next((kind for word, kind in WORDS if word in head), None)
    return None


def _by_members(path):
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        return None
    # In a truncated archive zipfile may find a complete archive that is a member of it.
    if not members or min(member.header_offset for member in members):
        return None
    names = [member.filename.rpartition('/')[2] for member in members]
    return next((kind for name, kind in MEMBERS if name in names), None)
