"use strict";

// Pictures are drawn into a box to the width it has, and again when that changes. Texts of the data reach the page through
// textContent or escape alone.

const escape = (s) => String(s).replace(/[&<>"']/g, (c) => "&#" + c.charCodeAt(0) + ";");

// add appends an element with a class and a text.
function add(to, tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  to.append(e);
  return e;
}

// bytesOf decodes base64.
const bytesOf = (s) => Uint8Array.from(atob(s || ""), (c) => c.charCodeAt(0));

// short writes a number with six digits.
function short(v) {
  if (v === null || v === undefined) return "none";
  const a = Math.abs(v);
  return a !== 0 && (a < 1e-3 || a >= 1e7) ? v.toExponential(3) : String(+v.toPrecision(6));
}

// label writes a tick with the digits that tell it from the next one.
function label(v, step) {
  const s = v.toFixed(Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9))));
  return s.length > 8 ? v.toPrecision(3) : s;
}

// ticks are round numbers between two ends, about as many as asked for.
function ticks(low, high, about) {
  const raw = (high - low) / Math.max(about, 1);
  if (!(raw > 0)) return [low];
  const unit = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw * 0.7);
  const list = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) list.push(+(k * step).toPrecision(12) + 0);
  return list;
}

// span is the range of values, widened by a share at both ends.
function span(values, by) {
  let low = Infinity, high = -Infinity;
  for (const v of values) if (v !== null) { low = Math.min(low, v); high = Math.max(high, v); }
  if (low > high) return [0, 1];
  const d = high - low > 1e-12 * Math.max(Math.abs(low), Math.abs(high)) ? by * (high - low) : Math.max(0.5, 0.05 * Math.abs(low));
  return [low - d, high + d];
}

// axes lays out one pair of axes in a width and a height: where values are, and the SVG of ticks, grid and names.
function axes(width, height, xs, ys, xName, yName, xTicks) {
  const yList = ticks(ys[0], ys[1], Math.max(3, height / 45));
  const yStep = yList.length > 1 ? yList[1] - yList[0] : 1;
  const wide = Math.max(...yList.map((v) => label(v, yStep).length)) * 7 + 10 + (yName ? 18 : 0);
  const a = { left: wide, right: width - 10, top: 8, bottom: height - 22 - (xName ? 16 : 0), width, height };
  a.x = (v) => a.left + (v - xs[0]) / (xs[1] - xs[0]) * (a.right - a.left);
  a.y = (v) => a.bottom - (v - ys[0]) / (ys[1] - ys[0]) * (a.bottom - a.top);
  const list = xTicks || ticks(xs[0], xs[1], Math.max(2, (a.right - a.left) / 90)), xStep = list.length > 1 ? list[1] - list[0] : 1;
  let s = "";
  for (const v of yList) {
    s += `<path class="grid" d="M${a.left} ${a.y(v)}H${a.right}"/><text x="${a.left - 6}" y="${a.y(v) + 4}" text-anchor="end">${label(v, yStep)}</text>`;
  }
  for (const v of list) {
    const near = a.x(v) > a.right - 18 ? "end" : "middle"; // so that no label leaves the picture
    s += `<path class="axis" d="M${a.x(v)} ${a.bottom}v4"/><text x="${near === "end" ? a.right + 8 : a.x(v)}" y="${a.bottom + 17}" text-anchor="${near}">${label(v, xStep)}</text>`;
  }
  s += `<path class="axis" d="M${a.left} ${a.top}V${a.bottom}H${a.right}"/>`;
  if (xName) s += `<text x="${(a.left + a.right) / 2}" y="${height - 4}" text-anchor="middle">${escape(xName)}</text>`;
  if (yName) s += `<text transform="translate(12 ${(a.top + a.bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(yName)}</text>`;
  a.svg = s;
  return a;
}

// picture is an SVG that is said to be an image, with a name.
function picture(box, width, height, name, inner) {
  const holder = add(box, "div", "over");
  holder.innerHTML = `<svg role="img" aria-label="${escape(name)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${inner}</svg>`;
  return holder;
}

