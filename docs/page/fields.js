// The fields of a form, one for each property of a schema. A widget is {elements, read, write, focus}:
// `read` returns the value, undefined to leave it out, and throws an Error with what is wrong.
const Fields = (() => {
const WIDGETS = {choice, flag, picture, file, date, longText, text, number, drawing, grid, table, list, json};

// {name, element, read, write, focus, fail} for {name, schema, required}; `changed` is called after each edit.
function make({name, schema, required}, id, description, changed) {
  const kind = Schema.kind(schema);
  const widget = WIDGETS[kind]({schema, id, required, description, changed, label: schema.title || name});
  const error = $('<p class="error">').attr('id', `${id}-error`).prop('hidden', true);
  const hint = $('<p class="hint">').attr('id', `${id}-hint`).text(hintFor(schema));
  const element = $('<div class="field">').addClass(kind).append(
    $('<label>').attr('for', id).text(schema.title || name),
    $('<span class="quiet">').text(Words.say(required ? 'required' : 'optional')),
    widget.elements, hint.text() ? hint : null, error,
  );
  const main = element.find(`#${CSS.escape(id)}`).attr('aria-describedby', `${id}-hint ${id}-error`);
  function fail(message) {
    error.text(message || '').prop('hidden', !message);
    main.attr('aria-invalid', message ? 'true' : null);
    element.toggleClass('wrong', Boolean(message));
  }
  return {name, element, fail, read: widget.read, write: widget.write, focus: () => main.trigger('focus')};
}

function hintFor({type, description, minimum, maximum, minLength, maxLength}) {
  const range = (low, high) => (low === undefined && high === undefined ? '' : `${low ?? ''} … ${high ?? ''}`.trim());
  const bounds = type === 'string' ? (minLength > 1 || maxLength ? range(minLength, maxLength) : '') : range(minimum, maximum);
  return [description, bounds].filter(Boolean).join(' · ');
}

// What an empty field stands for.
function nothing(schema, required) {
  return schema.nullable && required ? null : undefined;
}

function box(name, id, changed) {
  return $(`<${name}>`).attr({id, spellcheck: 'false', autocomplete: 'off'}).on('input change', changed);
}

function textual(input, schema, required) {
  const empty = required && !schema.nullable ? '' : nothing(schema, required);
  return {elements: input, read: () => input.val() || empty, write: (value) => input.val(value ?? '')};
}

function text({schema, id, required, changed}) {
  return textual(box('input', id, changed).attr('type', 'text'), schema, required);
}

function longText({schema, id, required, changed}) {
  return textual(box('textarea', id, changed).attr('rows', 5), schema, required);
}

function date({schema, id, required, changed}) {
  const input = box('input', id, changed).attr('type', 'date');
  return {elements: input, read: () => input.val() || nothing(schema, required), write: (value) => input.val(value ?? '')};
}

function number({schema, id, required, changed}) {
  const step = schema.multipleOf || (schema.type === 'integer' ? 1 : 'any');
  const input = box('input', id, changed).attr({type: 'number', step, min: schema.minimum, max: schema.maximum});
  return {
    elements: input,
    read() {
      if (input[0].validity.badInput) throw new Error(Words.say('bad.number', {text: '…'}));
      return input.val() === '' ? nothing(schema, required) : toNumber(input.val());
    },
    write: (value) => input.val(value ?? ''),
  };
}

function toNumber(word) {
  const value = Number(word);
  if (!Number.isFinite(value)) throw new Error(Words.say('bad.number', {text: word}));
  if (/^-?\d+$/.test(word) && !Number.isSafeInteger(value)) throw new Error(Words.say('bad.unsafe'));
  return value;
}

function flag({id, changed}) {
  const input = box('input', id, changed).attr('type', 'checkbox');
  return {
    elements: $('<span class="check">').append(input, $('<span>').text(Words.say('yes'))),
    read: () => input.prop('checked'),
    write: (value) => input.prop('checked', value === true),
  };
}

function choice({schema, id, required, changed}) {
  const select = box('select', id, changed);
  const values = schema.enum;
  if (!required) select.append($('<option value="">').text(Words.say('choose')));
  values.forEach((value, index) => select.append($('<option>').val(index).text(String(value))));
  return {
    elements: select,
    read: () => (select.val() ? values[select.val()] : undefined),
    write(value) {
      const index = values.findIndex((one) => Schema.same(one, value));
      select.val(index < 0 ? (required ? 0 : '') : index);
    },
  };
}

function json({schema, id, required, description, changed}) {
  const editor = box('textarea', id, changed).attr('rows', 6).addClass('code');
  const live = $('<p class="live" role="status">');
  const read = () => (editor.val().trim() ? parse(editor.val()) : nothing(schema, required));
  function judge() {
    live.text(verdict(() => Schema.check(description, schema, read())));
  }
  editor.on('input', judge);
  return {
    elements: [editor, live],
    read,
    write(value) {
      editor.val(value === undefined ? '' : Schema.pretty(value));
      live.text('');
    },
  };
}

// JSON of a person's text; the Error says what is wrong.
function parse(content) {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new Error(Words.say('bad.json', {reason: error.message}));
  }
}

// The failures that `check` returns or throws, as one text.
function verdict(check) {
  try {
    return check().slice(0, 3).map(({path, message}) => (path ? `${path}: ${message}` : message)).join('\n');
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
  return numeric(options, numbers, (value) => value.map(String).join(', '), (value) => Words.say('csvCount', {count: value.length}));
}

function table(options) {
  const size = (value) => Words.say('csvSize', {rows: value.length, columns: Math.max(0, ...value.map((row) => row.length))});
  return numeric(options, rows, (value) => value.map((row) => row.map(String).join(', ')).join('\n'), size);
}

// A text of numbers, which `from` reads, `to` writes and `size` counts.
function numeric({schema, id, required, changed}, from, to, size) {
  const editor = box('textarea', id, changed).attr('rows', 4).addClass('code');
  const live = $('<p class="live" role="status">').text(Words.say('csvHint'));
  const read = () => (editor.val().trim() || (required && !schema.nullable) ? from(editor.val()) : nothing(schema, required));
  editor.on('input', () => live.text(verdict(() => [{message: size(from(editor.val()))}])));
  return {
    elements: [editor, live],
    read,
    write: (value) => editor.val(Array.isArray(value) ? to(value) : ''),
  };
}

function grid({schema, id, changed, label}) {
  const [height, width] = [schema.minItems, schema.items.minItems];
  const {minimum, maximum} = schema.items.items;
  const cell = (row, column) => box('input', row || column ? null : id, changed).attr({
    type: 'number', step: 'any', min: minimum, max: maximum,
    'aria-label': `${label}: ${Words.say('cell', {row: row + 1, column: column + 1})}`,
  });
  const cells = Array.from({length: height}, (_, row) => Array.from({length: width}, (__, column) => cell(row, column)));
  const write = (value) => cells.forEach((row, y) => row.forEach((input, x) => input.val((value && value[y] && value[y][x]) ?? '')));
  const element = $('<div class="cells">').append(cells.map((row) => $('<div>').append(row)));
  element.on('paste', 'input', (event) => {
    const pasted = rows(event.originalEvent.clipboardData.getData('text'));
    if (pasted.flat().length < 2) return;
    event.preventDefault();
    write(pasted);
    changed();
  });
  return {
    elements: element,
    read: () => cells.map((row) => row.map((input) => (input.val() === '' ? 0 : toNumber(input.val())))),
    write,
  };
}

function drawing(options) {
  const maximum = options.schema.items.items.maximum;
  const canvas = $('<canvas class="paper" width="256" height="256" role="img">').attr('aria-label', Words.say('draw'));
  const seen = $('<canvas class="seen" width="64" height="64" role="img">').attr('aria-label', Words.say('seen', {rows: 8, columns: 8}));
  const clear = $('<button type="button" class="plain">').text(Words.say('clear'));
  const cells = grid({...options, changed: () => show(cells.read())});
  let fresh = true;
  let value = null;
  function keep(grown) {
    value = grown;
    DigitGrid.paint(seen[0], grown, maximum);
    options.changed();
  }
  function show(given) {
    fresh = true;
    DigitGrid.paint(canvas[0], given, maximum);
    keep(given);
  }
  function write(given) {
    const whole = Array.isArray(given) ? given : DigitGrid.reduce([]);
    cells.write(whole);
    show(whole);
  }
  DigitGrid.listen(canvas[0], () => fresh, (strokes) => {
    fresh = false;
    const scaled = DigitGrid.reduce(strokes).map((row) => row.map((ink) => (ink * maximum) / 16));
    cells.write(scaled);
    keep(scaled);
  });
  clear.on('click', () => write(DigitGrid.reduce([])));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => value && show(value));
  const side = $('<div class="side">').append(seen, $('<span class="quiet">').text(Words.say('seen', {rows: 8, columns: 8})), clear);
  const raw = $('<details>').append($('<summary>').text(Words.say('asNumbers')), cells.elements);
  return {elements: [$('<div class="board">').append(canvas, side), $('<p class="hint">').text(Words.say('draw')), raw], read: () => value, write};
}

function picture(options) {
  return upload(options, options.schema.contentMediaType, 'pickPicture', (data) => $('<img alt="">').attr('src', `data:${options.schema.contentMediaType};base64,${data}`));
}

function file(options) {
  return upload(options, options.schema.contentMediaType || '', 'pickFile', () => null);
}

// A file, chosen, dropped or pasted, as base64.
function upload({schema, id, required, changed}, accept, word, preview) {
  let data;
  const input = $('<input type="file">').attr({id, accept});
  const shown = $('<output>');
  const zone = $('<div class="drop">').append($('<span>').text(Words.say(word)), input, shown);
  function show(value, name) {
    data = value;
    shown.empty();
    if (value) shown.append(preview(value), $('<span>').text([name, size(value)].filter(Boolean).join(' · ')));
    changed();
  }
  function take(list) {
    if (!list || !list.length) return false;
    const reader = new FileReader();
    reader.onload = () => show(reader.result.split(',')[1] || '', list[0].name);
    reader.readAsDataURL(list[0]);
    return true;
  }
  input.on('change', () => take(input[0].files));
  zone.on('dragover', (event) => event.preventDefault());
  zone.on('dragenter dragleave drop', (event) => zone.toggleClass('over', event.type === 'dragenter'));
  zone.on('drop', (event) => event.preventDefault() || take(event.originalEvent.dataTransfer.files));
  zone.on('paste', (event) => take(event.originalEvent.clipboardData.files) && event.preventDefault());
  return {elements: zone, read: () => data ?? nothing(schema, required), write: (value) => show(value ?? undefined, '')};
}

function size(base64) {
  return bytes(Math.floor((base64.replace(/=+$/, '').length * 3) / 4));
}

function bytes(count) {
  const unit = ['B', 'KB', 'MB'][Math.min(2, Math.floor(Math.log(count || 1) / Math.log(1024)))];
  const amount = count / 1024 ** ['B', 'KB', 'MB'].indexOf(unit);
  return `${amount < 10 && unit !== 'B' ? amount.toFixed(1) : Math.round(amount)} ${unit}`;
}

return {make, parse, verdict, bytes};
})();
