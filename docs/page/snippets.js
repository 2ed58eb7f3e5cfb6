// The code that makes the same call from elsewhere. It runs as it is; only a key has to be filled in.
const Snippets = (() => {
const LANGUAGES = {curl, jQuery: jquery, fetch: fetched, Python: python};
// Those of other servers, whose protocols the service speaks too: name → the program, promised.
const PROTOCOLS = {'TensorFlow Serving': tensorflow, tritonclient: triton};
const json = JSON.stringify;

// The program in the language `name` that sends `value` to `model`; '' if that is undefined. `hasFiles`: of a form.
async function program(name, service, model, value, hasFiles) {
  if (value === undefined) return '';
  const schema = Schema.resolve(model.schema);
  const key = Service.keyHeader(service.description, 'YOUR_KEY');
  const call = {url: new URL(service.api + model.path).href, value, key, timeout: Service.timeout(model)};
  if (LANGUAGES[name]) return (model.stream ? Stream : hasFiles ? Upload : Snippets).make(name, call, schema);
  const reason = model.native_only || (!Schema.isObject(value) && 'its body is not an object');
  if (reason) return comment(`${model.name} answers at ${model.path} only, since ${reason}.`);
  return PROTOCOLS[name](service, model, call, hasFiles ? Upload.split(value, schema).files : []);
}

// A line that both a shell and Python skip.
function comment(text) {
  return `# ${text.replace(/\s+/g, ' ')}\n`;
}

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

// A row of the body is what the model itself gets; more of them may follow.
function tensorflow({api}, {name, version}, {value, key}) {
  const url = new URL(`${api}/v1/models/${name}/versions/${version}:predict`).href;
  return make('curl', {url, value: {instances: [value]}, key});
}

async function triton(...call) {
  await Words.load('page/triton.js');
  return Triton.program(...call);
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

return {names: Object.keys({...LANGUAGES, ...PROTOCOLS}), program, comment, make, quoted, literal, shortened};
})();
