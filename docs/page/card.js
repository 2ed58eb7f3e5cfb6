// One model: what it is, a form to call it, its answer, and the code for the same call.
const Card = (() => {
// {element, replay, tell, keep, isBusy} for `model` of `service`; `kept` is what another card of it kept.
function make(service, model, kept = {}) {
  const element = Words.template('card');
  const idFor = idMaker();
  head(element, model, service.api);
  const schema = Schema.resolve(model.schema);
  const examples = schema.examples || [];
  const ask = Ask.make(element.find('form'), schema, idFor, () => code.refresh());
  const hasFiles = () => !ask.tab() && Schema.hasFiles(schema);
  const answer = answerPane(element, model, idFor);
  const code = codePane(element.find('.code-pane'), (name) => Snippets.program(name, service, model, Ask.attempt(ask.value), hasFiles()));
  const write = (example) => ask.write(Schema.pretty(example));
  element.find('.examples').prop('hidden', examples.length < 2).append(examples.map((example, index) => (
    $('<button>', {type: 'button', class: 'plain', text: Words.say('example', {number: index + 1})}).on('click', () => write(example))
  )));
  if (kept.body) ask.write(kept.body, kept.tab);
  else write(examples.length ? examples[0] : {});
  let last = null;
  let cancel = null;
  if (kept.outcome) show(kept.outcome);

  function show(outcome) {
    last = outcome;
    answer.show(outcome);
    ask.fail(outcome.errors);
  }
  function send() {
    if (cancel) return;
    const body = ask.body();
    last = null;
    if (body === null) return answer.reset();
    answer.wait();
    const sent = hasFiles() ? Upload.form(body, schema) : body;
    cancel = (model.stream ? Stream : Service).call(service.api, model, sent, service.header(), (outcome) => {
      cancel = null;
      show(outcome);
      service.called({path: model.path, body, at: Date.now(), outcome});
    }, answer.receive);
  }
  element.find('form').on('submit', () => {
    send();
    return false;
  });
  if (model.stream) element.find('.cancel').text(Words.say('stop'));
  element.find('.cancel').on('click', () => cancel?.());
  function replay(body) {
    ask.write(body);
    element[0].scrollIntoView({block: 'nearest'});
    send();
  }
  const keep = () => ({body: ask.text(), tab: ask.tab(), outcome: last});
  const tell = (isThere) => state(element, model, isThere);
  return {element, replay, tell, keep, isBusy: () => Boolean(cancel)};
}

// Makes ids: the bare name if it is free, so the open card has #submit and #result.
function idMaker() {
  const taken = new Set([...document.querySelectorAll('[id]')].filter((one) => !one.closest('.card')).map(({id}) => id));
  return (name) => {
    const id = /^\w+$/.test(name) && !taken.has(name) ? name : `id-${taken.size}`;
    taken.add(id);
    return id;
  };
}

function head(element, model, api) {
  const title = `${model.anchor}-title`;
  element.attr({id: model.anchor, 'aria-labelledby': title});
  element.find('h2').text(model.name).attr('id', title);
  element.find('.card-head .version').text(`v${model.version}`);
  state(element, model, true);
  element.find('.description').text(model.text);
  element.find('.url').text(`POST ${api}${model.path}`);
}

function state(element, model, isThere) {
  const name = !isThere ? 'unreachable' : model.problem ? 'notReady' : 'ready';
  element.find('.state').attr('class', `state ${name}`).text(Words.say(name, model));
}

function answerPane(element, model, idFor) {
  const [facts, elapsed, copy, cancel] = ['.facts', '.elapsed', '.copy-answer', '.cancel'].map((name) => element.find(name));
  const result = element.find('.result').attr('id', idFor('result'));
  const submit = element.find('.submit').attr('id', idFor('submit'));
  let timer;
  let whole = '';
  copies(copy, () => whole);
  result.on('copy', ({originalEvent}) => Results.copy(originalEvent));
  function reset() {
    facts.text(Words.say('nothingYet'));
    result.empty();
    copy.prop('hidden', true);
  }
  reset();
  // The button stays in reach of the keyboard, so it is not disabled.
  function busy(is) {
    element.attr('aria-busy', is ? 'true' : null);
    submit.attr('aria-disabled', is ? 'true' : null);
    cancel.prop('hidden', !is);
    clearInterval(timer);
    elapsed.text('');
  }
  function wait() {
    const started = performance.now();
    busy(true);
    facts.text(Words.say('sending'));
    timer = setInterval(() => {
      elapsed.text(Words.say('elapsed', {seconds: ((performance.now() - started) / 1000).toFixed(1)}));
    }, 100);
  }
  function show({ok, status, trouble, milliseconds, bytes, requestId, message, data, text}) {
    const told = [`${Math.round(milliseconds)} ms`, status && Words.bytes(bytes), !ok && requestId && `X-Request-ID ${requestId}`];
    busy(false);
    facts.empty().append(
      status ? $('<span>', {class: !ok ? 'bad' : trouble ? '' : 'good', text: Words.status(status)}) : null,
      told.filter(Boolean).map((fact) => $('<span>', {text: fact})),
    );
    whole = text;
    copy.prop('hidden', !ok).text(Words.say('copyAnswer'));
    draw(ok || model.stream ? data : undefined);
    if (!ok) result.append($('<p>', {class: 'message', text: Words.message(message)}));
  }
  function receive(pieces) {
    const text = Words.say('receiving');
    // What is written anew is read aloud again.
    if (facts.text() !== text) facts.text(text);
    draw(pieces);
  }
  function draw(data) {
    result.empty().append(data === undefined ? null : model.stream ? Stream.view(data) : Results.answer(data, model.answerSchema));
  }
  return {reset, wait, show, receive};
}

// {refresh} of the pane that shows, while it is open, what `write(name)` promises.
function codePane(pane, write) {
  const [shown, copy, bar] = [pane.find('pre'), pane.find('.copy'), pane.find('.tabs')];
  let tabs;
  let code = '';
  function start() {
    bar.append(Snippets.names.map((name) => $('<button>', {type: 'button', role: 'tab', text: name})));
    tabs = Tabs.make(bar, pane.find('[role=tabpanel]'), (index) => {
      tabs.show(index);
      refresh();
    });
    tabs.show(0);
  }
  async function refresh() {
    if (!pane.prop('open')) return;
    await Words.load('page/snippets.js');
    if (!tabs) start();
    const index = tabs.index();
    // While the service is asked, the code of before cannot be copied.
    show('');
    const made = await write(Snippets.names[index]);
    if (index === tabs.index()) show(made);
  }
  function show(made) {
    code = made;
    // Without code, there is a line that says why.
    shown.text(Snippets.shortened(code)).toggleClass('text', code.startsWith('#'));
    copy.text(Words.say('copy')).prop('disabled', !code);
  }
  pane.on('toggle', refresh);
  copies(copy, () => code);
  return {refresh};
}

function copies(button, text) {
  button.on('click', () => copyText(text()).then(() => button.text(Words.say('copied'))));
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
