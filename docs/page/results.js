// An answer as something to look at. Everything in it is put in as text, and no more than a person can read.
const Results = (() => {
const [MAX_ROWS, MAX_COLUMNS, MAX_BARS, MAX_PARTS, MAX_CELL, MAX_TEXT] = [50, 20, 20, 100, 200, 20000];
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,/;

const isNumber = (value) => typeof value === 'number';
const isScalar = (value) => typeof value !== 'object' || value === null;
const isListOf = (value, isOne) => Array.isArray(value) && value.length > 0 && value.every(isOne);
const isRow = (value) => isListOf(value, isScalar);
const isShort = (text) => text.length <= 32 && !text.includes('\n');

const VIEWS = [
  [isPicture, picture],
  [isScalar, scalar],
  [isDistribution, bars],
  [isRow, column],
  [(value) => isListOf(value, isRow), (value) => table(value, sizeOf(value))],
  [(value) => isListOf(value, Schema.isObject), records],
  [Schema.isObject, parts],
  [() => true, folded],
];

// The element that shows `value`, which `schema` may describe.
function view(value, schema) {
  const resolved = Schema.resolve(schema);
  return VIEWS.find(([fits]) => fits(value, resolved))[1](value, resolved);
}

// The whole answer of the service: mostly {"result": …}.
function answer(data, schema) {
  const keys = Schema.isObject(data) ? Object.keys(data) : [];
  const {properties = {}} = Schema.resolve(schema);
  return keys.join() === 'result' ? view(data.result, properties.result) : view(data, schema);
}

function isPicture(value, {contentEncoding, contentMediaType}) {
  return typeof value === 'string' && (PICTURE.test(value) || (contentEncoding === 'base64' && /^image\//.test(contentMediaType)));
}

function picture(value, {contentMediaType}) {
  return $('<img>', {alt: Words.say('picture'), src: PICTURE.test(value) ? value : `data:${contentMediaType};base64,${value}`});
}

function scalar(value) {
  if (isNumber(value)) return number($('<p>', {class: 'number'}), value);
  const text = clipped(String(value));
  return $('<p>', {class: isShort(text) ? 'text label' : 'text', text});
}

function cell(value) {
  if (isNumber(value)) return number($('<td>'), value);
  const text = isScalar(value) ? String(value ?? '') : JSON.stringify(value);
  return $('<td>', {text: text.length > MAX_CELL ? `${text.slice(0, MAX_CELL)} …` : text});
}

// A number is rounded to be read, and copied as it is.
function number(element, value) {
  const digits = Math.min(21, Math.max(6, Math.ceil(Math.log10(Math.abs(value)))));
  const text = String(Number.isInteger(value) ? value : Number(value.toPrecision(digits)));
  return element.text(text).attr({'data-whole': value, title: text === String(value) ? null : value});
}

// Probabilities, by place or by name: all from 0 to 1, and 1 together.
function isDistribution(value) {
  const shares = Object.values(value);
  return shares.length > 1 && shares.every((share) => isNumber(share) && share >= 0)
    && Math.abs(shares.reduce((one, other) => one + other, 0) - 1) < 0.01;
}

function bars(value) {
  const all = Object.entries(value);
  const highest = all.reduce((one, [, share]) => Math.max(one, share), 0);
  // In order, or the highest of many.
  const some = all.length > MAX_BARS ? all.sort(([, one], [, other]) => other - one).slice(0, MAX_BARS / 2) : all;
  const rows = some.map(([name, share]) => $('<tr>', {class: share === highest ? 'best' : ''}).append(
    $('<th>', {scope: 'row', class: name.length > 20 ? 'long' : '', text: name}),
    $('<td>').append(share < 0.0005 ? null : $('<div class="bar">').css('width', `${100 * share}%`)),
    $('<td>', {'data-whole': share, title: share, text: `${(100 * share).toFixed(1)} %`}),
  ));
  const chart = $('<table class="bars">').attr('aria-label', Words.say('probabilities')).append(rows);
  return some === all ? chart : $('<div>').append(size(Words.say('highest', {count: some.length, all: Words.count(all.length)})), chart);
}

const size = (text) => $('<p>', {class: 'quiet size', text});

function column(value) {
  return table(value.map((item, index) => [index, item]), [value.length]);
}

function records(value) {
  const names = [...new Set(value.slice(0, MAX_ROWS).flatMap(Object.keys))];
  return table(value.slice(0, MAX_ROWS).map((record) => names.map((name) => record[name])), [value.length, names.length], names);
}

const sizeOf = (rows) => [rows.length, rows.reduce((most, row) => Math.max(most, row.length), 0)];

// The first rows and columns, in a box of their own, and how many there are: [rows, columns], or [items] of a list.
function table(rows, counts, names = []) {
  const cut = (row) => row.slice(0, MAX_COLUMNS);
  const head = $('<tr>').append(cut(names).map((name) => $('<th>', {scope: 'col', text: name})));
  const body = rows.slice(0, MAX_ROWS).map((row) => $('<tr>').append(cut(row).map(cell)));
  const scroll = $('<div>', {class: 'scroll', tabindex: 0, role: 'group', 'aria-label': Words.say('values')});
  return $('<div>').append(told(counts), scroll.append($('<table>').append(names.length ? head : null, body)));
}

function told([height, width]) {
  const text = (...counts) => counts.filter(Boolean).map(Words.count).join(' × ');
  const [shape, part] = [text(height, width), text(Math.min(height, MAX_ROWS), width && Math.min(width, MAX_COLUMNS))];
  return width || part !== shape ? size(Words.say(part === shape ? 'shape' : 'part', {shape, part})) : null;
}

// Each property under its name; what is deeper than that is folded.
function parts(value, {properties = {}}) {
  const all = Object.entries(value);
  if (!all.length) return scalar('{}');
  const rows = all.slice(0, MAX_PARTS).flatMap(([name, item]) => {
    const deep = Schema.isObject(item) && !isDistribution(item) && !Object.values(item).every(isScalar);
    return [$('<dt>', {text: name}), $('<dd>').append(deep ? folded(item) : view(item, properties[name]))];
  });
  return $('<div>').append(all.length > MAX_PARTS ? size(Words.say('items', {count: Words.count(all.length)})) : null, $('<dl>').append(rows));
}

// What is opened on demand, and written only then.
function folded(value) {
  const shape = shapeOf(value);
  const text = shape.length > 1 ? Words.say('shape', {shape: shape.map(Words.count).join(' × ')})
    : Words.say('items', {count: Words.count(Object.keys(value).length)});
  const whole = $('<pre>', {tabindex: 0});
  return $('<details>').append($('<summary>', {text}), whole)
    .on('toggle', () => whole.text() || whole.text(clipped(Schema.pretty(value))));
}

// The lengths of nested arrays, as long as those of one depth are alike.
function shapeOf(value, depth = 0) {
  if (depth > 8 || !isListOf(value, Array.isArray)) return Array.isArray(value) ? [value.length] : [];
  const inner = value.map((one) => shapeOf(one, depth + 1));
  return inner.every((one) => Schema.same(one, inner[0])) ? [value.length, ...inner[0]] : [value.length];
}

const clipped = (text) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}\n${Words.say('cut')}` : text);

// Copy the numbers of a selection with all of their digits, and tabs between cells.
function copy(event) {
  const isIn = (element) => getSelection().containsNode(element, true);
  const whole = (element) => element.dataset.whole ?? element.textContent;
  const lines = [...event.currentTarget.querySelectorAll('tr, p[data-whole]')].filter(isIn);
  const texts = lines.map((line) => (line.cells ? [...line.cells].filter(isIn).map(whole).filter(Boolean).join('\t') : whole(line)));
  // With names beside the numbers, all is copied as it is shown.
  if (!lines.length || [...event.currentTarget.querySelectorAll('dt, p.text')].some(isIn)) return;
  event.clipboardData.setData('text/plain', texts.join('\n'));
  event.preventDefault();
}

return {answer, copy};
})();
