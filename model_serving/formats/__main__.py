"""The child process that reads the schemas of a file: settings as JSON on stdin, the schemas as JSON on stdout."""

import json
import os
import sys

from ..serving.errors import StartError
from . import read_schemas


def main():
    # Some frameworks print on stdout, and from C at any time: that goes to the log.
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    try:
        schema, result_schema = read_schemas(json.load(sys.stdin))
        answer = {'schema': schema, 'result_schema': result_schema}
    except StartError as error:
        answer = {'error': str(error)}
    json.dump(answer, answers)
    answers.close()


main()
