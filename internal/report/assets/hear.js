// What can be heard: piano rolls through Web Audio, recordings as they are.

const quarter = 0.55; // seconds

let playing = null; // what stops what is heard

// play sounds notes, and calls tick with the share of the roll that is over and done at the end. It returns what stops it.
function play(d, tick, done) {
  if (playing) playing();
  const context = new AudioContext(), step = quarter / d.perQuarter, out = context.createGain();
  const from = context.currentTime + 0.06, end = from + d.steps * step;
  out.gain.value = 0.16;
  const limiter = context.createDynamicsCompressor();
  out.connect(limiter).connect(context.destination);
  for (const [note, begin, stop] of d.notes) {
    const tone = context.createOscillator(), gain = context.createGain(), at = from + begin * step, to = from + stop * step;
    tone.type = "triangle";
    tone.frequency.value = 440 * Math.pow(2, (note - 69) / 12);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(1, at + 0.012);
    gain.gain.setTargetAtTime(0.35, at + 0.012, 0.35);
    gain.gain.setTargetAtTime(0, Math.max(to - 0.05, at + 0.02), 0.03);
    tone.connect(gain).connect(out);
    tone.start(at);
    tone.stop(to + 0.2);
  }
  let frame = 0;
  const stop = () => {
    cancelAnimationFrame(frame);
    if (playing === stop) playing = null;
    context.close();
    done();
  };
  const watch = () => {
    if (context.currentTime > end + 0.2) { stop(); return; }
    tick(Math.max(0, (context.currentTime - from) / (end - from)));
    frame = requestAnimationFrame(watch);
  };
  watch();
  playing = stop;
  return stop;
}

// roll draws notes over time, and plays them.
function roll(box, f) {
  const d = f.data, width = box.clientWidth, height = Math.min(260, Math.max(150, (d.high - d.low) * 5)) + 38;
  const quarters = d.length / d.perQuarter;
  const a = axes(width, height, [0, Math.max(quarters, 1)], [d.low - 0.5, d.high + 0.5], "quarter notes", "", null);
  const names = [];
  let s = "";
  for (let n = d.low; n <= d.high; n++) {
    const y = a.y(n + 0.5), h = a.y(n - 0.5) - y;
    if ([1, 3, 6, 8, 10].includes(n % 12)) s += `<rect class="key" x="${a.left}" y="${y}" width="${a.right - a.left}" height="${h}"/>`;
    if (n % 12 === 0) {
      s += `<path class="grid" d="M${a.left} ${y + h}H${a.right}"/>`;
      names.push(`<text x="${a.left - 6}" y="${a.y(n) + 4}" text-anchor="end">C${n / 12 - 1}</text>`);
    }
  }
  // The axis of the notes has their names in place of numbers.
  const frame = a.svg.replace(/<path class="grid"[^>]*\/><text[^>]*text-anchor="end">[^<]*<\/text>/g, "");
  for (const [note, begin, end] of d.notes) {
    const x = a.x(begin / d.perQuarter), to = a.x(end / d.perQuarter), y = a.y(note + 0.42);
    s += `<rect class="${d.sample ? "f1" : "f0"}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(to - x - Math.min(1, (to - x) * 0.2), 0.5).toFixed(1)}" height="${(a.y(note - 0.42) - y).toFixed(1)}"/>`;
  }
  const tools = add(box, "div", "tools"), button = add(tools, "button", "", "Play");
  button.type = "button";
  button.setAttribute("aria-label", "Play " + f.title);
  const holder = picture(box, width, height, `Piano roll, ${f.title}: ${f.words}`, s + frame + names.join(""));
  const needle = add(holder, "div", "needle");
  let stop = null;
  const begin = () => {
    button.textContent = "Stop";
    needle.style.display = "block";
    stop = play(d, (share) => { needle.style.left = a.x(share * d.steps / d.perQuarter) + "px"; }, () => {
      stop = null;
      button.textContent = "Play";
      needle.style.display = "none";
    });
  };
  button.addEventListener("click", () => { if (stop) stop(); else begin(); });
  button.disabled = d.notes.length === 0;
  return begin;
}

// sound draws the envelope of a recording and its spectrogram over the same seconds.
function sound(box, f) {
  const d = f.data, width = box.clientWidth, height = 120, colour = d.sample ? 1 : 0;
  const peak = [-d.peak * 1.02, d.peak * 1.02];
  const player = add(box, "audio");
  player.controls = true;
  player.preload = "metadata";
  player.src = "data:audio/wav;base64," + d.wav;
  player.setAttribute("aria-label", f.title);
  const a = axes(width, height, [0, d.length], peak, "", "amplitude"), n = d.low.length;
  const x = (i) => a.x(i / n * d.seconds).toFixed(1);
  const top = d.high.map((v, i) => x(i) + " " + a.y(v ?? 0).toFixed(1)), under = d.low.map((v, i) => x(i) + " " + a.y(v ?? 0).toFixed(1)).reverse();
  picture(box, width, height, `Envelope of ${f.title}: ${f.words}`, a.svg + (n ? `<path class="f${colour} k${colour}" stroke-width="0.6" d="M${top.concat(under).join("L")}Z"/>` : ""));
  // The same seconds are above each other, whatever the numbers beside them.
  const tall = 190, c = axesAt(width, tall, d, a.left);
  const holder = picture(box, width, tall, `Spectrogram of ${f.title}, 0 to ${short(d.hertz)} Hz, ${d.range} dB`, c.svg);
  const image = spectrogram(d);
  if (!image) return;
  image.setAttribute("aria-hidden", "true");
  Object.assign(image.style, { position: "absolute", left: c.left + 1 + "px", top: c.top + "px", width: (c.right - c.left) * d.seconds / d.length - 1 + "px", height: c.bottom - c.top - 1 + "px" });
  holder.append(image);
}

// axesAt are the axes of a spectrogram, beginning at a given place.
function axesAt(width, height, d, left) {
  const a = axes(width, height, [0, d.length], [0, d.hertz / 1000], "seconds", "kHz");
  if (a.left === left) return a;
  const wide = axes(width - (left - a.left), height, [0, d.length], [0, d.hertz / 1000], "seconds", "kHz");
  const by = left - a.left;
  return { ...wide, left: wide.left + by, right: wide.right + by, svg: `<g transform="translate(${by} 0)">${wide.svg}</g>` };
}

// spectrogram is a canvas of loudness, in colours that also grow lighter.
function spectrogram(d) {
  if (!d.cols || !d.rows) return null;
  const c = document.createElement("canvas"), levels = bytesOf(d.levels);
  c.width = d.cols;
  c.height = d.rows;
  const image = c.getContext("2d").createImageData(d.cols, d.rows);
  const stops = [[0, 0, 8], [60, 15, 110], [150, 40, 120], [225, 90, 60], [250, 175, 50], [252, 250, 180]];
  for (let t = 0; t < d.cols; t++) {
    for (let r = 0; r < d.rows; r++) {
      const v = levels[t * d.rows + r] / 255 * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(v)), w = v - k;
      image.data.set([0, 1, 2].map((j) => stops[k][j] * (1 - w) + stops[k + 1][j] * w).concat(255), 4 * ((d.rows - 1 - r) * d.cols + t));
    }
  }
  c.getContext("2d").putImageData(image, 0, 0);
  return c;
}
