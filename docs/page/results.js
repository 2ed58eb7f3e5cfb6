// An answer as something to look at. Everything in it is put in as text.
const Results = (() => {
const MAX_ROWS = 200;
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,/;

const isNumber = (value) => typeof value === 'number';
const isScalar = (value) => typeof value !== 'object' || value === null;
const isListOf = (value, isOne) => Array.isArray(value) && value.length > 0 && value.every(isOne);
const isRow = (value) => isListOf(value, isScalar);

const VIEWS = [
  [isPicture, picture],
  [isNumber, (value) => $('<p>', {class: 'number', text: figure(value)})],
  [isScalar, (value) => $('<p>', {class: 'text', text: String(value)})],
  [isDistribution, bars],
  [isRow, (value) => table(value.map((item, index) => [index, item]))],
  [(value) => isListOf(value, isRow), (value) => table(value)],
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

// Probabilities, by place or by name: all from 0 to 1, and 1 together.
function isDistribution(value) {
  const shares = Object.values(value);
  const sum = shares.reduce((one, other) => one + other, 0);
  return shares.length > 1 && shares.length <= 100 && Math.abs(sum - 1) < 0.01
    && shares.every((share) => isNumber(share) && share >= 0);
}

function bars(shares) {
  const highest = Math.max(...Object.values(shares));
  const rows = Object.entries(shares).map(([name, share]) => $('<tr>', {class: share === highest ? 'best' : ''}).append(
    $('<th>', {scope: 'row', class: name.length > 20 ? 'long' : '', text: name}),
    $('<td>').append($('<div class="bar">').css('width', `${100 * share}%`)),
    $('<td>', {text: `${(100 * share).toFixed(1)} %`}),
  ));
  return $('<table class="bars">').attr('aria-label', Words.say('probabilities')).append(rows);
}

function records(value) {
  const names = [...new Set(value.flatMap(Object.keys))];
  return table(value.map((record) => names.map((name) => record[name])), names);
}

// Rows of cells; where they are too many to show, all are in the folded JSON below.
function table(rows, names = []) {
  const head = $('<tr>').append(names.map((name) => $('<th>', {scope: 'col', text: name})));
  const body = rows.slice(0, MAX_ROWS).map((row) => $('<tr>').append(row.map((cell) => $('<td>', {text: cellText(cell)}))));
  const scroll = $('<div>', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': Words.say('answer')});
  return $('<div>').append(scroll.append($('<table>').append(head, body)), rows.length > MAX_ROWS ? folded(rows) : null);
}

function cellText(cell) {
  return isNumber(cell) ? figure(cell) : isScalar(cell) ? String(cell ?? '') : JSON.stringify(cell);
}

// Each property under its name; what is deeper than that is folded.
function parts(value, {properties = {}}) {
  return $('<dl>').append(Object.entries(value).flatMap(([name, item]) => {
    const deep = Schema.isObject(item) && !isDistribution(item) && !Object.values(item).every(isScalar);
    return [$('<dt>', {text: name}), $('<dd>').append(deep ? folded(item) : view(item, properties[name]))];
  }));
}

function folded(value) {
  const summary = $('<summary>', {text: Words.say('items', {count: Object.keys(value).length})});
  return $('<details>').append(summary, $('<pre>', {tabindex: 0, text: Schema.pretty(value)}));
}

const figure = (value) => String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));

return {answer};
})();
