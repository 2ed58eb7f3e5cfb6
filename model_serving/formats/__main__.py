"""The process that reads the schemas of files: a line of JSON on stdin, the settings, is answered by one on stdout."""

import json
import os
import sys

from ..serving.errors import StartError
from . import read_schemas


def main():
    # Some frameworks print on stdout, and from C at any time: that goes to the log.
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            schema, result_schema = read_schemas(json.loads(line))
            answer = {'schema': schema, 'result_schema': result_schema}
        except StartError as error:
            answer = {'error': str(error)}
        print(json.dumps(answer), file=answers, flush=True)


main()
