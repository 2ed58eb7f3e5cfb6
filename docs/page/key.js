// The form for an API key, where the service asks for one. What is typed is sent with every call from then on.
const Key = (() => {
const SAID = {
  en: {none: '{api} asks for an API key. Whoever runs it makes one with bin/new-key.sh.', wrong: '{api} does not know this API key.'},
  'zh-CN': {none: '{api} 需要 API 密钥，由服务的管理员用 bin/new-key.sh 生成。', wrong: '此 API 密钥对 {api} 无效。'},
};
const place = (id) => document.getElementById(id);

// `isRefused`: nothing can be shown without a key, or with the one that was typed before.
function ask(api, isRefused) {
  const form = place('key-form');
  const input = place('key');
  input.value = Service.key(api);
  input.oninput = () => Service.key(api, input.value.trim());
  form.onsubmit = (event) => {
    event.preventDefault();
    location.reload();
  };
  form.hidden = false;
  form.querySelector('button').hidden = !isRefused;
  hideLinks(api);
  if (isRefused) tell(SAID[Words.language()], input, api);
}

// With the address, since a link may open this page for another service, which then gets the key.
function tell(said, input, api) {
  if (!input.value) place('key-hint').textContent = said.none.replace('{api}', api);
  place('notice').textContent = input.value ? said.wrong.replace('{api}', api) : '';
  place('notice').hidden = !input.value;
  input.focus();
}

// A browser can't send a key with a link.
function hideLinks(api) {
  const isOwn = api === Service.given({search: '', protocol: location.protocol, href: location.href});
  const links = isOwn ? '[data-path], a[href$=".md"], footer' : '[data-path]';
  document.querySelectorAll(links).forEach((link) => { link.hidden = true; });
}

return {ask};
})();
