// One model: what it is, a form to call it, its answer, and the code for the same call.
const Card = (() => {
// {element, replay} for `model` of `service`; `idFor(name)` makes ids.
function make(service, model, idFor) {
  const element = Words.template('card');
  head(element, model, service.api);
  const schema = Schema.resolve(model.schema);
  const examples = schema.examples || [];
  const ask = Ask.make(element.find('form'), schema, idFor, () => code.refresh());
  const answer = answerPane(element, model, idFor);
  const code = codePane(element.find('.code-pane'), (name) => program(service, model, name, ask.value));
  const write = (example) => ask.write(Schema.pretty(example));
  element.find('.examples').prop('hidden', examples.length < 2).append(examples.map((example, index) => (
    $('<button>', {type: 'button', class: 'plain', text: Words.say('example', {number: index + 1})}).on('click', () => write(example))
  )));
  write(examples.length ? examples[0] : {});

  function send() {
    const body = ask.body();
    if (body === null) return answer.reset();
    answer.wait();
    Service.call(service.api, model, body, service.header(), (outcome) => {
      answer.show(outcome);
      ask.fail(outcome.errors);
      service.called({path: model.path, body, at: Date.now(), outcome});
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
  const {anchor} = model;
  element.attr({id: anchor, 'aria-labelledby': `${anchor}-title`});
  element.find('h2').text(model.name).attr('id', `${anchor}-title`);
  element.find('.version').text(`v${model.version}`);
  const state = model.problem ? 'notReady' : 'ready';
  element.find('.state').addClass(state).text(Words.say(state, model));
  element.find('.description').text(model.text);
  element.find('.url').text(`POST ${api}${model.path}`);
}

function answerPane(element, model, idFor) {
  const facts = element.find('.facts');
  const result = element.find('.result').attr('id', idFor('result'));
  element.find('.submit').attr('id', idFor('submit'));
  function reset() {
    facts.text(Words.say('nothingYet'));
    result.empty();
  }
  reset();
  function wait() {
    facts.text(Words.say('sending'));
    element.attr('aria-busy', 'true');
  }
  function show({ok, status, milliseconds, bytes, requestId, message, data}) {
    const told = [`${Math.round(milliseconds)} ms`, status && Words.bytes(bytes), !ok && requestId && `X-Request-ID ${requestId}`];
    element.attr('aria-busy', null);
    facts.empty().append(
      status ? $('<span>', {class: ok ? 'good' : 'bad', text: status}) : null,
      told.filter(Boolean).map((text) => $('<span>', {text})),
    );
    result.empty().append(ok ? Results.answer(data, model.answerSchema) : $('<p>', {class: 'message', text: message}));
  }
  return {reset, wait, show};
}

// The program that makes the same call; '' while the body is not valid.
function program({api, description}, model, name, value) {
  const body = Ask.attempt(value);
  const key = Service.keyHeader(description, 'YOUR_KEY');
  const url = new URL(api + model.path).href;
  return body === undefined ? '' : Snippets.make(name, {url, value: body, key, timeout: Service.timeout(model)});
}

// {refresh} of the pane that shows, while it is open, what `write(name)` returns.
function codePane(pane, write) {
  const [shown, copy, bar] = [pane.find('pre'), pane.find('.copy'), pane.find('.tabs')];
  bar.append(Snippets.names.map((name) => $('<button>', {type: 'button', role: 'tab', text: name})));
  const tabs = Tabs.make(bar, pane.find('[role=tabpanel]'), (index) => {
    tabs.show(index);
    refresh();
  });
  tabs.show(0);
  let code = '';
  function refresh() {
    if (!pane.prop('open')) return;
    code = write(Snippets.names[tabs.index()]);
    shown.text(Snippets.shortened(code));
    copy.text(Words.say('copy')).prop('disabled', !code);
  }
  pane.on('toggle', refresh);
  copy.on('click', () => copyText(code).then(() => copy.text(Words.say('copied'))));
  return {refresh};
}

// Browsers keep the clipboard from pages that came by http; there a selection is copied.
async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = $('<textarea class="unseen">').val(text).appendTo('body').trigger('select');
  document.execCommand('copy');
  area.remove();
}

return {make};
})();
