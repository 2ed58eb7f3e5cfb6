// The list of models, its search, and the address of each one: #/v1/WineModel.
const Models = (() => {
// The path of a model in a URL's hash, null if it names none.
function pathOf(hash) {
  return /^#\/v\d+\//.test(hash) ? hash.slice(1) : null;
}

// What the page opens on: the first model but the greeting.
function first(models) {
  const ready = models.filter(({problem}) => !problem);
  return ready.find(({name}) => name !== 'XXXModel') || ready[0] || models[0];
}

// Fill the <nav> `side`; returns {mark}, which shows which path is open.
function list(side, models) {
  const [menu, search, place] = ['#menu', '#search', '#models'].map((name) => side.find(name));
  const rows = models.map((model) => ({model, row: row(model)}));
  place.empty().append(rows.map((each) => each.row));
  search.prop('hidden', models.length < 8).attr('placeholder', Words.say('search')).off().on('input', () => find(search.val()));
  menu.off().on('click', () => fold(menu.attr('aria-expanded') === 'true'));
  side.prop('hidden', models.length < 2);

  function find(words) {
    const wanted = words.toLowerCase().split(/\s+/);
    const fits = ({name, version, text}) => wanted.every((word) => `${name} v${version} ${text}`.toLowerCase().includes(word));
    rows.forEach((each) => each.row.prop('hidden', !fits(each.model)));
    side.find('#no-match').text(rows.some((each) => fits(each.model)) ? '' : Words.say('noMatch'));
  }
  function fold(closed) {
    menu.attr('aria-expanded', String(!closed));
  }
  function mark({path, name, version}) {
    rows.forEach((each) => each.row.find('a').attr('aria-current', each.model.path === path ? 'page' : null));
    menu.text(`${name} v${version}`).attr('aria-label', `${Words.say('models')}: ${name} v${version}`);
    fold(true);
  }
  find(search.val());
  return {mark};
}

function row({path, name, version, problem}) {
  return $('<li>').append($('<a>', {href: `#${path}`, class: problem ? 'out' : ''}).append(
    $('<span>', {class: 'name', text: name}),
    $('<span>', {class: 'version', text: `v${version}`}),
    problem ? $('<span>', {class: 'unseen', text: Words.say('notReady', {problem})}) : null,
  ));
}

return {pathOf, first, list};
})();
