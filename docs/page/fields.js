// The fields of a form, one for each property of a schema. A widget is {elements, read, write}:
// `read` returns the value, undefined to leave it out, and throws an Error with what is wrong. A widget may have
// `lack`, which throws an Error if there is nothing to send yet.
const Fields = (() => {
// The kinds of one short value.
const SINGLE = ['number', 'text', 'choice', 'flag', 'date'];

// {name, element, read, write, paste, lack, fail, focus} of a property; `changed` is called after each edit.
function make({name, schema, required}, id, changed) {
  const kind = Schema.kind(schema);
  const label = schema.title || name;
  const widget = WIDGETS[kind]({schema, id, required, changed, label});
  const element = Words.template('field').addClass(`as-${kind}`);
  const error = element.find('.error').attr('id', `${id}-error`);
  element.find('label').attr('for', id).text(label);
  element.find('.quiet').prop('hidden', required);
  element.find('.hint').attr('id', `${id}-hint`).text(hintFor(schema)).before(widget.elements);
  const main = element.find(`#${CSS.escape(id)}`)
    .attr({'aria-describedby': `${id}-hint ${id}-error`, 'aria-required': String(required)});
  function fail(message) {
    error.text(message || '');
    main.attr('aria-invalid', message ? 'true' : null);
  }
  return {
    name, element, fail, lack: () => {}, ...widget,
    isSingle: SINGLE.includes(kind),
    paste: (value) => paste(widget, kind, {...schema, required}, value),
    focus: () => main.trigger('focus'),
  };
}

const FLAGS = new Map([['true', true], ['yes', true], ['1', true], ['false', false], ['no', false], ['0', false]]);

const MISSING = /^(nan|none|null|<na>)?$/i;

// Write a value of a pasted row, which is a text if it does not come from JSON, undefined to empty the field; returns
// whether it fits.
function paste(widget, kind, {required, nullable, enum: choices}, value) {
  const text = String(value ?? '');
  const isMissing = value === undefined || (kind === 'number' && MISSING.test(text));
  const found = isMissing ? null : kind === 'choice' ? choices.find((one) => String(one) === text) : kind === 'flag' ? FLAGS.get(text.toLowerCase()) : text;
  if (found === undefined || (!isMissing && kind === 'number' && !Number.isFinite(Number(text)))) return false;
  widget.write(found);
  widget.elements.trigger('change');
  return isMissing ? !required || nullable : kind !== 'date' || widget.elements.val() === text;
}

function hintFor({type, description, minimum, maximum, minLength, maxLength}) {
  const isText = type === 'string';
  // The bounds of a machine's numbers tell a person nothing.
  const [low, high] = (isText ? [minLength, maxLength] : [minimum, maximum]).map((limit) => Math.abs(limit) < 2e9 && String(limit));
  const range = low && high ? `${low} … ${high}` : low ? `≥ ${low}` : high && `≤ ${high}`;
  return [description, range && isText ? Words.say('characters', {range}) : range].filter(Boolean).join(' · ');
}

function box(name, {id, schema, changed}, attributes = {}) {
  const placeholder = schema.nullable ? 'null' : null;
  return $(`<${name}>`).attr({id, spellcheck: 'false', autocomplete: 'off', placeholder, ...attributes}).on('input change', changed);
}

function nothing({schema, required}, other) {
  return !required ? undefined : schema.nullable ? null : other;
}

function single(input, empty, from = (word) => word) {
  return {
    elements: input,
    read: () => (input.val() === '' ? empty : from(input.val())),
    write: (value) => input.val(value ?? ''),
  };
}

const text = (options) => single(box('input', options, {type: 'text'}), nothing(options, ''));
const longText = (options) => single(box('textarea', options, {rows: 5}), nothing(options, ''));
const date = (options) => single(box('input', options, {type: 'date'}), nothing(options));

function number(options) {
  const {type, multipleOf, minimum, maximum} = options.schema;
  const step = multipleOf || (type === 'integer' ? 1 : 'any');
  return single(box('input', options, {type: 'number', step, min: minimum, max: maximum}), nothing(options), toNumber);
}

function toNumber(word) {
  const value = Number(word);
  if (!Number.isFinite(value)) throw new Error(Words.say('bad.number', {word}));
  if (/^-?\d+$/.test(word) && !Number.isSafeInteger(value)) throw new Error(Words.say('bad.unsafe'));
  return value;
}

function flag(options) {
  const input = box('input', options, {type: 'checkbox'});
  return {
    elements: input,
    read: () => input.prop('checked'),
    write: (value) => input.prop('checked', value === true),
  };
}

function choice(options) {
  const values = options.schema.enum;
  const select = box('select', options);
  if (!options.required) select.append($('<option>', {value: '', text: Words.say('choose')}));
  select.append(values.map((value, index) => $('<option>', {value: index, text: String(value)})));
  return {
    elements: select,
    read: () => (select.val() ? values[select.val()] : undefined),
    write(value) {
      const index = values.findIndex((one) => Schema.same(one, value));
      select.val(index >= 0 ? index : options.required ? 0 : '');
    },
  };
}

// A widget of a larger text, which `from` reads and `to` writes; `judge` says something of it while it is edited.
function editor(options, from, to, judge, hint = '', placeholder = {}) {
  const area = box('textarea', options, {rows: 5, class: 'code', ...placeholder});
  const live = $('<p>', {class: 'live', role: 'status', text: hint});
  area.on('input', () => live.text(verdict(() => judge(from(area.val())))));
  return {
    elements: [area, live],
    read: () => (area.val().trim() ? from(area.val()) : nothing(options)),
    write: (value) => area.val(value === undefined ? '' : to(value)) && live.text(hint),
  };
}

// A value as JSON. An empty box for nested arrays shows their shape, and one that fits.
function json(options) {
  const judge = (value) => failures(Schema.check(options.schema, value));
  const {shape, sample} = Schema.nested(options.schema);
  const hint = shape && Words.say('arrayHint', {shape: shape.join(' × '), example: sample});
  return editor(options, Schema.parse, Schema.pretty, judge, hint, shape && {placeholder: sample});
}

function failures(errors) {
  return errors.slice(0, 3).map(({path, message}) => [path, Words.message(message)].filter(Boolean).join(': ')).join('\n');
}

// What `judge` returns, or the reason why it can't.
function verdict(judge) {
  try {
    return judge();
  } catch (error) {
    return error.message;
  }
}

function numbers(row) {
  return row.split(/[\s,;]+/).filter(Boolean).map((word) => (word === 'null' ? null : toNumber(word)));
}

function rows(content) {
  return content.split('\n').filter((line) => line.trim()).map(numbers);
}

function list(options) {
  const count = (value) => Words.say('csvCount', {count: value.length});
  return editor(options, numbers, (value) => value.map(String).join(', '), count, Words.say('csvHint'));
}

function table(options) {
  const write = (value) => value.map((row) => row.map(String).join(', ')).join('\n');
  const size = (value) => Words.say('csvSize', {rows: value.length, columns: Math.max(0, ...value.map((row) => row.length))});
  return editor(options, rows, write, size, Words.say('csvHint'));
}

function grid(options) {
  const {schema, id, label, changed} = options;
  const {minimum: min, maximum: max} = schema.items.items;
  const cell = (row, column) => box('input', options, {
    type: 'number', step: 'any', min, max, id: row || column ? null : id,
    'aria-label': `${label}: ${Words.say('cell', {row: row + 1, column: column + 1})}`,
  });
  const times = (count, each) => Array.from({length: count}, (_, index) => each(index));
  const cells = times(schema.minItems, (row) => times(schema.items.minItems, (column) => cell(row, column)));
  const write = (value) => cells.forEach((row, y) => row.forEach((input, x) => input.val(value?.[y]?.[x] ?? '')));
  const elements = $('<div class="cells">').append(cells.map((row) => $('<div>').append(row)));
  elements.on('paste', 'input', (event) => {
    const pasted = rows(event.originalEvent.clipboardData.getData('text'));
    if (pasted.flat().length < 2) return;
    event.preventDefault();
    write(pasted);
    changed();
  });
  return {elements, write, read: () => cells.map((row) => row.map((input) => toNumber(input.val() || 0)))};
}

// Ink from 0 to the schema's maximum, drawn by hand or given as numbers.
function drawing(options) {
  const maximum = options.schema.items.items.maximum;
  const elements = Words.template('drawing');
  const [paper, seen] = elements.find('canvas');
  const cells = grid({...options, changed: () => show(false)});
  let drawn;
  // Show the cells' ink; what was `byHand` stays on the paper as it is.
  function show(byHand) {
    drawn = byHand;
    (drawn ? [seen] : [seen, paper]).forEach((canvas) => DigitGrid.paint(canvas, cells.read(), maximum));
    options.changed();
  }
  function write(ink = DigitGrid.reduce([]), byHand = false) {
    cells.write(ink);
    show(byHand);
  }
  DigitGrid.listen(paper, () => !drawn, (strokes) => {
    write(DigitGrid.reduce(strokes).map((row) => row.map((count) => (count * maximum) / 16)), true);
  });
  $(document).on('look', () => show(false));
  elements.find('button').on('click', () => write());
  elements.last().append(cells.elements);
  function lack() {
    if (!cells.read().flat().some(Boolean)) throw new Error(Words.say('nothingDrawn'));
  }
  return {elements, write, read: cells.read, lack};
}

const picture = (options) => file(options, 'pickPicture', (src) => $('<img>', {alt: '', src}));

// A file, chosen, dropped or pasted, as base64.
function file(options, word = 'pickFile', preview = () => null) {
  let data;
  const type = options.schema.contentMediaType;
  const zone = Words.template('upload').attr('for', options.id);
  const input = zone.find('input').attr({id: options.id, accept: /octet-stream/.test(type) ? null : type});
  const shown = zone.find('output');
  zone.find('span').text(Words.say(word));
  function show(value, name) {
    data = value;
    shown.empty().append(value ? [preview(`data:${type};base64,${value}`), $('<span>', {text: [name, Words.bytes(Math.floor(value.replace(/=+$/, '').length * 0.75))].filter(Boolean).join(' · ')})] : []);
    options.changed();
  }
  function take(files) {
    if (!files.length) return;
    const reader = new FileReader();
    reader.onload = () => show(reader.result.split(',')[1] || '', files[0].name);
    reader.readAsDataURL(files[0]);
  }
  input.on('change', () => take(input[0].files));
  zone.on('dragover drop', (event) => event.preventDefault());
  zone.on('dragenter dragleave drop', (event) => zone.toggleClass('over', event.type === 'dragenter'));
  zone.on('drop', (event) => take(event.originalEvent.dataTransfer.files));
  $(document).on('paste', (event) => zone.is(':hover, :focus-within') && take(event.originalEvent.clipboardData.files));
  return {elements: zone, read: () => data ?? nothing(options), write: (value) => show(value ?? undefined)};
}

const WIDGETS = {choice, flag, picture, file, date, longText, text, number, drawing, grid, table, list, json};
return {make, failures, verdict};
})();
