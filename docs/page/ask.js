// What is sent to a model, from a form or as JSON, two tabs in step.
const Ask = (() => {
const [FORM, JSON_TAB] = [0, 1];

// {value, body, write, fail} of the <form> `element`; `changed` is called after each edit.
function make(element, schema, idFor, changed) {
  const fields = Schema.fields(schema)
    .map((field) => Fields.make(field, idFor(field.name), changed));
  element.find('.fields').append(fields.map((field) => field.element));
  element.find('.form-tab').prop('hidden', !fields.length);
  const json = jsonPane(element.find('.raw'), idFor('json'), schema, changed);
  const tabs = Tabs.make(element.find('.tabs'), element.find('[role=tabpanel]'), turn);
  // Properties that the form has no field for.
  let rest = {};

  function show(index) {
    tabs.show(index);
    changed();
  }
  // The body as a value; throws an Error with the `field` at fault.
  function value() {
    if (tabs.index() === JSON_TAB) return Schema.parse(json.text());
    const parts = fields.map((field) => [field.name, readField(field)]).filter(([, part]) => part !== undefined);
    return {...rest, ...Object.fromEntries(parts)};
  }
  // Put `whole` into the form; returns whether the form can hold all of it.
  function fill(whole) {
    if (!fields.length || !Schema.isObject(whole)) return false;
    rest = {...whole};
    fields.forEach((field) => {
      field.write(whole[field.name]);
      delete rest[field.name];
    });
    return fields.every((field) => whole[field.name] === undefined || Schema.same(attempt(field.read), whole[field.name]));
  }
  function turn(index) {
    if (index === tabs.index()) return;
    const whole = attempt(value);
    if (index === FORM && !fill(whole)) {
      if (whole !== undefined) json.say(Words.say('bad.form'));
      return;
    }
    if (index === JSON_TAB && whole !== undefined) json.write(Schema.pretty(whole));
    show(index);
  }
  function write(text) {
    fail([]);
    json.write(text);
    show(JSON_TAB);
    if (fill(attempt(value))) show(FORM);
  }
  // The text to send; null where a field is wrong, which then says so.
  function body() {
    fail([]);
    if (tabs.index() === JSON_TAB) return json.text();
    try {
      return JSON.stringify(value());
    } catch (error) {
      error.field.fail(error.message);
      error.field.focus();
      return null;
    }
  }
  // Show the failures [{path, message}], each at its field.
  function fail(errors) {
    json.say(Fields.failures(errors));
    const messages = new Map(errors.map((error) => [fieldOf(error), error.message]).reverse());
    fields.forEach((field) => field.fail(messages.get(field.name)));
    const first = fields.find(({name}) => messages.has(name));
    if (first && tabs.index() === FORM) first.focus();
  }
  return {value, body, write, fail};
}

function readField(field) {
  try {
    return field.read();
  } catch (error) {
    throw Object.assign(error, {field});
  }
}

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// The property that a failure is about.
function fieldOf({path, message}) {
  const missing = /^'(.+)' is a required property$/.exec(message);
  return path ? path.split(/[.[]/)[0] : missing && missing[1];
}

function jsonPane(place, id, schema, changed) {
  const editor = $('<textarea class="code" rows="10" spellcheck="false" autocomplete="off" aria-label="JSON">');
  const live = $('<p class="error" role="status">').attr('id', `${id}-live`);
  place.append(editor.attr({id, 'aria-describedby': `${id}-live`}), live);
  const judge = () => Fields.failures(Schema.check(schema, Schema.parse(editor.val())));
  editor.on('input', () => {
    live.text(Fields.verdict(judge));
    changed();
  });
  return {
    text: () => editor.val(),
    write: (text) => editor.val(text) && live.text(''),
    say: (message) => live.text(message),
  };
}

return {make, attempt};
})();