// legend lists names beside their marks, above the picture, so that it covers nothing.
function legend(box, entries) {
  const list = add(box, "ul", "legend");
  for (const e of entries) {
    const item = add(list, "li");
    const inner = add(item, e.press ? "button" : "span");
    if (e.press) {
      inner.type = "button";
      inner.setAttribute("aria-pressed", "false");
      inner.addEventListener("click", () => e.press(inner));
    }
    inner.innerHTML = `<svg aria-hidden="true" width="22" height="12">${e.mark}</svg> `;
    inner.append(e.name);
  }
}

// runs are the pieces of a curve between gaps, as the d of a path; lone points are short lines.
function runs(x, y, a) {
  let d = "", open = false, last = "";
  for (let i = 0; i < x.length; i++) {
    if (y[i] === null) { open = false; continue; }
    last = `${a.x(x[i]).toFixed(1)} ${a.y(y[i]).toFixed(1)}`;
    const lone = !open && (i + 1 === x.length || y[i + 1] === null);
    d += (open ? "L" : "M") + last + (lone ? "h.01" : "");
    open = true;
  }
  return d;
}

// area is the band between two curves.
function area(l, a) {
  let d = "";
  for (let i = 0, from = 0; i <= l.x.length; i++) {
    if (i < l.x.length && l.y[i] !== null && l.hi[i] !== null) continue;
    if (i > from) {
      const at = (k, y) => `${a.x(l.x[k]).toFixed(1)} ${a.y(y[k]).toFixed(1)}`;
      const there = [], back = [];
      for (let k = from; k < i; k++) { there.push(at(k, l.y)); back.unshift(at(k, l.hi)); }
      d += "M" + there.concat(back).join("L") + "Z";
    }
    from = i + 1;
  }
  return d;
}

// chart draws curves. The arrow keys and the pointer read values off.
function chart(box, f) {
  const d = f.data, width = box.clientWidth, height = Math.min(240, Math.max(170, width * 0.5));
  const lines = d.lines || [];
  const a = axes(width, height, span(lines.flatMap((l) => l.x), 0.01), span(lines.flatMap((l) => l.y.concat(l.hi || [])).concat(d.range || []), 0.05), d.x, d.y,
    d.x === "epoch" ? ticks(...span(lines.flatMap((l) => l.x), 0), Math.max(2, width / 90)).filter((v) => v === Math.round(v)) : null);
  legend(box, lines.filter((l) => l.name).map((l) => ({ name: l.name, mark: l.hi ? `<rect class="band f${l.colour}" width="22" height="12"/>`
    : l.dots ? `<circle class="f${l.colour}" cx="11" cy="6" r="4"/>` : `<path class="stroke k${l.colour}${l.dashed ? " dash" : ""}" d="M0 6H22"/>` })));
  let s = a.svg;
  for (const l of lines) {
    if (l.hi) s += `<path class="band f${l.colour}" d="${area(l, a)}"/>`;
    else if (l.dots) s += l.x.map((x, i) => l.y[i] === null ? "" : `<circle class="f${l.colour}" cx="${a.x(x).toFixed(1)}" cy="${a.y(l.y[i]).toFixed(1)}" r="3"/>`).join("");
    else s += `<path class="stroke k${l.colour}${l.dashed ? " dash" : ""}" stroke-linecap="round" d="${runs(l.x, l.y, a)}"/>`;
  }
  const holder = picture(box, width, height, `${f.title}: ${lines.map((l) => l.name).join(", ")}. Arrow keys read values.`, s + `<path class="mark" d=""/>`);
  reader(box, holder, lines, a, d.x || "x");
}

