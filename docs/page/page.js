// Starts the page: jQuery, the service's description of itself, a card for each model.
(() => {
// Only this very file is run, wherever it is found.
const JQUERY = {
  version: '3.7.1',
  cdn: 'https://code.jquery.com/jquery-3.7.1.min.js',
  integrity: 'sha384-1H217gwSVyLSIfaLxHbE7dRb3v4mYCKbpQvzx0cegeju1MVsGrX5xXxAvs/HgeFs',
};
const given = Service.given(location);
const api = Service.address(given);
const place = (id) => document.getElementById(id);

document.documentElement.lang = Words.language;
Words.apply(document);
place('address').textContent = api || given;
if (api) document.querySelectorAll('[data-path]').forEach((link) => { link.href = api + link.dataset.path; });
start();

async function start() {
  if (await loadJQuery()) Service.load(api, build, () => diagnose('otherService'));
  else diagnose('noJQuery');
}

// From the service, from beside this page, or from the CDN.
async function loadJQuery() {
  const urls = [`${api}/jquery.min.js`, new URL('jquery.min.js', location.href).href, JQUERY.cdn];
  for (const url of new Set(urls.slice(api ? 0 : 1))) {
    if (await runs(url)) return true;
  }
  return false;
}

function runs(src) {
  return new Promise((resolve) => {
    const script = document.createElement('script');
    Object.assign(script, {src, integrity: JQUERY.integrity, crossOrigin: 'anonymous'});
    script.onload = () => resolve(true);
    script.onerror = () => resolve(false);
    setTimeout(resolve, 4000, false);
    document.head.append(script);
  });
}

// Show why the service can't be reached, or `otherwise` where it can.
async function diagnose(otherwise) {
  const {finding, status} = await Doctor.examine(api, location.protocol);
  if (!finding && !otherwise) return;
  const values = {api, given, status, version: JQUERY.version};
  Doctor.show(place('doctor'), finding || otherwise, values, (other) => location.assign(`?api=${encodeURIComponent(other)}`));
}

function build(description) {
  Schema.use(description);
  const models = Service.models(description);
  const header = () => Service.keyHeader(description, Service.key(api));
  const idFor = idMaker();
  const cards = new Map(models.map((model) => [model.path, Card.make({api, description, header, called}, model, idFor)]));
  $('#cards').append([...cards.values()].map(({element}) => element));
  place('title').textContent = document.title = description.info.title;
  place('summary').textContent = Words.say('summary', {all: models.length, ready: models.filter(({problem}) => !problem).length});
  $('#models').prop('hidden', models.length < 2)
    .append(models.map(({name, version, anchor}) => $('<a>', {text: `${name} v${version}`, href: `#${anchor}`})));
  $('#key-form').prop('hidden', $.isEmptyObject(header())).on('submit', false);
  $('#key').val(Service.key(api)).on('input', ({target}) => Service.key(api, target.value));
  $('#forget').on('click', () => {
    Calls.forget();
    showCalls();
  });
  showCalls();
  if (location.hash) place(location.hash.slice(1))?.scrollIntoView();

  function called({path, body, at, outcome: {status, trouble, milliseconds}}) {
    $('#doctor').prop('hidden', true);
    if (trouble === 'unreachable') diagnose(null);
    Calls.add({path, body, at, status: `${status || trouble} · ${Math.round(milliseconds)} ms`});
    showCalls();
  }
  function showCalls() {
    Calls.show($('#calls'), ({path, body}) => cards.get(path)?.replay(body));
  }
}

// Makes ids: the bare name while it is free, so the first card has #submit and #result.
function idMaker() {
  const taken = new Set([...document.querySelectorAll('[id]')].map(({id}) => id));
  return (name) => {
    const id = /^\w+$/.test(name) && !taken.has(name) ? name : `id-${taken.size}`;
    taken.add(id);
    return id;
  };
}
})();
