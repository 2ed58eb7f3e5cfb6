// Why the service can't be reached, and how to mend it. Works without jQuery.
const Doctor = (() => {
const LOOPBACK = /^(localhost|\[::1\]|127\.[\d.]+)$/;

// What can be told from the addresses alone; null when one has to look.
function atFirstSight(api, pageProtocol) {
  if (!api) return 'badAddress';
  const {protocol, hostname} = new URL(api);
  if (hostname === '0.0.0.0') return 'anyHost';
  return pageProtocol === 'https:' && protocol === 'http:' && !LOOPBACK.test(hostname) ? 'mixed' : null;
}

// {finding, status}; no finding when the service is well.
async function examine(api, pageProtocol) {
  const finding = atFirstSight(api, pageProtocol);
  if (finding) return {finding};
  try {
    const response = await get(`${api}/openapi.json`);
    const isOurs = /"openapi"|API key/.test(await response.text());
    return {finding: isOurs ? null : 'otherService', status: response.status};
  } catch {
    // An answer that may not be read still tells that somebody is there.
    const somebody = await get(`${api}/health/live`, 'no-cors').catch(() => null);
    return {finding: somebody ? 'cors' : 'notRunning'};
  }
}

const get = (url, mode = 'cors') => fetch(url, {mode, signal: AbortSignal.timeout(5000)});

function starting(api) {
  const port = URL.canParse(api) && new URL(api).port;
  return port && port !== '9999' ? `PORT=${port} bin/start.sh` : 'bin/start.sh';
}

// Show the finding in `place`; `connect` gets the other address that is typed there.
function show(place, finding, values, connect) {
  const [title, mend, code, form, input] = ['h2', 'p', 'pre', 'form', 'input'].map((name) => place.querySelector(name));
  title.textContent = Words.say(`doctor.${finding}`, values);
  mend.textContent = Words.say(`doctor.${finding}.mend`, values);
  code.textContent = Words.say(`doctor.${finding}.code`, {...values, start: starting(values.api)});
  code.hidden = !code.textContent;
  input.value = values.given;
  form.onsubmit = (event) => {
    event.preventDefault();
    connect(input.value.trim());
  };
  place.hidden = false;
}

return {examine, show};
})();
