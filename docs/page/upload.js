// A model that takes files: the form that is sent, and the code that sends it from elsewhere.
const Upload = (() => {
const json = JSON.stringify;

// The FormData of `body` (text): its files as they are, everything else as JSON. The body itself if base64 is broken.
function form(body, schema) {
  const {files, rest} = split(JSON.parse(body), schema);
  const data = new FormData();
  try {
    files.forEach(([name, text]) => {
      data.append(name, new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]), 'file');
    });
  } catch {
    return body;
  }
  // A property of that name would take the place of the others.
  if (rest && schema.properties.json) return body;
  if (rest) data.append('json', json(rest));
  return data;
}

// {files: [[name, base64, file name]], rest}; `rest` is undefined if there is nothing else.
function split(value, schema) {
  const kinds = Schema.fields(schema).map((field) => [field.name, Schema.kind(field.schema)]);
  const names = {picture: 'picture.png', file: 'file'};
  const files = kinds.filter(([name, kind]) => names[kind] && typeof value[name] === 'string')
    .map(([name, kind]) => [name, value[name], names[kind]]);
  const rest = Object.entries(value).filter(([name]) => !files.some(([file]) => file === name));
  return {files, rest: rest.length ? Object.fromEntries(rest) : undefined};
}

// The program in the language `name` for a call as in snippets.js; the user's files take the place of base64.
function make(name, call, schema) {
  return LANGUAGES[name]({...call, ...split(call.value, schema)});
}

const LANGUAGES = {curl, jQuery: (call) => script('jQuery', call), fetch: (call) => script('fetch', call), Python: python};

function curl({url, key, files, rest}) {
  const headers = Object.entries(key).map((header) => ` -H ${Snippets.quoted(header.join(': '))}`);
  // With -F, curl would cut a text at its first semicolon.
  const parts = [...files.map(([name, , file]) => `-F ${Snippets.quoted(`${name}=@${file}`)}`), ...(rest ? [`--form-string ${Snippets.quoted(`json=${json(rest)}`)}`] : [])];
  return `curl${headers.join('')} \\
${parts.map((part) => `  ${part} \\\n`).join('')}  ${Snippets.quoted(url)}
`;
}

// A browser sets the Content-Type itself, with the boundary of the form.
function script(name, {files, rest, ...call}) {
  const lines = files.map(([part], index) => `form.append(${json(part)}, document.querySelectorAll("input[type=file]")[${index}].files[0]);\n`);
  if (rest) lines.push(`form.append("json", ${json(json(rest))});\n`);
  const code = Snippets.make(name, {...call, value: 0})
    .replace('contentType: "application/json; charset=UTF-8"', 'contentType: false,\n  processData: false')
    .replace('JSON.stringify(0)', 'form')
    .replace(/headers: .*/, `headers: ${json(call.key)},`)
    .replace('  headers: {},\n', '');
  return `const form = new FormData();\n${lines.join('')}${code}`;
}

function python({url, key, timeout, files, rest}) {
  const parts = [...files.map(([name, , file]) => `${json(name)}: open(${json(file)}, "rb")`), ...(rest ? [`"json": (None, ${json(json(rest))})`] : [])];
  return `import requests

files = {${parts.join(', ')}}
answer = requests.post(${json(url)}, files=files, headers=${json(key)}, timeout=${timeout / 1000})
if answer.status_code != 200:
    raise RuntimeError(answer.json()["message"])
print(answer.json())
`.replace(', headers={}', '');
}

return {form, split, make};
})();
