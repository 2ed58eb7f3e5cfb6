// The code that calls a model by the package tritonclient, of Triton Inference Server.
const Triton = (() => {
const json = JSON.stringify;
// Model → what the service says of its tensors, promised.
const known = new WeakMap();

// The program for the call {value, key, timeout}; the user's `files` [[name, base64, file name]] take the place of base64.
async function program(service, model, call, files) {
  if (!known.has(model)) known.set(model, describe(service, model));
  const {problem, ...described} = await known.get(model);
  const reason = problem || refusal(call.value, described);
  return reason ? Snippets.comment(reason) : write(service, model, call, described, files);
}

// {inputs, outputs}, or why there are none: {problem}.
async function describe({api, header}, model) {
  const {name, version, path} = model;
  const url = `${api}/v2/models/${name}/versions/${version}`;
  try {
    const described = await $.ajax({url, headers: header(), dataType: 'json', jsonp: false, timeout: Service.timeout(model)});
    const reason = described.parameters?.no_tensors;
    return {...described, problem: reason && `${name} has no tensors, since ${reason}. POST JSON to ${path}.`};
  } catch ({responseJSON, statusText}) {
    // The next time it may answer.
    known.delete(model);
    return {problem: `The tensors of ${name} are not known: ${url} answered ${responseJSON?.error || statusText}.`};
  }
}

// Why a value cannot be sent as tensors, if it cannot.
function refusal(value, {name: model, inputs}) {
  return Object.entries(value).map(([name, part]) => {
    const input = inputs.find((one) => one.name === name);
    if (!input) return `${model} has no input ${name}.`;
    if (!shapeOf(part)) return `${name} is not a tensor: a list in it is empty, or differs in length from another.`;
    return !/^FP/.test(input.datatype) && [part].flat(9).includes(null) && `${name} is null, which ${input.datatype} cannot be.`;
  }).find(Boolean);
}

// The lengths of nested lists, undefined if they differ or if there is nothing in them.
function shapeOf(value) {
  if (!Array.isArray(value)) return [];
  const shapes = value.map(shapeOf);
  const fits = shapes.length && shapes.every((shape) => shape && Schema.same(shape, shapes[0]));
  return fits ? [shapes.length, ...shapes[0]] : undefined;
}

function write({api}, model, {value, key, timeout}, {inputs, outputs}, files) {
  const {protocol, host, pathname} = new URL(api);
  const {properties = {}} = Schema.resolve(model.schema);
  const lines = Object.entries(value).map(([name, part]) => {
    const {datatype} = inputs.find((input) => input.name === name);
    const file = files.find(([property]) => property === name)?.[2];
    const data = file ? `open(${json(file)}, "rb").read()` : isBase64(properties[name]) ? decoded(part) : Snippets.literal(part);
    return `    InferInput(${json(name)}, ${listed([1, ...shapeOf(part)])}, ${json(datatype)})`
      + `.set_data_from_numpy(np.array([${data}], ${dtype(datatype)})),\n`;
  }).join('');
  const options = `${protocol === 'https:' ? ', ssl=True' : ''}, network_timeout=${timeout / 1000}`;
  return `${/base64\.b64decode/.test(lines) ? 'import base64\n\n' : ''}import numpy as np
from tritonclient.http import InferenceServerClient, InferInput

client = InferenceServerClient(${json(host + pathname.replace(/\/$/, ''))}${options})
inputs = [
${lines}]
answer = client.infer(${json(model.name)}, inputs, model_version=${json(String(model.version))}, headers=${json(key)})
${outputs.map(printed).join('')}`.replace(', headers={}', '');
}

function printed({name, datatype, parameters}) {
  const values = `answer.as_numpy(${json(name)})`;
  const isText = datatype === 'BYTES' && parameters?.content_type !== 'base64';
  return `print(${json(name)}, ${isText ? `[text.decode() for text in ${values}.flat]` : values})\n`;
}

const listed = (shape) => `[${shape.join(', ')}]`;
const dtype = (datatype) => ({BOOL: 'bool', BYTES: 'object'}[datatype] || `np.${datatype.toLowerCase().replace('fp', 'float')}`);

function isBase64(schema) {
  const {contentEncoding, items} = Schema.resolve(schema);
  return items ? isBase64(items) : contentEncoding === 'base64';
}

function decoded(value) {
  return Array.isArray(value) ? listed(value.map(decoded)) : `base64.b64decode(${Snippets.literal(value)})`;
}

return {program};
})();
