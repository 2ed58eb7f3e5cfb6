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

function show(theme) {
  document.documentElement.dataset.theme = theme;
}

show(chosen('theme'));
return {chosen, choose, show};
})();