// reader shows the values of the lines at one place.
function reader(box, holder, lines, a, xName) {
  const svg = holder.firstChild, mark = svg.lastChild, out = add(box, "div", "read");
  const xs = [...new Set(lines.flatMap((l) => l.x))].sort((p, q) => p - q);
  let at = -1;
  svg.setAttribute("tabindex", "0");
  const show = (k) => {
    if (!xs.length) return;
    at = Math.max(0, Math.min(xs.length - 1, k));
    mark.setAttribute("d", `M${a.x(xs[at])} ${a.top}V${a.bottom}`);
    const said = [];
    for (const l of lines) {
      const i = l.x.indexOf(xs[at]);
      if (i >= 0 && l.y[i] !== null) said.push(`${l.name || "value"} ${short(l.y[i])}${l.hi ? " to " + short(l.hi[i]) : ""}`);
    }
    out.textContent = `${xName} ${short(xs[at])}: ${said.join(", ")}`;
  };
  svg.addEventListener("pointermove", (e) => {
    const x = e.clientX - svg.getBoundingClientRect().left;
    let best = 0;
    xs.forEach((v, k) => { if (Math.abs(a.x(v) - x) < Math.abs(a.x(xs[best]) - x)) best = k; });
    show(best);
  });
  svg.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[e.key];
    if (!step) return;
    e.preventDefault();
    out.setAttribute("aria-live", "polite");
    show(at + step * (e.shiftKey ? 10 : 1));
  });
}

// bars draws values side by side.
function bars(box, f) {
  const d = f.data, n = d.values.length, width = Math.min(box.clientWidth, 70 + 80 * n), height = 220;
  const a = axes(width, height, [0, n], [0, Math.max(span(d.values, 0.05)[1], 1e-6)], d.x, d.y, []);
  const w = (a.right - a.left) / n;
  const every = Math.ceil(Math.max(...d.names.map((s) => s.length)) * 8 / w);
  let s = a.svg;
  d.values.forEach((v, i) => {
    s += `<rect class="f0 bar" x="${a.left + i * w}" y="${a.y(v)}" width="${w}" height="${a.bottom - a.y(v)}"><title>${escape(d.names[i])}: ${short(v)}</title></rect>`;
    if (i % every === 0) s += `<text x="${a.left + (i + 0.5) * w}" y="${a.bottom + 17}" text-anchor="middle">${escape(d.names[i])}</text>`;
  });
  picture(box, width, height, `${f.title}: ${d.names.map((m, i) => `${m} ${short(d.values[i])}`).slice(0, 24).join(", ")}`, s);
}

// The marks of the groups of a map, which differ in shape where the colours begin again.
const marks = ["M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0Z", "M-2.3 -2.3h4.6v4.6h-4.6Z", "M0 -3l2.9 5h-5.8Z", "M0 -3.4l2.6 3.4l-2.6 3.4l-2.6 -3.4Z"];

// cloud is the points of a group as one path.
function cloud(g, i, a) {
  const shape = marks[Math.floor(i / 6) % marks.length].slice(1);
  const [first, rest] = [shape.match(/^(-?[\d.]+) (-?[\d.]+)/), shape.replace(/^(-?[\d.]+) (-?[\d.]+)/, "")];
  let s = "";
  for (let k = 0; k < g.x.length; k++) {
    if (g.x[k] !== null && g.y[k] !== null) s += `M${(a.x(g.x[k]) + +first[1]).toFixed(1)} ${(a.y(g.y[k]) + +first[2]).toFixed(1)}${rest}`;
  }
  return `<path class="f${i % 6} group" fill-opacity="0.7" d="${s}"/>`;
}

// map draws points in groups; the legend above shows one group alone. It returns the axes and the SVG.
function map(box, f, xs, ys, most) {
  const d = f.data, width = box.clientWidth, height = Math.min(most || 520, Math.max(280, width * 0.75));
  const all = (k) => d.groups.flatMap((g) => g[k]);
  const a = axes(width, height, xs || span(all("x"), 0.04), ys || span(all("y"), 0.04), d.x, d.y);
  let groups = [];
  if (d.groups.length > 1) {
    legend(box, d.groups.map((g, i) => ({ name: g.name || "no name", mark: `<path class="f${i % 6}" transform="translate(11 6) scale(1.6)" d="${marks[Math.floor(i / 6) % marks.length]}"/>`,
      press: (button) => {
        const alone = button.getAttribute("aria-pressed") !== "true";
        for (const b of box.querySelectorAll(".legend button")) b.setAttribute("aria-pressed", String(alone && b === button));
        groups.forEach((p, k) => p.classList.toggle("faint", alone && k !== i));
      } })));
  }
  const holder = picture(box, width, height, `${f.title}: ${d.groups.length} groups of points`, a.svg + d.groups.map((g, i) => cloud(g, i, a)).join(""));
  groups = [...holder.querySelectorAll(".group")];
  return [a, holder.firstChild];
}

