// The last calls of this browser, newest first: [{path, body, status, milliseconds, at}].
const Calls = (() => {
const MAX = 20;

// Another version of the page may have kept something else.
function all() {
  const calls = Ask.attempt(() => JSON.parse(Look.chosen('calls')));
  return Array.isArray(calls) ? calls.filter((call) => typeof call?.body === 'string') : [];
}

function add(call) {
  keep([call, ...all()].slice(0, MAX));
}

function forget() {
  keep([]);
}

// Browsers give a site some megabytes: where pictures fill them, the oldest calls go.
function keep(calls) {
  if (!Look.choose('calls', JSON.stringify(calls)) && calls.length) keep(calls.slice(0, -1));
}

// Show them in `place`; `replay` gets the one that is asked for, if its model is among `models`.
function show(place, models, replay) {
  const calls = all();
  place.closest('section').prop('hidden', !calls.length);
  place.empty().append(calls.map((call) => {
    const row = Words.template('call');
    const status = `${Words.status(call.status || 'noAnswer')} · ${Math.round(call.milliseconds)} ms`;
    const texts = [new Date(call.at).toLocaleTimeString(Words.language()), call.path, status, call.body.slice(0, 120)];
    texts.forEach((text, index) => row.children().eq(index).text(text));
    row.find('button').prop('hidden', !models.some(({path}) => path === call.path))
      .attr('aria-label', `${Words.say('again')}: ${call.path}`).on('click', () => replay(call));
    return row;
  }));
}

return {add, forget, show};
})();
