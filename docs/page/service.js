// The model service: where it is, what it offers, and one call of it.
const Service = (() => {
const DEFAULT = 'http://127.0.0.1:9999';
const JSON_TYPE = 'application/json; charset=UTF-8';

// What `?api=` names, else the folder that the page came from, else this machine.
function given({search, protocol, href}) {
  const folder = () => new URL('.', href).href.replace(/\/$/, '');
  return new URLSearchParams(search).get('api') || (/^http/.test(protocol) ? folder() : DEFAULT);
}

// `http://host:9999` of what a person typed, null for what is no address.
function address(text) {
  try {
    const {protocol, origin, pathname} = new URL(/^\w+:\/\//.test(text) ? text : `http://${text}`);
    return /^https?:$/.test(protocol) ? origin + pathname.replace(/\/+$/, '') : null;
  } catch {
    return null;
  }
}

function models({paths}) {
  return Object.entries(paths).filter(([, {post}]) => post && post['x-model']).map(([path, {post}]) => ({
    ...post['x-model'],
    path,
    anchor: path.slice(1).replace(/\W/g, '-'),
    text: [post.summary, post.description].filter(Boolean).join('\n'),
    schema: schemaOf(post.requestBody),
    answerSchema: schemaOf(post.responses['200']),
  }));
}

const schemaOf = (place) => Object.values(place?.content || {})[0]?.schema || {};

// {name: value} of the header that carries `key`, empty where the document asks for none.
function keyHeader({components = {}}, key) {
  const schemes = Object.values(components.securitySchemes || {});
  const scheme = schemes.find(({type, in: place}) => type === 'http' || (type === 'apiKey' && place === 'header'));
  return !scheme ? {} : scheme.type === 'http' ? {Authorization: `Bearer ${key}`} : {[scheme.name]: key};
}

// In milliseconds.
const timeout = (model) => Math.max(3000, 1000 * (model.timeout || 0));

// Without `jsonp: false` jQuery would run what a URL with ?? answers as a script.
function load(api, done, failed) {
  const headers = key(api) ? {'X-API-Key': key(api)} : {};
  $.ajax({url: `${api}/openapi.json`, headers, dataType: 'json', jsonp: false, timeout: 10000}).then(done).catch(failed);
}

// POST `body` (text); `done` gets what came of it. Returns a function that cancels the call.
function call(api, model, body, headers, done) {
  const started = performance.now();
  const request = $.ajax({
    url: api + model.path,
    method: 'POST',
    // A form has its own.
    contentType: !body.append && JSON_TYPE,
    processData: false,
    data: body,
    dataType: 'json',
    converters: {'text json': (text) => JSON.parse(text, exact)},
    jsonp: false,
    headers,
    timeout: timeout(model),
  });
  request.always(() => done({
    ...outcome(request, api, timeout(model) / 1000),
    milliseconds: performance.now() - started,
    text: request.responseText || '',
    bytes: new Blob([request.responseText || '']).size,
    requestId: request.getResponseHeader('X-Request-ID'),
  }));
  return () => request.abort();
}

// A whole number that JavaScript would round is kept as its text, by browsers that tell it.
function exact(name, value, context) {
  return Schema.isRounded(value, context) ? context.source : value;
}

const SILENT = {timeout: 'timeout', abort: 'cancelled'};

function outcome({status: code, statusText, responseJSON: data}, api, seconds) {
  const ok = code >= 200 && code < 300;
  const status = code ? [code, ok ? 'OK' : statusText].join(' ') : '';
  const isJSON = ok ? data !== undefined : data?.message;
  const trouble = code ? (isJSON ? null : 'notJSON') : SILENT[statusText] || 'unreachable';
  const message = trouble ? Words.say(`trouble.${trouble}`, {api, seconds, status}) : data?.message;
  const errors = (!ok && Array.isArray(data?.errors) && data.errors.filter(Schema.isObject)) || [];
  return {ok: ok && !trouble, status, data, trouble, message, errors};
}

function key(api, value) {
  const name = `key ${api}`;
  if (value !== undefined) Look.choose(name, value, 'sessionStorage');
  return Look.chosen(name, 'sessionStorage');
}

return {JSON_TYPE, address, given, models, keyHeader, timeout, load, call, exact, outcome, key};
})();
