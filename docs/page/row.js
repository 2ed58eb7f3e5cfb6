// A row of values that a person pastes: a JSON object or array, CSV, or cells of a spreadsheet.
const Row = (() => {
// {values: {name: value}, ignored: [names], rows}; throws an Error that says what is wrong.
function parse(text, names) {
  return /^\s*[[{]/.test(text) ? ofJSON(Schema.parse(text), names) : ofCells(cells(text.replace(/^\ufeff/, '')), names);
}

function ofJSON(value, names) {
  const whole = Array.isArray(value) && value[0] && typeof value[0] === 'object' ? value : [value];
  const [first] = whole;
  const known = Array.isArray(first) ? inOrder(first, names) : byName(Object.keys(first), Object.values(first), names);
  return {...known, rows: whole.length};
}

function ofCells(rows, names) {
  const [first, ...others] = rows;
  const hasNames = first.some((cell) => names.includes(cell)) && (others.length || first.every((cell) => names.includes(cell)));
  if (hasNames && !others.length) return inOrder([], names);
  // The index of a table that pandas prints has no name.
  const isIndexed = hasNames && others[0].length > first.length && others[0].at(-1);
  if (hasNames) return {...byName(first, others[0].slice(isIndexed ? 1 : 0), names), rows: others.length};
  return {...inOrder(first, names), rows: rows.length};
}

function inOrder(row, names) {
  if (row.length !== names.length) throw new Error(Words.say('bad.row', {count: row.length, all: names.length}));
  return byName(names, row, names);
}

function byName(given, row, names) {
  const pairs = given.map((name, index) => [name, row[index]]);
  const isKnown = ([name, value]) => names.includes(name) && value !== undefined;
  return {values: Object.fromEntries(pairs.filter(isKnown)), ignored: given.filter((name) => name && !names.includes(name))};
}

// Lines of cells. The first line decides what separates them; unless it is a comma, a comma is a decimal point.
function cells(text) {
  // A line break between quotes is one of the cell.
  const lines = (text.match(/("([^"]|"")*"|[^\r\n])+/g) || []).filter((line) => line.trim());
  const separator = ['\t', ';', ','].find((one) => lines[0].replace(/"[^"]*"/g, '').includes(one)) || ' ';
  const decimal = (cell) => (separator !== ',' && /^-?\d+,\d+$/.test(cell) ? cell.replace(',', '.') : cell);
  return lines.map((line) => split(line, separator).map(decimal));
}

// The cells of a line. Quotes keep a separator in a cell, and two of them are one.
function split(line, separator) {
  if (separator === ' ') return line.trim().split(/\s+/);
  const cell = new RegExp(`${separator} *(?:"((?:[^"]|"")*)"|([^${separator}]*))`, 'g');
  return [...(separator + line).matchAll(cell)].map(([, quoted, plain]) => quoted?.replace(/""/g, '"') ?? plain.trim());
}

return {parse};
})();
