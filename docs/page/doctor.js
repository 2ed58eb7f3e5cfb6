// Why the service can't be reached, and how to mend it. Works without jQuery.
const Doctor = (() => {
const PATIENCE = 5000;

function isLoopback(host) {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host);
}

// What can be told from the addresses alone; null when one has to look.
function atFirstSight(api, pageProtocol) {
  if (!api) return 'badAddress';
  const {protocol, hostname} = new URL(api);
  if (hostname === '0.0.0.0') return 'anyHost';
  return pageProtocol === 'https:' && protocol === 'http:' && !isLoopback(hostname) ? 'mixed' : null;
}

// {finding, status}; finding is null when the service is well.
async function examine(api, pageProtocol) {
  const finding = atFirstSight(api, pageProtocol);
  if (finding) return {finding};
  try {
    const response = await fetch(`${api}/openapi.json`, {signal: AbortSignal.timeout(PATIENCE)});
    const description = await response.json().catch(() => null);
    return {finding: description && description.openapi ? null : 'otherService', status: response.status};
  } catch (error) {
    return {finding: await whyNot(api, error)};
  }
}

// A request that may not be read still tells whether somebody is there.
async function whyNot(api, error) {
  if (error.name === 'TimeoutError') return 'silent';
  try {
    await fetch(`${api}/health/live`, {mode: 'no-cors', signal: AbortSignal.timeout(PATIENCE)});
    return 'cors';
  } catch (second) {
    if (second.name === 'TimeoutError') return 'silent';
    return isLoopback(new URL(api).hostname) ? 'notRunning' : 'unreachable';
  }
}

function element(name, text, properties = {}) {
  return Object.assign(document.createElement(name), {textContent: text}, properties);
}

// Show the finding in `place`, with a field for another address; `connect` gets what is typed there.
function show(place, finding, values, connect) {
  const code = Words.say(`doctor.${finding}.code`, values);
  const form = element('form', '');
  const label = element('label', Words.say('doctor.other'), {htmlFor: 'other-address'});
  const input = element('input', '', {id: 'other-address', value: values.given, spellcheck: false, autocomplete: 'url'});
  form.append(label, input, element('button', Words.say('doctor.connect')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    connect(input.value.trim());
  });
  place.replaceChildren(
    element('h2', Words.say(`doctor.${finding}`, values)),
    element('p', Words.say(`doctor.${finding}.mend`, values)),
    ...(code ? [element('pre', code)] : []),
    form,
  );
  place.hidden = false;
}

return {examine, show};
})();
