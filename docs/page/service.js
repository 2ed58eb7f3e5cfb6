// The model service: where it is, what it offers, and one call of it.
const Service = (() => {
const DEFAULT = 'http://127.0.0.1:9999';
const KEY = 'model-serving-key ';

// `http://host:9999` of what a person typed, null for what is no address.
function address(text) {
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
    return /^https?:$/.test(url.protocol) ? url.origin + url.pathname.replace(/\/+$/, '') : null;
  } catch {
    return null;
  }
}

// What the page's own address names (`?api=`), else where the page came from, else this machine.
function given(location) {
  const own = /^https?:$/.test(location.protocol) ? location.origin : DEFAULT;
  return new URLSearchParams(location.search).get('api') || own;
}

// The models that an OpenAPI document tells of, in its order.
function models(description) {
  return Object.entries(description.paths)
    .filter(([, operations]) => operations.post && operations.post['x-model'])
    .map(([path, {post}]) => ({
      ...post['x-model'],
      path,
      description: [post.summary, post.description].filter(Boolean).join('\n'),
      schema: jsonSchema(post.requestBody),
      answerSchema: jsonSchema(post.responses['200']),
    }));
}

function jsonSchema(place) {
  return (place && place.content && place.content['application/json'].schema) || {};
}

// [name, value] of the header that carries `key`, null where the document asks for none.
function keyHeader(description, key) {
  const schemes = Object.values((description.components || {}).securitySchemes || {});
  const scheme = schemes.find(({type, in: place}) => type === 'http' || (type === 'apiKey' && place === 'header'));
  if (!scheme) return null;
  return scheme.type === 'http' ? ['Authorization', `Bearer ${key}`] : [scheme.name, key];
}

// In milliseconds: three seconds as usual, more where the service itself allows the model more.
function timeout(model) {
  return Math.max(3000, 1000 * (model.timeout || 0));
}

function load(api, key, done, failed) {
  // Without `jsonp: false` jQuery would run what a URL with ?? answers as a script.
  $.ajax({url: `${api}/openapi.json`, dataType: 'json', jsonp: false, timeout: 10000}).then(done, failed);
}

// POST `body` (text); `done` gets {ok, status, data, message, errors, trouble, milliseconds, bytes, requestId}.
function call(api, model, body, header, done) {
  const started = performance.now();
  $.ajax({
    url: api + model.path,
    method: 'POST',
    contentType: 'application/json; charset=UTF-8',
    data: body,
    dataType: 'json',
    jsonp: false,
    headers: header ? {[header[0]]: header[1]} : {},
    timeout: timeout(model),
  }).always((first, textStatus, last) => {
    const xhr = first && first.getAllResponseHeaders ? first : last;
    done({
      ...outcome(xhr, textStatus, api, timeout(model) / 1000),
      milliseconds: performance.now() - started,
      bytes: new Blob([xhr.responseText || '']).size,
      requestId: xhr.getResponseHeader('X-Request-ID'),
    });
  });
}

function outcome(xhr, textStatus, api, seconds) {
  const status = [xhr.status, xhr.statusText].join(' ');
  const trouble = textStatus === 'timeout' ? 'timeout' : !xhr.status ? 'unreachable' : isAnswer(xhr) ? null : 'notJSON';
  if (trouble) {
    return {ok: false, trouble, status: xhr.status && status, message: Words.say(`trouble.${trouble}`, {api, seconds, status})};
  }
  const data = xhr.responseJSON;
  const ok = xhr.status >= 200 && xhr.status < 300;
  return {ok, status, data, message: ok ? null : data.message, errors: (!ok && data.errors) || []};
}

// A success is any JSON; an error has its message.
function isAnswer({status, responseJSON}) {
  return status < 300 ? responseJSON !== undefined : Boolean(responseJSON && responseJSON.message);
}

// The key is kept for this tab and this service alone.
function key(api, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(KEY + api, value);
    return sessionStorage.getItem(KEY + api) || '';
  } catch {
    return value || '';
  }
}

return {address, given, models, keyHeader, timeout, load, call, key};
})();
