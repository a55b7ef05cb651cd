// The latent plane: a place on it is asked of the server, which decodes it.

function explore(e) {
  const box = document.getElementById("plane"), result = document.getElementById("decoded");
  const tools = add(box, "div", "tools"), field = add(box, "div", "field"), status = add(box, "div", "read");
  const choice = add(add(tools, "label", "", "Plane "), "select");
  e.planes.forEach((p, i) => { add(choice, "option", "", p.name).value = i; });
  let given = 0;
  if (e.given && e.given.length > 1) {
    const conditions = add(add(tools, "label", "", "Given as of "), "select");
    e.given.forEach((name, i) => { add(conditions, "option", "", name).value = i; });
    conditions.addEventListener("change", () => { given = +conditions.value; ask(true); });
  }
  const hear = add(tools, "label", "", ""), wanted = add(hear, "input");
  wanted.type = "checkbox";
  hear.append(" play when let go");
  hear.hidden = true;
  let plane = 0, at = [0, 0], a = null, needle = null, asking = false, next = false, times = [], begin = null;

  const middle = () => { const p = e.planes[plane]; at = [0, 1].map((k) => (p.low[k] + p.high[k]) / 2); };
  const mark = () => { if (needle) needle.setAttribute("d", `M${a.x(at[0]) - 9} ${a.y(at[1])}h18M${a.x(at[0])} ${a.y(at[1]) - 9}v18`); };

  // ask decodes where the mark is; of the moves that come while it waits the last one alone is asked next. What is asked while the
  // page itself is drawn is no move.
  async function ask(moved) {
    mark();
    if (asking) { next = true; return; }
    asking = true;
    do {
      next = false;
      const start = performance.now(), [x, y] = at;
      try {
        const answer = await fetch(`decode?plane=${plane}&given=${given}&x=${x}&y=${y}`);
        if (!answer.ok) throw new Error(await answer.text());
        const d = await answer.json();
        show(d.figures);
        status.textContent = `${x.toFixed(2)}, ${y.toFixed(2)}`;
        if (moved) {
          times.push(performance.now() - start);
          if (times.length > 500) times.shift();
          const median = [...times].sort((p, q) => p - q)[Math.floor(times.length / 2)];
          status.textContent += `: drawn after ${Math.round(times[times.length - 1])} ms, the median of ${times.length} is ${Math.round(median)} ms`;
          status.dataset.millis = median;
        }
        status.dataset.moves = +(status.dataset.moves || 0) + (moved ? 1 : 0);
        moved = true;
      } catch (error) {
        status.textContent = "no answer: " + error.message;
      }
    } while (next);
    asking = false;
  }

  function show(figures) {
    const height = result.clientHeight;
    result.style.minHeight = height + "px"; // so that the page does not jump
    result.replaceChildren();
    begin = null;
    for (const f of figures) {
      const figure = add(result, "figure"), caption = add(figure, "figcaption");
      add(caption, "b", "", f.title);
      caption.append(" ");
      add(caption, "span", "", f.words);
      const did = draw(add(figure, "div"), f);
      if (f.kind === "roll") begin = did;
    }
    result.style.minHeight = "";
    hear.hidden = !begin;
  }

  const move = (event) => {
    const r = field.querySelector("svg").getBoundingClientRect(), p = e.planes[plane];
    const place = [(event.clientX - r.left - a.left) / (a.right - a.left), (a.bottom - event.clientY + r.top) / (a.bottom - a.top)];
    at = place.map((v, k) => p.low[k] + Math.max(0, Math.min(1, v)) * (p.high[k] - p.low[k]));
    status.setAttribute("aria-live", "off");
    ask(true);
  };

  function paint() {
    field.replaceChildren();
    const p = e.planes[plane];
    const [axesOfMap, svg] = map(field, { title: p.name, data: p.plot }, [p.low[0], p.high[0]], [p.low[1], p.high[1]], 460);
    a = axesOfMap;
    svg.insertAdjacentHTML("beforeend", `<path class="mark" stroke-width="2" d=""/>`);
    needle = svg.lastChild;
    svg.setAttribute("role", "application");
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-label", `Latent plane, ${p.name}: arrow keys move, Shift for larger steps, Home for the middle`);
    svg.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" || event.buttons) move(event); });
    svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); move(event); });
    svg.addEventListener("pointerup", () => { if (wanted.checked && begin) begin(); });
    svg.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (event.key === "Home") middle();
      else if (way) at = at.map((v, k) => Math.max(p.low[k], Math.min(p.high[k], v + way[k] * (p.high[k] - p.low[k]) * (event.shiftKey ? 0.1 : 0.01))));
      else return;
      event.preventDefault();
      status.setAttribute("aria-live", "polite");
      ask(true);
    });
    svg.addEventListener("keyup", (event) => { if (event.key.startsWith("Arrow") && wanted.checked && begin) begin(); });
    mark();
  }

  choice.addEventListener("change", () => { plane = +choice.value; middle(); paint(); ask(true); });
  middle();
  paint();
  ask(false);
  return () => { paint(); ask(false); };
}
