// What is sent to a model, from a form or as JSON, two tabs in step.
const Ask = (() => {
const [FORM, JSON_TAB] = [0, 1];

// How many fields of one value make a form in which a row can be pasted, and one that is shown closely.
const [ROW, MANY] = [4, 24];

// {value, text, tab, body, write, fail} of the <form> `element`; `changed` is called after each edit.
function make(element, schema, idFor, changed) {
  const fields = Schema.fields(schema)
    .map((field) => Fields.make(field, idFor(field.name), changed));
  const single = fields.filter(({isSingle}) => isSingle);
  element.find('.fields').append(fields.map((field) => field.element)).toggleClass('many', fields.length >= MANY);
  if (single.length >= ROW) rowPane(element.find('.row').prop('hidden', false), idFor('row'), single);
  element.find('.form-tab').prop('hidden', !fields.length);
  const json = jsonPane(element.find('.raw'), idFor('json'), schema, changed);
  const tabs = Tabs.make(element.find('.tabs'), element.find('[role=tabpanel]'), turn);
  let rest = {};

  function show(index) {
    tabs.show(index);
    changed();
  }
  // The body as a value; throws an Error with the `field` at fault.
  function value() {
    if (tabs.index() === JSON_TAB) return Schema.parse(json.text());
    const parts = fields.map((field) => [field.name, check(field, field.read)]).filter(([, part]) => part !== undefined);
    return {...rest, ...Object.fromEntries(parts)};
  }
  // Put `whole` into the form; returns whether the form can hold all of it.
  function fill(whole) {
    if (!fields.length || !Schema.isObject(whole)) return false;
    rest = {...whole};
    return fields.map((field) => {
      const part = Object.hasOwn(whole, field.name) ? whole[field.name] : undefined;
      delete rest[field.name];
      return attempt(() => {
        field.write(part);
        return part === undefined || Schema.same(field.read(), part);
      });
    }).every(Boolean);
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
  // Put a text into the form if it can hold it, else, or if that is the `tab` to open, into the tab JSON.
  function write(text, tab = FORM) {
    fail([]);
    json.write(text);
    show(JSON_TAB);
    if (fill(attempt(value))) show(tab);
  }
  // The text to send; null where a field is wrong, which then says so.
  function body() {
    fail([]);
    if (tabs.index() === JSON_TAB) return json.text();
    try {
      const whole = value();
      fields.forEach((field) => check(field, field.lack));
      return JSON.stringify(whole);
    } catch (error) {
      error.field.fail(error.message);
      error.field.focus();
      return null;
    }
  }
  // What is in the open tab, as text, for a card that takes the place of this one.
  function text() {
    const whole = tabs.index() === FORM && attempt(value);
    return whole ? Schema.pretty(whole) : json.text();
  }
  // Show the failures [{path, message}], each at its field.
  function fail(errors) {
    json.say(Fields.failures(errors));
    const messages = new Map(errors.map((error) => [fieldOf(error, fields), Words.message(error.message)]).reverse());
    fields.forEach((field) => field.fail(messages.get(field.name)));
    const first = fields.find(({name}) => messages.has(name));
    if (first && tabs.index() === FORM) first.focus();
  }
  return {value, text, tab: tabs.index, body, write, fail};
}

// What `action` returns; its Error gets the field.
function check(field, action) {
  try {
    return action();
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

function fieldOf({path, message}, fields) {
  const missing = /^'(.+)' is a required property$/.exec(message);
  const isIn = (name) => path === name || [`${name}.`, `${name}[`].some((start) => path.startsWith(start));
  return path ? fields.map(({name}) => name).find(isIn) : missing && missing[1];
}

function rowPane(place, id, fields) {
  const [box, live] = ['textarea', '.live'].map((name) => place.find(name));
  place.find('label').attr('for', id).text(Words.say('row'));
  live.attr('id', `${id}-live`).text(Words.say('rowHint'));
  box.attr({id, 'aria-describedby': `${id}-live`}).on('input', () => {
    live.text(box.val().trim() ? Fields.verdict(fill) : Words.say('rowHint'));
  });
  function fill() {
    const {values, ignored, rows} = Row.parse(box.val(), fields.map(({name}) => name));
    const given = fields.filter(({name}) => Object.hasOwn(values, name));
    fields.filter((field) => !given.includes(field)).forEach((field) => field.paste());
    const bad = given.filter((field) => !field.paste(values[field.name]));
    return [
      Words.say('rowFilled', {count: given.length - bad.length, all: fields.length}),
      bad.length && Words.say('rowBad', {names: bad.slice(0, 5).map(({name}) => name).join(', ')}),
      ignored.length && Words.say('rowIgnored', {names: ignored.slice(0, 5).join(', ')}),
      rows > 1 && Words.say('rowFirst', {rows}),
    ].filter(Boolean).join(' ');
  }
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
