// The theme and the language that were chosen before, known before anything is painted.
const Look = (() => {
// Some browsers keep nothing for pages that are opened from a file.
function chosen(name) {
  try {
    return localStorage.getItem(`model-serving-${name}`) || '';
  } catch {
    return '';
  }
}

function choose(name, value) {
  try {
    localStorage.setItem(`model-serving-${name}`, value);
  } catch {
    // It holds until the page is left.
  }
}

// Use the theme `light` or `dark`, or that of the system if it is ''. What is painted by script hears of it.
function show(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event('look'));
}

show(chosen('theme'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => show(chosen('theme')));
return {chosen, choose, show};
})();
