// JSON Schema as far as a form needs it. The service has the last word on what is valid.
const Schema = (() => {
const MAX_CELLS = 100;
const MAX_ERRORS = 20;
const TYPES = {
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};

const isString = (schema) => schema.type === 'string';
const isNumber = (schema) => schema.type === 'number' || schema.type === 'integer';
const isBase64 = (schema) => isString(schema) && schema.contentEncoding === 'base64';
const isFixed = (schema) => schema.minItems > 0 && schema.minItems === schema.maxItems;
const isList = (schema) => schema.type === 'array' && isNumber(schema.items || {});
const isTable = (schema) => schema.type === 'array' && isList(schema.items || {});
const isGrid = (schema) => isTable(schema) && isFixed(schema) && isFixed(schema.items);
const isLong = (schema) => schema.maxLength > 200 || (schema.examples || []).some((text) => text.length > 60 || /\n/.test(text));

// The first that fits is the widget of a field.
const KINDS = [
  ['choice', (schema) => Array.isArray(schema.enum) && schema.enum.every((value) => typeof value !== 'object')],
  ['flag', (schema) => schema.type === 'boolean' && !schema.nullable],
  ['picture', (schema) => isBase64(schema) && /^image\//.test(schema.contentMediaType)],
  ['file', isBase64],
  ['date', (schema) => isString(schema) && schema.format === 'date'],
  ['longText', (schema) => isString(schema) && isLong(schema)],
  ['text', isString],
  ['number', isNumber],
  ['drawing', (schema) => isGrid(schema) && schema.minItems === 8 && schema.items.minItems === 8
    && schema.items.items.minimum === 0 && schema.items.items.maximum > 0],
  ['grid', (schema) => isGrid(schema) && schema.minItems * schema.items.minItems <= MAX_CELLS],
  ['table', isTable],
  ['list', isList],
];

function kind(schema) {
  const found = KINDS.find(([, fits]) => fits(schema));
  return found ? found[0] : 'json';
}

// `schema` with its `$ref` followed, and null taken out of its types (then it is `nullable`).
function resolve(description, schema, depth = 0) {
  if (!schema || typeof schema !== 'object') return {};
  if (schema.$ref && depth < 20) {
    const {$ref, ...rest} = schema;
    return resolve(description, {...lookUp(description, $ref), ...rest}, depth + 1);
  }
  const branches = (schema.anyOf || schema.oneOf || []).filter(({type}) => type !== 'null');
  if (branches.length === 1 && depth < 20) {
    const {anyOf, oneOf, ...rest} = schema;
    return resolve(description, {nullable: (anyOf || oneOf).length > 1, ...branches[0], ...rest}, depth + 1);
  }
  const resolved = Array.isArray(schema.type) ? oneType(schema) : {...schema};
  if (resolved.items) resolved.items = resolve(description, resolved.items, depth + 1);
  return resolved;
}

function oneType(schema) {
  const types = schema.type.filter((type) => type !== 'null');
  const type = types.length === 1 ? types[0] : schema.type;
  return {...schema, type, nullable: types.length < schema.type.length};
}

function lookUp(description, reference) {
  if (!reference.startsWith('#/')) return {};
  const steps = reference.slice(2).split('/').map((step) => decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~'));
  return steps.reduce((part, step) => (part && Object.hasOwn(part, step) ? part[step] : undefined), description) || {};
}

// The fields of an object's schema: [{name, schema, required}]; none where it has no fixed properties.
function fields(description, schema) {
  const {properties = {}, required = []} = resolve(description, schema);
  return Object.keys(properties).map((name) => ({
    name,
    schema: withExample(resolve(description, properties[name]), schema, name),
    required: required.includes(name),
  }));
}

// A field's own examples come after those of the whole.
function withExample(field, {examples = []}, name) {
  const own = examples.map((example) => example && example[name]).filter((value) => value !== undefined);
  return {...field, examples: [...own, ...(field.examples || [])]};
}

// The failures of `value`: [{path, message}], in the notation of the service.
function check(description, schema, value, path = '') {
  const resolved = resolve(description, schema);
  const messages = ownFailures(resolved, value).map((message) => ({path, message}));
  return [...messages, ...partFailures(description, resolved, value, path)].slice(0, MAX_ERRORS);
}

function ownFailures(schema, value) {
  if (value === null && schema.nullable) return [];
  const types = schema.type ? [schema.type].flat() : [];
  if (types.length && !types.some((type) => TYPES[type](value))) return [Words.say('bad.type', {type: types.join(', ')})];
  const size = typeof value === 'string' ? [...value].length : Array.isArray(value) ? value.length : 0;
  const rules = [
    ['enum', 'values', (values) => values.some((one) => same(one, value)), true],
    ['minimum', 'limit', (limit) => value >= limit, typeof value === 'number'],
    ['maximum', 'limit', (limit) => value <= limit, typeof value === 'number'],
    ['exclusiveMinimum', 'limit', (limit) => value > limit, typeof value === 'number', 'above'],
    ['exclusiveMaximum', 'limit', (limit) => value < limit, typeof value === 'number', 'below'],
    ['minLength', 'limit', (limit) => size >= limit, typeof value === 'string'],
    ['maxLength', 'limit', (limit) => size <= limit, typeof value === 'string'],
    ['pattern', 'pattern', (pattern) => matches(pattern, value), typeof value === 'string'],
    ['minItems', 'limit', (limit) => size >= limit, Array.isArray(value)],
    ['maxItems', 'limit', (limit) => size <= limit, Array.isArray(value)],
  ];
  return rules
    .filter(([rule, , holds, applies]) => applies && schema[rule] !== undefined && !holds(schema[rule]))
    .map(([rule, name, , , word]) => Words.say(`bad.${word || rule}`, {[name]: [schema[rule]].flat().join(', '), count: size}));
}

function partFailures(description, schema, value, path) {
  if (Array.isArray(value)) {
    return schema.items ? value.flatMap((item, index) => check(description, schema.items, item, `${path}[${index}]`)) : [];
  }
  if (!TYPES.object(value)) return [];
  const properties = schema.properties || {};
  const failure = (name, word) => ({path, message: Words.say(word, {name})});
  return [
    ...(schema.required || []).filter((name) => !Object.hasOwn(value, name)).map((name) => failure(name, 'bad.required')),
    ...Object.entries(value).flatMap(([name, part]) => {
      if (Object.hasOwn(properties, name)) return check(description, properties[name], part, path ? `${path}.${name}` : name);
      return schema.additionalProperties === false ? [failure(name, 'bad.unknown')] : [];
    }),
  ];
}

// A pattern that only the service can read is left to the service.
function matches(pattern, text) {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true;
  }
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

// JSON for a person: rows of numbers on one line.
function pretty(value) {
  return JSON.stringify(value, null, 2).replace(/\[\n\s*([^[\]{}"]*?)\n\s*\]/g, (_, row) => `[${row.replace(/\n\s*/g, ' ')}]`);
}

return {kind, resolve, fields, check, same, pretty};
})();
