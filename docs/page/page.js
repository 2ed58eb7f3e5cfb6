// Starts the page: jQuery, the service's own description, a card for each model.
(() => {
// From the service, from beside this page, or from a CDN: only this very file is run.
const JQUERY = {
  version: '3.7.1',
  cdn: 'https://code.jquery.com/jquery-3.7.1.min.js',
  integrity: 'sha384-1H217gwSVyLSIfaLxHbE7dRb3v4mYCKbpQvzx0cegeju1MVsGrX5xXxAvs/HgeFs',
};
const PATIENCE = 4000;
const given = Service.given(location);
const api = Service.address(given);
const place = (id) => document.getElementById(id);

document.documentElement.lang = Words.language;
Words.apply(document);
place('address').textContent = api || given;
if (api) document.querySelectorAll('[data-path]').forEach((link) => { link.href = api + link.dataset.path; });
start();

async function start() {
  if (!(await loadJQuery())) {
    await diagnose('noJQuery');
    return;
  }
  Service.load(api, '', build, () => diagnose('otherService'));
}

async function loadJQuery() {
  const service = api ? [`${api}/jquery.min.js`] : [];
  const beside = new URL('jquery.min.js', location.href).href;
  for (const url of new Set([...service, beside, JQUERY.cdn])) {
    if (await runs(url)) return true;
  }
  return false;
}

function runs(url) {
  return new Promise((resolve) => {
    const script = Object.assign(document.createElement('script'), {
      src: url, integrity: JQUERY.integrity, crossOrigin: 'anonymous', onload: () => resolve(true), onerror: () => resolve(false),
    });
    setTimeout(resolve, PATIENCE, false);
    document.head.append(script);
  });
}

// Show why the service can't be reached; `otherwise` where it can.
async function diagnose(otherwise) {
  const {finding, status} = await Doctor.examine(api, location.protocol);
  if (!finding && !otherwise) return;
  const values = {api, given, status, version: JQUERY.version};
  Doctor.show(place('doctor'), finding || otherwise, values, (other) => location.assign(`?api=${encodeURIComponent(other)}`));
}

function build(description) {
  const models = Service.models(description);
  const cards = new Map();
  const service = {api, description, header, called, lost: () => diagnose(null)};
  const idFor = ids();
  place('title').textContent = document.title = description.info.title;
  place('summary').textContent = Words.say('summary', {all: models.length, ready: models.filter(({problem}) => !problem).length});
  models.forEach((model) => cards.set(model.path, Card.make(service, model, idFor)));
  $('#cards').append([...cards.values()].map((card) => card.element));
  $('#models').prop('hidden', models.length < 2).append(models.map(({name, path}) => $('<a>').text(name).attr('href', `#${cards.get(path).element[0].id}`)));
  $('#key-form').prop('hidden', !header()).on('submit', false);
  $('#key').val(Service.key(api)).on('input', (event) => Service.key(api, event.target.value));
  $('#forget').on('click', () => {
    Calls.forget();
    showCalls();
  });
  showCalls();
  if (location.hash) document.querySelector(location.hash)?.scrollIntoView();

  function header() {
    return Service.keyHeader(description, Service.key(api));
  }
  function called(call) {
    $('#doctor').prop('hidden', true);
    Calls.add(call);
    showCalls();
  }
  function showCalls() {
    Calls.show($('#calls'), ({path, body}) => cards.has(path) && cards.get(path).replay(body));
  }
}

// Makes ids: the bare name where it is still free on the page, so that the first card has #submit and #result.
function ids() {
  const taken = new Set([...document.querySelectorAll('[id]')].map(({id}) => id));
  return (name, model, long = false) => {
    const wide = `${model.path.slice(1)}-${name}`.replace(/[^\w-]/g, '-');
    const usual = !long && /^\w+$/.test(name) && !taken.has(name) ? name : wide;
    const id = taken.has(usual) ? `${usual}-${taken.size}` : usual;
    taken.add(id);
    return id;
  };
}
})();