// images draws pictures of pixels on a sheet.
function images(box, f) {
  const d = f.data, pixels = bytesOf(d.pixels), size = d.rows * d.cols, n = Math.floor(pixels.length / size);
  const gap = d.touched ? 0 : 4;
  let across = d.across || Math.max(1, Math.min(n, Math.floor((box.clientWidth + gap) / ((d.names ? 88 : 40) + gap))));
  if (!d.across && !d.names) across = Math.min(across, Math.ceil(Math.sqrt(n)));
  const cell = Math.max(1, Math.min(d.touched ? 44 : d.names ? 120 : n === 1 ? 320 : 64, Math.floor((box.clientWidth + gap) / across - gap)));
  const sheet = add(box, "div", "sheet");
  if (!d.names) {
    const c = add(sheet, "canvas"), down = Math.ceil(n / across), tall = Math.round(cell * d.rows / d.cols);
    c.width = across * (cell + gap) - gap;
    c.height = down * (tall + gap) - gap;
    c.setAttribute("role", "img");
    c.setAttribute("aria-label", `${f.title}: ${f.words}`);
    for (let i = 0; i < n; i++) {
      c.getContext("2d").imageSmoothingEnabled = false;
      c.getContext("2d").drawImage(pixelsOf(pixels.subarray(i * size, (i + 1) * size), d.cols, d.rows), i % across * (cell + gap), Math.floor(i / across) * (tall + gap), cell, tall);
    }
    return;
  }
  for (let i = 0; i < n; i++) {
    const holder = add(sheet, "div"), c = pixelsOf(pixels.subarray(i * size, (i + 1) * size), d.cols, d.rows);
    c.style.width = cell + "px";
    c.setAttribute("role", "img");
    c.setAttribute("aria-label", d.names[i]);
    holder.style.width = cell + "px";
    holder.append(c, d.names[i]);
  }
}

// pixelsOf is a canvas of greys.
function pixelsOf(values, cols, rows) {
  const c = document.createElement("canvas");
  c.width = cols;
  c.height = rows;
  const image = c.getContext("2d").createImageData(cols, rows);
  values.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
  c.getContext("2d").putImageData(image, 0, 0);
  return c;
}

// strokes draws each drawing in a square of its own.
function strokes(box, f) {
  const d = f.data, gap = 4, across = Math.max(2, Math.min(d.paths.length < 4 ? 2 : 8, Math.floor((box.clientWidth + gap) / (84 + gap))));
  const cell = Math.min(d.paths.length === 1 ? 320 : 140, Math.floor((box.clientWidth + gap) / (d.paths.length === 1 ? 1 : across)) - gap);
  const sheet = add(box, "div", "sheet");
  d.paths.forEach((p, i) => {
    const holder = add(sheet, "div"), name = d.names ? d.names[i] : `${f.title}, ${i + 1}`;
    holder.style.width = cell + "px";
    holder.innerHTML = `<svg role="img" aria-label="${escape(name)}" width="${cell}" height="${cell}" viewBox="0 0 100 100"><path class="stroke ${d.sample ? "k1" : "k0"}" stroke-linecap="round" d="${escape(p)}"/></svg>`;
    if (d.names) holder.append(d.names[i]);
  });
}

// text shows characters, the less expected ones darker.
function text(box, f) {
  const d = f.data, p = add(box, "p", "text");
  if (!d.scores) { p.textContent = d.text; return; }
  const level = (v) => v === null || v >= 6 ? 4 : v >= 4 ? 3 : v >= 2.5 ? 2 : v >= 1.2 ? 1 : 0;
  let run = "", of = -1;
  const flush = () => { if (run) add(p, "span", of ? "s" + of : "", run); run = ""; };
  [...d.text].forEach((c, i) => {
    const k = level(d.scores[i] ?? null);
    if (k !== of) { flush(); of = k; }
    run += c;
  });
  flush();
  legend(box, ["below 1.2 nats", "1.2", "2.5", "4", "6 and more"].map((name, k) => ({ name, mark: "" , k })));
  box.querySelectorAll(".legend span").forEach((e, k) => { if (k) e.classList.add("s" + k); e.querySelector("svg").remove(); });
}
