// The page's own sentences, in the language of the browser. What a model says stays as it is.
const Words = (() => {
// English, Chinese; code is the same in both.
const SENTENCES = {
  serviceAt: ['Service at', '服务地址'],
  summary: ['· {ready} of {all} models ready', '· {all} 个模型中 {ready} 个就绪'],
  apiDocs: ['API reference', 'API 文档'],
  more: ['More about the API', '更多 API 信息'],
  guides: ['Guides', '文档（英文）'],
  models: ['Models', '模型'],
  ready: ['ready', '就绪'],
  notReady: ['not ready: {problem}', '未就绪：{problem}'],
  form: ['Form', '表单'],
  example: ['Example {number}', '示例 {number}'],
  send: ['Send', '发送'],
  sending: ['Sending …', '发送中…'],
  answer: ['Answer', '结果'],
  nothingYet: ['The answer will be shown here.', '结果将显示在这里。'],
  copyAs: ['Copy as code', '复制为代码'],
  copy: ['Copy', '复制'],
  copied: ['Copied', '已复制'],
  calls: ['Your last calls', '最近的调用'],
  again: ['Call again', '再次调用'],
  forget: ['Forget them', '清除记录'],
  key: ['API key', 'API 密钥'],
  keyHint: ['Kept in this tab only, and never copied into code.', '仅保存在此标签页中，不会写入复制的代码。'],
  optional: ['optional', '可选'],
  characters: ['{range} characters', '{range} 个字符'],
  choose: ['Choose …', '请选择…'],
  pickPicture: ['Choose, drop or paste a picture', '选择、拖入或粘贴图片'],
  pickFile: ['Choose or drop a file', '选择或拖入文件'],
  draw: ['Draw here with mouse or finger', '用鼠标或手指在此书写'],
  clear: ['Clear', '清空'],
  asNumbers: ['As numbers', '以数字显示'],
  seen: ['What the model gets: 8 × 8', '模型的输入：8 × 8'],
  cell: ['Row {row}, column {column}', '第 {row} 行，第 {column} 列'],
  csvHint: ['Numbers, apart by commas or spaces; or paste a table.', '以逗号或空格分隔的数字，可直接粘贴表格。'],
  csvCount: ['{count} numbers', '{count} 个数字'],
  csvSize: ['{rows} × {columns} numbers', '{rows} × {columns} 个数字'],
  probabilities: ['Probabilities', '概率'],
  items: ['{count} items', '{count} 项'],
  picture: ['Picture', '图片'],
  'bad.json': ['Not valid JSON: {reason}', 'JSON 无效：{reason}'],
  'bad.number': ['“{word}” is not a number.', '“{word}”不是数字。'],
  'bad.unsafe': ['Too large for JavaScript: send it from the JSON tab.', '超出 JavaScript 的范围，请在 JSON 标签页中发送。'],
  'bad.rule': ['the schema asks for {rule}: {limit}', '模式要求 {rule}：{limit}'],
  'bad.form': ['The form can’t hold this value.', '表单无法表示该值。'],
  'trouble.timeout': ['No answer within {seconds} s.', '{seconds} 秒内没有应答。'],
  'trouble.unreachable': ['No answer: the service at {api} can’t be reached.', '没有应答：无法访问位于 {api} 的服务。'],
  'trouble.notJSON': ['A bad answer: {status}, but not JSON.', '应答有误：{status}，但不是 JSON。'],
  address: ['Address of the service', '服务地址'],
  connect: ['Connect', '连接'],
  'doctor.badAddress': ['{given} is not an address of a service.', '{given} 不是有效的服务地址。'],
  'doctor.badAddress.mend': ['Give one of the form http://host:9999', '请使用 http://host:9999 的形式'],
  'doctor.mixed': ['This page came by https, so the browser does not let it call {api}, which is http.', '此页面通过 https 打开，浏览器不允许其调用 http 地址 {api}。'],
  'doctor.mixed.mend': ['Serve the models by https too (nginx in front), or open the page by http.', '请让模型服务也使用 https（前置 nginx），或通过 http 打开此页面。'],
  'doctor.anyHost': ['0.0.0.0 is where a service listens, not where it is called.', '0.0.0.0 是服务监听的地址，不能用于调用。'],
  'doctor.anyHost.mend': ['Call it by 127.0.0.1 on its own machine, else by that machine’s name.', '在同一台机器上请使用 127.0.0.1，否则使用其主机名。'],
  'doctor.notRunning': ['Nothing answers at {api}: the service is not running, or host or port are wrong.', '{api} 没有应答：服务未运行，或主机、端口有误。'],
  'doctor.notRunning.mend': ['Start it in its folder; then see what this machine gets from it:', '请在其目录中启动服务，然后在本机检查：'],
  'doctor.notRunning.code': ['bin/start.sh\ncurl -i {api}/health/live'],
  'doctor.cors': ['Something answers at {api}, but does not allow calls from other sites (CORS).', '{api} 有应答，但不允许其他站点调用 (CORS)。'],
  'doctor.cors.mend': ['This service allows them: look at the proxy in front, or at what else has this port. Its answers need the header', '本服务允许跨域调用，请检查前面的代理，或占用该端口的其他程序。应答必须包含：'],
  'doctor.cors.code': ['Access-Control-Allow-Origin: *'],
  'doctor.otherService': ['{api} answers {status} to /openapi.json: it is no such service.', '{api} 对 /openapi.json 的应答为 {status}：不是本服务。'],
  'doctor.otherService.mend': ['Where this page has a site of its own, name the service in its address:', '如果此页面位于其他站点，请在地址中指明服务：'],
  'doctor.otherService.code': ['?api=http://127.0.0.1:9999'],
  'doctor.noJQuery': ['jQuery could not be loaded, neither from the service nor from its CDN.', '无法从服务或 CDN 加载 jQuery。'],
  'doctor.noJQuery.mend': ['Put jquery.min.js {version} beside this page.', '请将 jquery.min.js {version} 放在此页面旁边。'],
};
const chinese = /^zh\b/i.test(navigator.language);

// The sentence for `key` with its {names} filled in, '' where there is none.
function say(key, values = {}) {
  const [english, own] = SENTENCES[key] || [''];
  return ((chinese && own) || english).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

// Fill in the sentences that `root` asks for.
function apply(root) {
  root.querySelectorAll('[data-word]').forEach((element) => { element.textContent = say(element.dataset.word); });
  root.querySelectorAll('[data-label]').forEach((element) => element.setAttribute('aria-label', say(element.dataset.label)));
}

// The elements of the <template> `id`.
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

return {say, apply, template, bytes, language: chinese ? 'zh-CN' : 'en'};
})();
