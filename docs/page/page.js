// Starts the page: jQuery, the service's description of itself, the list of models, and the card of the open one.
(() => {
// Only this very file is run, wherever it is found.
const JQUERY = {
  version: '3.7.1',
  integrity: 'sha384-1H217gwSVyLSIfaLxHbE7dRb3v4mYCKbpQvzx0cegeju1MVsGrX5xXxAvs/HgeFs',
};
const given = Service.given(location);
const api = Service.address(given);
const place = (id) => document.getElementById(id);

place('theme').value = Look.chosen('theme');
place('theme').onchange = ({target}) => {
  Look.choose('theme', target.value);
  Look.show(target.value);
};
place('address').textContent = api || given;
if (api) place('address').href = api;
if (api) document.querySelectorAll('[data-path]').forEach((link) => { link.href = api + link.dataset.path; });
start();

async function start() {
  await Words.use(Look.chosen('language') || navigator.language);
  place('language').value = Words.language();
  if (await loadJQuery()) Service.load(api, build, ({status}) => (status === 401 ? askKey(true) : diagnose('otherService')));
  else diagnose('noJQuery');
}

async function askKey(isRefused) {
  await Words.load('page/key.js');
  Key.ask(api, isRefused);
}

async function loadJQuery() {
  const urls = [`${api}/jquery.min.js`, new URL('jquery.min.js', location.href).href];
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

// Show why the service can't be reached, or `otherwise` if it can.
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
  const service = {api, description, header, called};
  // Cards are made when they are opened, and kept: what was typed and answered is there on return.
  const cards = new Map();
  const kept = new Map();
  let list = Models.list($('#side'), models);
  let open = null;

  if (!$.isEmptyObject(header())) askKey();
  $('#forget').on('click', () => {
    Calls.forget();
    showCalls();
  });
  $('#language').on('change', ({target}) => {
    Look.choose('language', target.value);
    Words.use(target.value).then(speak);
  });
  $(window).on('hashchange', () => {
    if (!Models.pathOf(location.hash)) return;
    show();
    // For users of the keyboard: the menu that had the focus has closed.
    place('main').focus({preventScroll: true});
    scrollTo(0, 0);
  });
  place('title').textContent = description.info.title;
  tell(true);
  showCalls();
  show();

  // Show the model that the address names, or the one that the page opens on.
  async function show() {
    const path = Models.pathOf(location.hash) || open?.path;
    const found = models.find((model) => model.path === path);
    $('#notice').prop('hidden', !path || Boolean(found)).text(Words.say('unknownModel', {path}));
    open = found || Models.first(models);
    if (!open) return;
    if (open.stream) await Words.load('page/stream.js');
    if (Schema.hasFiles(Schema.resolve(open.schema))) await Words.load('page/upload.js');
    if (!cards.has(open.path)) cards.set(open.path, Card.make(service, open, kept.get(open.path)));
    $('#cards').children().detach();
    $('#cards').append(cards.get(open.path).element);
    list.mark(open);
    document.title = `${open.name} · ${description.info.title}`;
  }
  // Say everything again in the other language, but for calls that run; what was typed and answered is kept.
  function speak() {
    [...cards].filter(([, card]) => !card.isBusy()).forEach(([path, card]) => {
      kept.set(path, card.keep());
      cards.delete(path);
    });
    list = Models.list($('#side'), models);
    tell(!document.body.classList.contains('gone'));
    showCalls();
    show();
  }
  function called({path, body, at, outcome: {status, trouble, milliseconds}}) {
    tell(trouble !== 'unreachable');
    $('#doctor').prop('hidden', true);
    if (trouble === 'unreachable') diagnose(null);
    Calls.add({path, body, at, status, milliseconds});
    showCalls();
  }
  function tell(isThere) {
    const ready = models.filter(({problem}) => !problem).length;
    document.body.classList.toggle('gone', !isThere);
    place('summary').textContent = isThere ? Words.say('summary', {all: models.length, ready}) : Words.say('gone');
    cards.forEach((card) => card.tell(isThere));
  }
  function showCalls() {
    Calls.show($('#calls'), models, ({path, body}) => {
      history.pushState(null, '', `#${path}`);
      show().then(() => cards.get(path).replay(body));
    });
  }
}
})();
