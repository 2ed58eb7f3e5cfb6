"""Reads a .conf file; the one line that says what is wrong with it names the file, and the key or the line."""

import configparser

from ..serving.errors import StartError
from .settings import SECTIONS
from .text_utils import clip, did_you_mean

# Sections of a model's own file, whose keys are names of its own: `image = serving_default_input_2:0` for a model file,
# `device = cuda` for a class.
OWN_SECTIONS = ('inputs', 'outputs', 'params')
KNOWN_SECTIONS = ('serving', 'model', *OWN_SECTIONS)
THERE_ARE = 'There are [serving], [model], [inputs], [outputs] and [params].'


def read(path) -> tuple:
    """Return the name of the model, if there is one, and the values by section and key; raises StartError."""
    texts = _parsed(path)
    name = texts.get('model', {}).pop('name', None)
    values = {section: _values(path, section, its_texts) for section, its_texts in texts.items()}
    fault = _fault_of_general(name, values) if path.name == 'serving.conf' else _fault_of_own(name, values)
    if fault:
        raise StartError(f'{path}: {fault}')
    return name, values


def _parsed(path):
    """Return the texts of a file, by section and key."""
    # [DEFAULT] is a section like any other, so it is unknown.
    parser = configparser.ConfigParser(interpolation=None, default_section='')
    parser.optionxform = str
    try:
        # utf-8-sig removes the byte order mark that editors on Windows add.
        text = path.read_text(encoding='utf-8-sig')
        parser.read_string(text, source=str(path))
    except OSError as error:
        raise StartError(f'{path} cannot be read: {error.strerror}.') from error
    except configparser.ParsingError as error:
        # MissingSectionHeaderError keeps the number of the line in `lineno`, other errors in `errors`.
        is_above = isinstance(error, configparser.MissingSectionHeaderError)
        number = error.lineno if is_above else error.errors[0][0]
        raise StartError(f'{path}: {_fault_of_line(text, number, is_above)}') from error
    except UnicodeDecodeError as error:
        raise StartError(f'{path}: byte {error.start} is not UTF-8. Save the file as UTF-8.') from error
    except configparser.DuplicateOptionError as error:
        fault = f'line {error.lineno}: [{error.section}] has {error.option} already. Delete one of the two.'
        raise StartError(f'{path}: {fault}') from error
    except configparser.DuplicateSectionError as error:
        fault = f'line {error.lineno}: [{error.section}] is there already. Make one section of the two.'
        raise StartError(f'{path}: {fault}') from error
    sections = {section: dict(parser[section]) for section in parser.sections()}
    return {
        section: texts if section in OWN_SECTIONS else {key.lower(): text for key, text in texts.items()}
        for section, texts in sections.items()
    }


def _fault_of_line(text, number, is_above):
    line = clip(text.split('\n')[number - 1].strip(), 80)
    if line.startswith('['):
        return f'line {number}: {line} does not name a section. {THERE_ARE}'
    if is_above:
        return f'line {number}: {line} stands above the first section. Write [model] above it.'
    return f'line {number}: {line} does not have the form key = value.'


def _fault_of_general(name, sections):
    """Return why these sections, of which [model] may have a name, can't stand in serving.conf; None if they can."""
    if name:
        return f'[model] name = {name}: the settings of one model belong in a .conf file of their own.'
    wrong = [section for section in sections if section in OWN_SECTIONS]
    return f'[{wrong[0]}] belongs in the .conf file of its model.' if wrong else None


def _fault_of_own(name, sections):
    """Return why these sections can't stand in the .conf file of a model; None if they can."""
    if 'serving' in sections:
        return '[serving] belongs in serving.conf.'
    if not sections:
        return 'it is empty. Write [model] and name = … into it, or delete it.'
    if not name:
        return 'it names no model. Write [model] and name = … into it. Defaults for all models belong in serving.conf.'
    return None


def _values(path, section, texts):
    """Return the values of a section's texts; raises StartError for unknown keys."""
    if section in OWN_SECTIONS:
        return texts
    if section not in SECTIONS:
        hint = did_you_mean(section.strip().lower(), KNOWN_SECTIONS)
        raise StartError(f'{path}: unknown section [{section}].{hint} {THERE_ARE}')
    settings = SECTIONS[section]
    for key in texts:
        if key not in settings:
            hint = did_you_mean(key, settings)
            raise StartError(
                f'{path}: [{section}] unknown setting {key}.{hint} There are: {", ".join(settings)}. '
                "The parameters of a model's class belong below [params]."
            )
    return {key: settings[key].read(text, f'{path}: [{section}] {key}') for key, text in texts.items()}
