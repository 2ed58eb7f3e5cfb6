// An answer as something to look at. Everything in it is put in as text.
const Results = (() => {
const MAX_ROWS = 200;
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,/;

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isScalar = (value) => typeof value !== 'object' || value === null;
const isNumber = (value) => typeof value === 'number';

// The first that fits shows the value.
const VIEWS = [
  [isPicture, picture],
  [isNumber, (value) => $('<p class="number">').text(figure(value))],
  [isScalar, (value) => $('<p class="text">').text(String(value))],
  [isDistribution, bars],
  [(value) => Array.isArray(value) && value.length > 0 && value.every(isScalar), (value) => table(value.map((item, index) => [index, item]))],
  [isMatrix, (value) => table(value)],
  [isRecords, records],
  [isObject, parts],
  [() => true, folded],
];

// The element that shows `value`, which `schema` (resolved) describes.
function view(value, schema = {}, description = {}) {
  return VIEWS.find(([fits]) => fits(value, schema))[1](value, schema, description);
}

// The whole answer of the service: mostly {"result": …}.
function answer(data, schema, description) {
  const whole = Schema.resolve(description, schema);
  const only = isObject(data) && Object.keys(data).length === 1 && Object.hasOwn(data, 'result');
  return only ? view(data.result, part(whole, 'result', description), description) : view(data, whole, description);
}

function part(schema, name, description) {
  const {properties = {}} = schema;
  return Object.hasOwn(properties, name) ? Schema.resolve(description, properties[name]) : {};
}

function isPicture(value, schema) {
  return typeof value === 'string' && (PICTURE.test(value) || (schema.contentEncoding === 'base64' && /^image\//.test(schema.contentMediaType)));
}

function picture(value, schema) {
  const source = PICTURE.test(value) ? value : `data:${schema.contentMediaType};base64,${value}`;
  return $('<img>').attr({src: source, alt: Words.say('image')});
}

// Probabilities, by place or by name: all from 0 to 1, and 1 together.
function isDistribution(value) {
  const shares = isScalar(value) ? [] : Object.values(value);
  return shares.length > 1 && shares.length <= 100 && shares.every((share) => isNumber(share) && share >= 0 && share <= 1.0001)
    && Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 0.01;
}

function bars(shares) {
  const highest = Math.max(...Object.values(shares));
  const rows = Object.entries(shares).map(([name, share]) => $('<tr>').toggleClass('best', share === highest).append(
    $('<th scope="row">').text(name),
    $('<td>').append($('<div class="bar">').css('width', `${100 * share}%`)),
    $('<td>').text(`${(100 * share).toFixed(1)} %`),
  ));
  return $('<table class="bars">').append($('<caption>').text(Words.say('probability')), $('<tbody>').append(rows));
}

function isMatrix(value) {
  return Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row) && row.length > 0 && row.every(isScalar));
}

function isRecords(value) {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function records(value) {
  const names = [...new Set(value.flatMap(Object.keys))].slice(0, 20);
  return table(value.map((record) => names.map((name) => record[name])), names);
}

// Rows of cells; what is more than a page can bear stays in the folded JSON below it.
function table(rows, names) {
  const head = names && $('<thead>').append($('<tr>').append(names.map((name) => $('<th scope="col">').text(name))));
  const body = rows.slice(0, MAX_ROWS).map((row) => $('<tr>').append(row.map((cell) => $('<td>').text(cellText(cell)))));
  const element = $('<div class="scroll" tabindex="0" role="region">').attr('aria-label', Words.say('answer'))
    .append($('<table>').append(head, $('<tbody>').append(body)));
  return rows.length > MAX_ROWS ? $('<div>').append(element, folded(rows)) : element;
}

function cellText(cell) {
  return cell === undefined ? '' : isNumber(cell) ? figure(cell) : isScalar(cell) ? String(cell) : JSON.stringify(cell);
}

// Each property under its name, what is deeper than that folded.
function parts(value, schema, description) {
  return $('<dl>').append(Object.entries(value).flatMap(([name, item]) => {
    const inner = part(schema, name, description);
    const deep = isObject(item) && !isDistribution(item) && Object.values(item).some((one) => !isScalar(one));
    return [$('<dt>').text(inner.title || name), $('<dd>').append(deep ? folded(item) : view(item, inner, description))];
  }));
}

function folded(value) {
  const count = isScalar(value) ? 1 : Object.keys(value).length;
  return $('<details>').append(
    $('<summary>').text(Words.say('items', {count})),
    $('<pre tabindex="0">').text(Schema.pretty(value)),
  );
}

// Six digits are enough to look at.
function figure(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

return {answer};
})();
