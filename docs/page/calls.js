// The last calls of this browser, newest first: [{path, body, status, at}].
const Calls = (() => {
const MAX = 20;
const NAME = 'model-serving-calls';

function all() {
  return JSON.parse(localStorage.getItem(NAME) || '[]');
}

function add(call) {
  keep([call, ...all()].slice(0, MAX));
}

function forget() {
  localStorage.removeItem(NAME);
}

// Browsers give a site some megabytes: where pictures fill them, the oldest calls go.
function keep(calls) {
  try {
    localStorage.setItem(NAME, JSON.stringify(calls));
  } catch {
    if (calls.length) keep(calls.slice(0, -1));
  }
}

// Show them in `place`; `replay` gets the one that is asked for.
function show(place, replay) {
  const calls = all();
  place.closest('section').prop('hidden', !calls.length);
  place.empty().append(calls.map((call) => $('<li>').append(
    $('<time>', {text: new Date(call.at).toLocaleTimeString(Words.language)}),
    $('<strong>', {text: call.path}),
    $('<span>', {class: 'quiet', text: call.status}),
    $('<code>', {text: call.body.slice(0, 120)}),
    $('<button>', {type: 'button', class: 'plain', text: Words.say('again'), 'aria-label': `${Words.say('again')}: ${call.path}`})
      .on('click', () => replay(call)),
  )));
}

return {add, forget, show};
})();
