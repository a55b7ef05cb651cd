// The page itself.

const drawers = { chart, bars, map, images, strokes, text, roll, sound };

// draw draws a figure into a box of its own.
const draw = (box, f) => drawers[f.kind](box, f);

(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const boxes = [...document.querySelectorAll("figure[data-index]")].map((figure) => [add(figure, "div"), page.figures[+figure.dataset.index]]);
  const again = page.explore ? explore(page.explore) : () => {};
  const all = () => {
    if (playing) playing();
    for (const [box, f] of boxes) { box.replaceChildren(); draw(box, f); }
  };
  all();
  let width = document.body.clientWidth, waiting = 0;
  addEventListener("resize", () => {
    if (document.body.clientWidth === width) return; // a phone's bars that come and go
    width = document.body.clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => { all(); again(); }, 150);
  });
  document.body.dataset.drawn = boxes.length;
})();
