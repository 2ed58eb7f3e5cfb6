"""The table of URLs: a row serves a model. Add yours here."""

from .models.digits_model import DigitsModel
from .models.file_type_model import FileTypeModel
from .models.ocr_model import OCRModel
from .models.text_model import TextModel
from .models.xxx_model import XXXModel
from .resources.digits_model_resource import DigitsModelResource
from .resources.file_type_model_resource import FileTypeModelResource
from .resources.ocr_model_resource import OCRModelResource
from .resources.text_model_resource import TextModelResource
from .resources.xxx_model_resource import XXXModelResource
from .serving.route import Route

ROUTES = (
    Route('/v1/XXXModel', XXXModelResource, XXXModel),
    Route('/v1/DigitsModel', DigitsModelResource, DigitsModel),
    Route('/v1/TextModel', TextModelResource, TextModel),
    Route('/v1/FileTypeModel', FileTypeModelResource, FileTypeModel, needs='magika'),
    Route('/v1/OCRModel', OCRModelResource, OCRModel, needs='rapidocr_onnxruntime'),
)
