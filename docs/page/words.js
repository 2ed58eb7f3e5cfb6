// The page's sentences and the service's messages, in the chosen language, else in the browser's. Each language has a
// file, which is loaded when it is needed. What a model says stays as it is.
const Words = (() => {
const FILES = {en: 'page/english.js', 'zh-CN': 'page/chinese.js'};
// Language → {sentences: {key: text}, messages: [[pattern, text]]}.
const known = {};
let language = 'en';

function add(name, sentences, messages = []) {
  known[name] = {sentences, messages};
}

// Speak a language: Chinese, or English for any other.
async function use(name) {
  const wanted = /^zh\b/i.test(name) ? 'zh-CN' : 'en';
  if (!known[wanted]) await load(FILES[wanted]);
  if (!known[wanted]) return;
  document.documentElement.lang = language = wanted;
  apply(document);
}

// Load a script of the page once.
const loads = {};
function load(src) {
  loads[src] ||= new Promise((resolve) => {
    const onerror = () => resolve(delete loads[src]);
    document.head.append(Object.assign(document.createElement('script'), {src, onload: resolve, onerror}));
  });
  return loads[src];
}

// The sentence for `key` with its {names} filled in, '' if there is none.
function say(key, values = {}) {
  return (known[language]?.sentences[key] || '').replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

// `200 OK`, or what became of a call in words, such as `stopped`.
const status = (text) => say(text) || text;

// The service's message in the page's language; `path: ` may stand in front of it.
function message(text) {
  const [, path, rest] = /^([\w.[\]]+): (.+)$/s.exec(text) || [];
  return translated(text) || (rest && translated(rest) && `${path}: ${translated(rest)}`) || text;
}

function translated(text) {
  const found = known[language]?.messages.find(([pattern]) => pattern.test(text));
  return found && text.replace(...found);
}

function apply(root) {
  root.querySelectorAll('[data-word]').forEach((element) => { element.textContent = say(element.dataset.word); });
  root.querySelectorAll('[data-label]').forEach((element) => element.setAttribute('aria-label', say(element.dataset.label)));
}

function template(id) {
  const root = document.getElementById(id).content.cloneNode(true);
  apply(root);
  return $(root.children);
}

function bytes(count) {
  const unit = count < 1024 ? 0 : count < 1024 ** 2 ? 1 : 2;
  const amount = count / 1024 ** unit;
  return `${unit && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${['B', 'KB', 'MB'][unit]}`;
}

const count = (number) => number.toLocaleString(language);

return {add, use, load, say, status, message, template, bytes, count, language: () => language};
})();
