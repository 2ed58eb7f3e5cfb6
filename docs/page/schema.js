// JSON Schema as far as a form needs it; the service has the last word, and the only one on patterns.
const Schema = (() => {
const MAX_CELLS = 100;

// The document that references lead into.
let whole = {};

function use(description) {
  whole = description;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const TYPES = {object: isObject, array: Array.isArray, integer: Number.isInteger, null: (value) => value === null};
const hasType = (value, type) => (TYPES[type] ? TYPES[type](value) : typeof value === type);

const isString = ({type}) => type === 'string';
const isNumber = ({type}) => type === 'number' || type === 'integer';
const isBase64 = (schema) => isString(schema) && schema.contentEncoding === 'base64';
const isFixed = ({minItems, maxItems}) => minItems > 0 && minItems === maxItems;
const isList = ({type, items = {}}) => type === 'array' && isNumber(items);
const isTable = ({type, items = {}}) => type === 'array' && isList(items);
const isGrid = (schema) => isTable(schema) && isFixed(schema) && isFixed(schema.items);
const isLong = ({maxLength, examples = []}) => maxLength > 200 || examples.some((text) => text?.length > 60 || /\n/.test(text));

// The first that fits is the widget of a field; what fits none is edited as JSON.
const KINDS = [
  ['choice', (schema) => Array.isArray(schema.enum) && schema.enum.every((value) => typeof value !== 'object')],
  ['flag', ({type, nullable}) => type === 'boolean' && !nullable],
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
  ['json', () => true],
];

const kind = (schema) => KINDS.find(([, fits]) => fits(schema))[0];

// `schema` with its `$ref` followed, and `nullable` instead of null among its types.
function resolve(schema, depth = 0) {
  if (!isObject(schema) || depth > 20) return {};
  const {$ref, anyOf, oneOf, ...rest} = schema;
  if ($ref) return resolve({...lookUp($ref), ...rest}, depth + 1);
  const all = anyOf || oneOf || [];
  const branches = all.filter(({type}) => type !== 'null');
  if (branches.length === 1) return resolve({nullable: all.length > 1, ...branches[0], ...rest}, depth + 1);
  const resolved = {...schema};
  if (resolved.items) resolved.items = resolve(resolved.items, depth + 1);
  if (Array.isArray(resolved.type)) {
    const types = resolved.type.filter((type) => type !== 'null');
    resolved.nullable = types.length < resolved.type.length;
    resolved.type = types.length === 1 ? types[0] : types;
  }
  return resolved;
}

function lookUp(reference) {
  const steps = reference.split('/').slice(1).map((step) => decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~'));
  return steps.reduce((part, step) => (part && Object.hasOwn(part, step) ? part[step] : null), whole);
}

function fields({properties = {}, required = [], examples = []}) {
  return Object.keys(properties).map((name) => {
    const schema = resolve(properties[name]);
    const own = examples.filter((example) => isObject(example) && Object.hasOwn(example, name)).map((example) => example[name]);
    return {name, required: required.includes(name), schema: {...schema, examples: [...own, ...(schema.examples || [])]}};
  });
}

// Keyword → whether `value` breaks its limit; `size` is the length of a text or list.
const isShort = (limit, value, size) => size < limit;
const isLarge = (limit, value, size) => size > limit;
const RULES = {
  enum: (limit, value) => !limit.some((one) => same(one, value)),
  minimum: (limit, value) => value < limit,
  maximum: (limit, value) => value > limit,
  exclusiveMinimum: (limit, value) => value <= limit,
  exclusiveMaximum: (limit, value) => value >= limit,
  minLength: isShort,
  maxLength: isLarge,
  minItems: isShort,
  maxItems: isLarge,
};

// The failures of `value`: [{path, message}], in the notation of the service.
function check(schema, value, path = '') {
  const resolved = resolve(schema);
  if (value === null && resolved.nullable) return [];
  const types = [resolved.type || []].flat();
  if (types.length && !types.some((type) => hasType(value, type))) return [failure(path, 'type', types)];
  const size = typeof value === 'string' ? [...value].length : value?.length;
  const own = Object.keys(RULES).filter((rule) => resolved[rule] !== undefined && RULES[rule](resolved[rule], value, size));
  return [...own.map((rule) => failure(path, rule, resolved[rule])), ...checkParts(resolved, value, path)];
}

function failure(path, rule, limit) {
  return {path, message: Words.say('bad.rule', {rule, limit: [limit].flat().join(', ')})};
}

function checkParts({items = {}, properties = {}, required = [], additionalProperties}, value, path) {
  if (Array.isArray(value)) return value.flatMap((item, index) => check(items, item, `${path}[${index}]`));
  if (!isObject(value)) return [];
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  const inner = Object.entries(value).flatMap(([name, part]) => {
    const place = path ? `${path}.${name}` : name;
    if (Object.hasOwn(properties, name)) return check(properties[name], part, place);
    return additionalProperties === false ? [failure(place, 'additionalProperties', false)] : [];
  });
  return [...missing.map((name) => failure(path, 'required', name)), ...inner];
}

// {shape, sample} of nested arrays: `[3, 'n', 2]`, and a value that fits, shortened; empty for any other schema.
function nested(schema) {
  const shape = [];
  let inner = resolve(schema);
  while (inner.type === 'array' && shape.length < 9) {
    shape.push(isFixed(inner) ? inner.minItems : 'n');
    inner = resolve(inner.items);
  }
  if (shape.length < 2 || !inner.type) return {};
  const leaf = {number: '0.5', integer: '1', boolean: 'true'}[inner.type] || '"text"';
  return {shape, sample: shape.reduceRight((text, length) => `[${text}${length === 1 ? '' : ', …'}]`, leaf)};
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// JSON for a person: rows of numbers on one line.
function pretty(value) {
  return JSON.stringify(value, null, 2).replace(/\[\n\s*([^[\]{}"]*?)\n\s*\]/g, (_, row) => `[${row.replace(/\n\s*/g, ' ')}]`);
}

// Refuse what JavaScript would round, in browsers that tell it; the JSON tab sends it as it is.
function exact(name, value, context) {
  if (isRounded(value, context)) throw new Error(Words.say('bad.unsafe'));
  return value;
}

function isRounded(value, context) {
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source);
}

function parse(text) {
  try {
    return JSON.parse(text, exact);
  } catch (error) {
    throw !(error instanceof SyntaxError) ? error : new Error(Words.say('bad.json', {reason: error.message}));
  }
}

const hasFiles = (schema) => fields(schema).some((field) => /picture|file/.test(kind(field.schema)));

return {use, hasFiles, isObject, isRounded, nested, kind, resolve, fields, check, same, pretty, parse};
})();
