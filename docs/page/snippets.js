// The code that makes the same call from elsewhere. Each runs as it is; only the key has to be filled in.
const Snippets = (() => {
  const MAKERS = {curl, jQuery: jquery, fetch: fetched, Python: python};

  // The program for `name`, of the call {url, value, header: [name, value] or null, timeout in ms}.
  function make(name, call) {
    return MAKERS[name](call);
  }

  const quoted = (text) => JSON.stringify(text);

  function curl({url, value, header}) {
    const key = header ? ` \\\n  -H ${shellQuoted(header.join(': '))}` : '';
    return `curl -H 'Content-Type: application/json'${key} \\\n  --data-binary @- ${shellQuoted(url)} <<'JSON'\n${JSON.stringify(value)}\nJSON\n`;
  }

  function shellQuoted(text) {
    return `'${text.replace(/'/g, "'\\''")}'`;
  }

  function jquery({url, value, header, timeout}) {
    return `$.ajax({
  url: ${quoted(url)},
  method: "POST",
  contentType: "application/json; charset=UTF-8",${header ? `\n  headers: {${quoted(header[0])}: ${quoted(header[1])}},` : ''}
  data: JSON.stringify(${JSON.stringify(value)}),
  timeout: ${timeout},
  success: function (data) {
    console.log(data);
  },
  error: function (jqXHR, textStatus) {
    console.error(jqXHR.responseJSON ? jqXHR.responseJSON.message : textStatus);
  }
});
`;
  }

  function fetched({url, value, header}) {
    return `fetch(${quoted(url)}, {
  method: "POST",
  headers: {"Content-Type": "application/json"${header ? `, ${quoted(header[0])}: ${quoted(header[1])}` : ''}},
  body: JSON.stringify(${JSON.stringify(value)})
})
  .then((response) => response.json())
  .then((data) => console.log(data));
`;
  }

  function python({url, value, header, timeout}) {
    const key = header ? `, ${quoted(header[0])}: ${quoted(header[1])}` : '';
    return `import json
from urllib.request import Request, urlopen

body = ${literal(value)}
request = Request(
    ${quoted(url)},
    json.dumps(body).encode(),
    {"Content-Type": "application/json"${key}},
)
with urlopen(request, timeout=${timeout / 1000}) as response:
    print(json.load(response))
`;
  }

  // A JSON value in Python.
  function literal(value) {
    if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
    if (value === null || typeof value === 'boolean') return {null: 'None', true: 'True', false: 'False'}[value];
    if (typeof value !== 'object') return JSON.stringify(value);
    return `{${Object.entries(value).map(([name, part]) => `${quoted(name)}: ${literal(part)}`).join(', ')}}`;
  }

  // Code with its long texts cut, to look at.
  function shortened(code) {
    return code.replace(/"[^"\n]{200,}"/g, (text) => `${text.slice(0, 60)} … ${text.slice(-20)}`);
  }

  return {names: Object.keys(MAKERS), make, shortened};
})();
