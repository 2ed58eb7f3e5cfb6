// A digit drawn by hand, reduced to 8 × 8 as the UCI set was made: cropped, centred, written to a
// bitmap of 32 × 32, and the ink counted in blocks of 4 × 4.
const DigitGrid = (() => {
const SIZE = 8;
const BLOCK = 4;
const BITMAP = SIZE * BLOCK;
const INK = BLOCK * BLOCK;
// Half of the pen's width in the bitmap; it is not scaled, so small writing is as bold as large.
const PEN = 2;

// Strokes ([[[x, y], …], …]) → the same ones, as large as the bitmap, in its middle.
function fitted(strokes) {
  const [xs, ys] = [0, 1].map((axis) => strokes.flat().map((point) => point[axis]));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const scale = (BITMAP - 2 * PEN) / Math.max(width, height, 1);
  return strokes.map((stroke) => stroke.map(([x, y]) => [
    BITMAP / 2 + (x - left - width / 2) * scale,
    BITMAP / 2 + (y - top - height / 2) * scale,
  ]));
}

function distance2(x, y, [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
  return (x - x1 - along * dx) ** 2 + (y - y1 - along * dy) ** 2;
}

function hasInk(lines, x, y) {
  return lines.some(([from, to]) => distance2(x + 0.5, y + 0.5, from, to) <= PEN * PEN);
}

// Strokes → 8 rows of 8 numbers from 0 to 16.
function reduce(strokes) {
  const grid = Array.from({length: SIZE}, () => Array(SIZE).fill(0));
  if (!strokes.length) return grid;
  const lines = fitted(strokes).flatMap((stroke) => stroke.map((point, index) => [stroke[Math.max(0, index - 1)], point]));
  for (let y = 0; y < BITMAP; y += 1) {
    for (let x = 0; x < BITMAP; x += 1) {
      if (hasInk(lines, x, y)) grid[Math.floor(y / BLOCK)][Math.floor(x / BLOCK)] += 1;
    }
  }
  return grid;
}

function paint(canvas, grid, maximum) {
  const [brush, cell] = [canvas.getContext('2d'), canvas.width / SIZE];
  brush.clearRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = getComputedStyle(document.body).color;
  grid.forEach((row, y) => row.forEach((ink, x) => {
    brush.globalAlpha = Math.min(1, Math.max(0, ink / maximum)) || 0;
    brush.fillRect(x * cell, y * cell, cell, cell);
  }));
  brush.globalAlpha = 1;
}

function write(canvas, stroke) {
  const brush = canvas.getContext('2d');
  brush.strokeStyle = getComputedStyle(canvas).color;
  brush.lineWidth = canvas.width / 12;
  brush.lineCap = brush.lineJoin = 'round';
  brush.beginPath();
  stroke.forEach(([x, y], index) => (index ? brush.lineTo(x, y) : brush.moveTo(x, y)));
  brush.lineTo(...stroke.at(-1));
  brush.stroke();
}

// Let a person write; `drawn` gets the strokes after each move, `begin` says whether to start anew.
function listen(canvas, begin, drawn) {
  let strokes = [];
  const at = (event) => [event.offsetX, event.offsetY].map((place) => (place * canvas.width) / canvas.clientWidth);
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    if (begin()) {
      strokes = [];
      canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
    }
    strokes.push([at(event)]);
    write(canvas, strokes.at(-1));
    drawn(strokes);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    strokes.at(-1).push(at(event));
    write(canvas, strokes.at(-1).slice(-2));
    drawn(strokes);
  });
}

return {reduce, paint, listen};
})();
