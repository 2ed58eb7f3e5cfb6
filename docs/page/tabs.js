// Tabs that the arrow keys go through, each with its own panel or all with one.
const Tabs = (() => {
let count = 0;

// {show, index}; `chosen` gets the index that is asked for, and may `show` it.
function make(bar, panels, chosen) {
  const id = `tabs-${count += 1}`;
  const tabs = bar.find('[role=tab]');
  let current = 0;
  panels.each((index, panel) => $(panel).attr('id', `${id}-panel-${index}`));
  tabs.each((index, tab) => $(tab).attr({id: `${id}-${index}`, 'aria-controls': (panels[index] || panels[0]).id}));
  bar.on('click', '[role=tab]', (event) => chosen(tabs.index(event.target)));
  bar.on('keydown', '[role=tab]', ({key}) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[key];
    if (!step) return;
    chosen((current + step + tabs.length) % tabs.length);
    tabs.eq(current).trigger('focus');
  });
  function show(index) {
    current = index;
    tabs.each((place, tab) => $(tab).attr({'aria-selected': String(place === index), tabindex: place === index ? 0 : -1}));
    if (panels.length > 1) panels.each((place, panel) => $(panel).prop('hidden', place !== index));
    (panels.length > 1 ? panels.eq(index) : panels).attr('aria-labelledby', `${id}-${index}`);
  }
  return {show, index: () => current};
}

return {make};
})();
