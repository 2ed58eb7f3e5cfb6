// The code that makes the same call from elsewhere. It runs as it is; only a key has to be filled in.
const Snippets = (() => {
const LANGUAGES = {curl, jQuery: jquery, fetch: fetched, Python: python};
const json = JSON.stringify;

// The program in the language `name` for the call {url, value, key: {header: value}, timeout: ms}.
function make(name, call) {
  return LANGUAGES[name]({...call, headers: {'Content-Type': 'application/json', ...call.key}});
}

function curl({url, value, headers}) {
  const options = Object.entries(headers).map((header) => ` -H ${quoted(header.join(': '))}`);
  return `curl${options.join('')} \\
  --data-binary @- ${quoted(url)} <<'JSON'
${json(value)}
JSON
`;
}

function quoted(text) {
  return `'${text.replace(/'/g, "'\\''")}'`;
}

function jquery({url, value, key, timeout}) {
  return `$.ajax({
  url: ${json(url)},
  method: "POST",
  contentType: "application/json; charset=UTF-8",
  headers: ${json(key)},
  data: JSON.stringify(${json(value)}),
  timeout: ${timeout},
  success: (data) => console.log(data),
  error: (jqXHR, textStatus) => console.error(jqXHR.responseJSON ? jqXHR.responseJSON.message : textStatus)
});
`.replace('  headers: {},\n', '');
}

function fetched({url, value, headers}) {
  return `fetch(${json(url)}, {
  method: "POST",
  headers: ${json(headers)},
  body: JSON.stringify(${json(value)})
})
  .then(async (response) => {
    const data = await response.json();
    if (!response.ok) throw new Error(data.message);
    console.log(data);
  })
  .catch((error) => console.error(error.message));
`;
}

function python({url, value, headers, timeout}) {
  return `import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

body = ${literal(value)}
headers = ${json(headers)}
request = Request(${json(url)}, json.dumps(body).encode(), headers)
try:
    with urlopen(request, timeout=${timeout / 1000}) as response:
        print(json.load(response))
except HTTPError as error:
    raise RuntimeError(json.load(error)["message"]) from error
`;
}

function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (Schema.isObject(value)) return `{${Object.entries(value).map(([name, part]) => `${json(name)}: ${literal(part)}`).join(', ')}}`;
  return {null: 'None', true: 'True', false: 'False'}[json(value)] || json(value);
}

// Code with its long texts cut, to look at.
function shortened(code) {
  return code.replace(/"[^"\n]{200,}"/g, (text) => `${text.slice(0, 60)} … ${text.slice(-20)}`);
}

return {names: Object.keys(LANGUAGES), make, quoted, shortened};
})();
