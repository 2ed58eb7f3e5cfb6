// The theme and the language that were chosen before, known before anything is painted.
const Look = (() => {
// A browser may be told to keep nothing. `kind` is localStorage or sessionStorage.
function chosen(name, kind = 'localStorage') {
  try {
    return window[kind].getItem(`model-serving-${name}`) || '';
  } catch {
    return '';
  }
}

function choose(name, value, kind = 'localStorage') {
  try {
    window[kind].setItem(`model-serving-${name}`, value);
    return true;
  } catch {
    return false;
  }
}

// Use the theme `light` or `dark`, or that of the system if it is ''. Canvases repaint on its event.
function show(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event('look'));
}

show(chosen('theme'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show(chosen('theme')));
return {chosen, choose, show};
})();
