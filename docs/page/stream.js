// A model whose answer comes piece by piece: how it is called, shown, and called from elsewhere.
const Stream = (() => {
// POST `body` (text); `told` gets the pieces so far, `done` what came of it. Returns a function that stops the stream.
function call(api, model, body, headers, done, told) {
  const started = performance.now();
  let [events, whole] = [[], ''];
  const pieces = () => events.filter(({isError}) => !isError).map(({data}) => data);
  const request = $.ajax({
    url: api + model.path,
    method: 'POST',
    contentType: !body.append && Service.JSON_TYPE,
    processData: false,
    data: body,
    dataType: 'text',
    headers: {...headers, Accept: 'text/event-stream'},
    xhrFields: {onprogress: ({target}) => {
      if (!isStream(target)) return;
      whole = target.responseText;
      events = parse(whole);
      told(pieces());
    }},
  });
  request.always(() => {
    // A request that was stopped has no text any more.
    whole = request.responseText || whole;
    if (isStream(request)) events = parse(whole);
    const error = events.find(({isError}) => isError)?.data;
    const responseJSON = isStream(request) ? pieces() : Ask.attempt(() => JSON.parse(whole));
    const outcome = Service.outcome({...request, responseJSON}, api);
    done({
      ...outcome,
      ...(outcome.trouble === 'cancelled' && {ok: true, status: 'stopped'}),
      ...(error && {ok: false, status: 'failed', message: error.message}),
      data: pieces(),
      milliseconds: performance.now() - started,
      text: texts(pieces()) ?? pieces().map((piece) => `${JSON.stringify(piece)}\n`).join(''),
      bytes: new Blob([whole]).size,
      requestId: request.getResponseHeader('X-Request-ID'),
    });
  });
  return () => request.abort();
}

// Whether it is an answer of ours: not an error, nor what a proxy says.
function isStream(request) {
  return request.status === 200 && /event-stream/.test(request.getResponseHeader('Content-Type'));
}

// The events of the text so far, without one that is not whole yet: [{isError, data}].
function parse(text) {
  return text.split('\n\n').slice(0, -1).map((event) => ({
    isError: event.startsWith('event: error\n'),
    data: JSON.parse(event.slice(event.indexOf('data: ') + 6), Service.exact),
  }));
}

// Pieces of text are one text.
function view(pieces) {
  const text = texts(pieces);
  return text === undefined ? Results.answer(pieces, {}) : $('<p>', {class: 'text', text});
}

// The text of pieces that are texts, or objects that only hold one; undefined for others.
function texts(pieces) {
  const all = pieces.map((piece) => (Schema.isObject(piece) && Object.keys(piece).length === 1 ? Object.values(piece)[0] : piece));
  return all.every((text) => typeof text === 'string') ? all.join('') : undefined;
}

// How the code of an ordinary call changes. The body is one line, so none of these is found inside of it.
const CHANGES = {
  curl: [[/^curl/, 'curl -N']],
  jQuery: [[/\n {2}timeout: .*/, ''], [/\n {2}success: .*/, `
  xhrFields: {onprogress: ({target}) => console.log(target.responseText)},
  success: (text) => {
    const last = JSON.parse(text.trim().split("\\n").pop() || null);
    if (last?.message) console.error(last.message);
  },`]],
  fetch: [[/\n {2}\.then[^]*(?=\n {2}\.catch)/, `
  .then(async (response) => {
    if (!response.ok) throw new Error((await response.json()).message);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part; !(part = await reader.read()).done;) {
      const lines = (rest + part.value).split("\\n");
      rest = lines.pop();
      for (const piece of lines.map((line) => JSON.parse(line))) {
        if (piece?.message) throw new Error(piece.message);
        console.log(piece);
      }
    }
  })`]],
  Python: [[/\n {8}print.*/, `
        for line in response:
            piece = json.loads(line)
            if isinstance(piece, dict) and "message" in piece:
                raise RuntimeError(piece["message"])
            print(piece, flush=True)`]],
};

function make(name, values) {
  return CHANGES[name].reduce((code, change) => code.replace(...change), Snippets.make(name, values));
}

return {call, view, make};
})();
