// One model: what it is, a form to call it, its answer, and the code for the same call.
const Card = (() => {
// {element, title, replay} for `model` of `service` ({api, description, header, called, lost}); `idFor` makes ids.
function make(service, model, idFor) {
  const element = $(document.getElementById('card').content.cloneNode(true)).find('article');
  Words.apply(element[0]);
  head(element, model, service.api);
  const ask = form(service, model, element, idFor, () => snippets.refresh());
  const answer = answerPane(service, model, element, idFor);
  const snippets = snippetPane(service, model, element, idFor, ask.value);
  const examples = ask.schema.examples || [];
  if (examples.length > 1) {
    element.find('.examples').append(examples.map((example, index) => $('<button type="button" class="plain">')
      .text(Words.say('example', {number: index + 1})).on('click', () => ask.write(Schema.pretty(example)))));
  }
  ask.write(Schema.pretty(examples.length ? examples[0] : {}));

  function send() {
    const body = ask.body();
    if (body === null) return;
    answer.wait();
    Service.call(service.api, model, body, service.header(), (outcome) => {
      answer.show(outcome);
      ask.fail(outcome.errors || []);
      service.called({path: model.path, body, status: outcome.status || outcome.trouble, milliseconds: outcome.milliseconds, at: Date.now()});
      if (outcome.trouble === 'unreachable') service.lost();
    });
  }
  element.find('form').on('submit', (event) => {
    event.preventDefault();
    send();
  });
  function replay(body) {
    ask.write(body);
    element[0].scrollIntoView();
    send();
  }
  return {element, replay};
}

function head(element, model, api) {
  const anchor = model.path.slice(1).replace(/\W/g, '-');
  element.attr({id: anchor, 'aria-labelledby': `${anchor}-title`});
  element.find('h2').text(model.name).attr('id', `${anchor}-title`);
  element.find('.version').text(`v${model.version}`);
  element.find('.state').addClass(model.problem ? 'unready' : 'ready').text(Words.say(model.problem ? 'notReady' : 'ready', model));
  element.find('.description').text(model.description);
  element.find('.url').text(`POST ${api}${model.path}`);
}

// The two ways to write the body, form and JSON: {schema, write, value, body, fail}.
function form(service, model, element, idFor, changed) {
  const {description} = service;
  const schema = Schema.resolve(description, model.schema);
  const fields = Schema.fields(description, schema)
    .map((field) => Fields.make(field, idFor(field.name, model), description, changed));
  element.find('.fields').append(fields.map((field) => field.element));
  const json = jsonPane(element.find('.json'), idFor('json', model, true), description, schema, changed);
  const tabs = Tabs.make(element.find('.ask > .tabs'), element.find('.ask > [role=tabpanel]'), idFor('tab', model, true), (index) => turn(index));
  let shown = fields.length ? 0 : 1;
  let rest = {};
  tabs.show(shown);
  element.find('.form-tab').prop('hidden', !fields.length);

  // The body as a value; throws an Error, with the field at fault, when there is none.
  function value() {
    return shown ? Fields.parse(json.text()) : fields.reduce((object, field) => {
      const part = readField(field);
      return part === undefined ? object : {...object, [field.name]: part};
    }, {...rest});
  }
  // True when the form shows all of `whole`.
  function fill(whole) {
    if (!fields.length || typeof whole !== 'object' || whole === null || Array.isArray(whole)) return false;
    rest = Object.fromEntries(Object.entries(whole).filter(([name]) => !fields.some((field) => field.name === name)));
    fields.forEach((field) => field.write(whole[field.name]));
    return fields.every((field) => holds(field, whole[field.name]));
  }
  function turn(index) {
    if (index === shown) return;
    if (index === 1) {
      const whole = attempt(value);
      if (whole !== undefined) json.write(Schema.pretty(whole));
    } else if (!fill(attempt(value))) {
      json.complain(attempt(value) === undefined ? null : Words.say('bad.form'));
      return;
    }
    show(index);
  }
  function show(index) {
    shown = index;
    tabs.show(index);
    changed();
  }
  function write(text) {
    fail([]);
    json.write(text);
    shown = 1;
    show(fill(attempt(value)) ? 0 : 1);
  }
  function body() {
    fail([]);
    if (shown) return json.text();
    try {
      return JSON.stringify(value());
    } catch (error) {
      error.field.fail(error.message);
      error.field.focus();
      return null;
    }
  }
  function fail(errors) {
    fields.forEach((field) => field.fail(null));
    json.complain(errors.map(({path, message}) => (path ? `${path}: ${message}` : message)).join('\n'));
    const atFields = errors.map((error) => [fields.find(({name}) => name === fieldOf(error)), error.message]).filter(([field]) => field);
    atFields.reverse().forEach(([field, message]) => field.fail(message));
    if (atFields.length && !shown) atFields.at(-1)[0].focus();
  }
  return {schema, write, value, body, fail};
}

function readField(field) {
  try {
    return field.read();
  } catch (error) {
    throw Object.assign(error, {field});
  }
}

function holds(field, value) {
  try {
    return Schema.same(field.read(), value);
  } catch {
    return false;
  }
}

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// The property that a failure is about: the path's first part, or the one that is missing.
function fieldOf({path, message}) {
  const missing = /^'(.+)' is a required property$/.exec(message);
  return path ? path.split(/[.[]/)[0] : missing && missing[1];
}

function jsonPane(place, id, description, schema, changed) {
  const editor = $('<textarea class="code" rows="10" spellcheck="false" autocomplete="off">').attr({id, 'aria-label': 'JSON', 'aria-describedby': `${id}-live`});
  const live = $('<p class="error" role="status">').attr('id', `${id}-live`);
  place.append(editor, live);
  editor.on('input', () => {
    live.text(Fields.verdict(() => Schema.check(description, schema, Fields.parse(editor.val()))));
    changed();
  });
  return {
    text: () => editor.val(),
    write: (text) => {
      editor.val(text);
      live.text('');
    },
    complain: (message) => message !== null && live.text(message),
  };
}

function answerPane(service, model, element, idFor) {
  const [facts, result, button] = [element.find('.facts'), element.find('.result'), element.find('.submit')];
  button.attr('id', idFor('submit', model));
  result.attr('id', idFor('result', model));
  facts.text(Words.say('nothingYet'));
  function wait() {
    facts.text(Words.say('sending'));
    element.attr('aria-busy', 'true');
  }
  function show(outcome) {
    const {ok, status, milliseconds, bytes, requestId, message, data} = outcome;
    element.attr('aria-busy', null);
    facts.empty().append(
      status ? $('<span class="status">').toggleClass('good', ok).text(status) : null,
      $('<span>').text(`${Math.round(milliseconds)} ms`),
      status ? $('<span>').text(Fields.bytes(bytes)) : null,
      !ok && requestId ? $('<span>').text(`X-Request-ID ${requestId}`) : null,
    );
    result.toggleClass('failed', !ok).empty().append(ok ? Results.answer(data, model.answerSchema, service.description) : $('<p class="message">').text(message));
  }
  return {wait, show};
}

function snippetPane(service, model, element, idFor, value) {
  const pane = element.find('.snippets');
  const [code, copy, bar] = [pane.find('pre'), pane.find('.copy'), pane.find('.tabs')];
  bar.append(Snippets.names.map((name) => $('<button type="button" role="tab">').text(name)));
  const tabs = Tabs.make(bar, pane.find('[role=tabpanel]'), idFor('code', model, true), (index) => {
    tabs.show(index);
    refresh();
  });
  tabs.show(0);
  let whole = '';
  function refresh() {
    if (!pane.prop('open')) return;
    whole = program(attempt(value));
    code.text(Snippets.shortened(whole));
    copy.prop('disabled', !whole);
  }
  function program(body) {
    const header = Service.keyHeader(service.description, 'YOUR_KEY');
    return body === undefined ? '' : Snippets.make(Snippets.names[tabs.index()], {
      url: new URL(service.api + model.path).href, value: body, header, timeout: Service.timeout(model),
    });
  }
  pane.on('toggle', refresh);
  copy.on('click', () => {
    copyText(whole);
    copy.text(Words.say('copied'));
    copy.one('blur mouseleave', () => copy.text(Words.say('copy')));
  });
  return {refresh};
}

// The clipboard is there for pages that came safely; elsewhere a selection is copied.
function copyText(text) {
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text);
    return;
  }
  const area = $('<textarea class="unseen">').val(text).appendTo('body').trigger('select');
  document.execCommand('copy');
  area.remove();
}

return {make};
})();

// Tabs that the arrow keys go through. All tabs may share one panel.
const Tabs = (() => {
function make(bar, panels, id, chosen) {
  const tabs = bar.find('[role=tab]');
  let current = 0;
  tabs.each((index, tab) => {
    const panel = panels[panels.length > 1 ? index : 0];
    tab.id = `${id}-${index}`;
    panel.id = panel.id || `${id}-panel-${index}`;
    tab.setAttribute('aria-controls', panel.id);
  });
  bar.on('click', '[role=tab]', (event) => chosen(tabs.index(event.target)));
  bar.on('keydown', '[role=tab]', (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const next = (current + step + tabs.length) % tabs.length;
    chosen(next);
    tabs.eq(current).trigger('focus');
  });
  function show(index) {
    current = index;
    tabs.each((place, tab) => {
      tab.setAttribute('aria-selected', String(place === index));
      tab.tabIndex = place === index ? 0 : -1;
    });
    panels.each((place, panel) => {
      if (panels.length > 1) panel.hidden = place !== index;
      else panel.setAttribute('aria-labelledby', tabs[index].id);
    });
  }
  return {show, index: () => current};
}

return {make};
})();
