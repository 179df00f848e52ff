"use strict";
// Line charts in SVG: hover for values, drag to zoom, double click for all, a click on the legend hides a line.
// spec: {x: {name: {label, values}}, series: [{name, values, colour, dots, faint}], label, log, reference: {value, name}}
const SVG = "http://www.w3.org/2000/svg";

function element(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

function html(parent, name, attributes, text) {
  const made = document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

function ticks(low, high, count, log) {
  const found = [];
  if (log) {
    const decades = Math.log10(high / low);
    const steps = decades > 4 ? [1] : decades > 1.6 ? [1, 2, 5] : decades > 0.8 ? [1, 1.5, 2, 3, 4, 5, 7] : null;
    if (steps) {
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
        for (const step of steps) {
          const value = step * 10 ** power;
          if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
        }
      return found;
    }
  }
  const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(each => each * power).find(each => each >= raw);
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) found.push(value);
  return found;
}

function shown(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}

function exact(value) {
  return Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

function span(seconds) {
  if (seconds < 120) return shown(seconds) + " s";
  if (seconds < 5400) return shown(seconds / 60) + " min";
  return shown(seconds / 3600) + " h";
}

class Chart {
  constructor(place, spec) {
    this.place = place;
    this.spec = spec;
    this.axis = Object.keys(spec.x)[0];
    this.log = Boolean(spec.log);
    this.hidden = new Set(spec.series.filter(each => each.off).map(each => each.name));
    this.range = null;
    this.bar();
    this.frame = html(place, "div", {class: "chart"});
    this.tip = html(this.frame, "div", {class: "tip", hidden: ""});
    this.legend = html(place, "div", {class: "legend"});
    this.draw();
    let width = place.clientWidth;
    new ResizeObserver(() => { if (place.clientWidth !== width) { width = place.clientWidth; this.draw(); } }).observe(place);
  }

  bar() {
    const bar = html(this.place, "div", {class: "bar"});
    const names = Object.keys(this.spec.x);
    const buttons = names.length > 1 ? names.map(name => {
      const button = html(bar, "button", {type: "button"}, "by " + name);
      button.onclick = () => { this.axis = name; this.range = null; this.draw(); };
      return [button, () => this.axis === name];
    }) : [];
    if (!this.spec.plain) {
      const log = html(bar, "button", {type: "button"}, "log scale");
      log.onclick = () => { this.log = !this.log; this.draw(); };
      buttons.push([log, () => this.log]);
    }
    this.all = html(bar, "button", {type: "button", hidden: ""}, "whole range");
    this.all.onclick = () => { this.range = null; this.draw(); };
    this.pressed = () => buttons.forEach(([button, on]) => button.setAttribute("aria-pressed", String(on())));
  }

  points(series) {
    const xs = (series.x || this.spec.x)[this.axis].values;
    return series.values.map((y, i) => [xs[i], y, i]).filter(([x, y]) => y !== null && (!this.log || y > 0));
  }

  visible() { return this.spec.series.filter(each => !this.hidden.has(each.name)); }

  scales(width, height) {
    const inside = this.visible().flatMap(each => this.points(each));
    const xs = inside.map(point => point[0]);
    const whole = xs.length ? [Math.min(...xs), Math.max(...xs)] : [0, 1];
    const [x0, x1] = this.range || (whole[0] < whole[1] ? whole : [whole[0] - 1, whole[0] + 1]);
    const ys = inside.filter(([x]) => x >= x0 && x <= x1).map(point => point[1]);
    if (this.spec.reference && !this.hidden.size) ys.push(this.spec.reference.value);
    let low = ys.length ? Math.min(...ys) : 0.1, high = ys.length ? Math.max(...ys) : 1;
    if (this.log) { low *= 0.92; high *= 1.08; } else { low = Math.min(0, low); high = high * 1.05 || 1; }
    const left = 52, right = 12, top = 10, bottom = 34;
    const f = this.log ? Math.log10 : value => value;
    return {
      left, right: width - right, top, bottom: height - bottom, x0, x1, low, high,
      x: value => left + (value - x0) / (x1 - x0) * (width - left - right),
      y: value => height - bottom - (f(value) - f(low)) / (f(high) - f(low)) * (height - top - bottom),
      back: px => x0 + (px - left) / (width - left - right) * (x1 - x0),
    };
  }

  draw() {
    this.pressed();
    this.all.hidden = !this.range;
    if (this.svg) this.svg.remove();
    const width = Math.max(280, this.place.clientWidth - 2), height = Math.round(Math.min(340, Math.max(210, width * 0.5)));
    const svg = this.svg = element(this.frame, "svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": this.spec.label});
    const s = this.s = this.scales(width, height);
    for (const value of ticks(s.low, s.high, height / 55, this.log)) {
      element(svg, "line", {class: "axis", x1: s.left, x2: s.right, y1: s.y(value), y2: s.y(value)});
      element(svg, "text", {x: s.left - 7, y: s.y(value) + 4, "text-anchor": "end"}, shown(value));
    }
    const time = this.axis === "time";
    const unit = s.x1 - s.x0 < 120 ? 1 : s.x1 - s.x0 < 7200 ? 60 : 3600;
    const scale = time ? unit : 1;
    for (const value of ticks(s.x0 / scale, s.x1 / scale, width / 90, false))
      element(svg, "text", {x: s.x(value * scale), y: s.bottom + 17, "text-anchor": "middle"}, shown(value));
    const label = time ? {1: "seconds", 60: "minutes", 3600: "hours"}[unit] : this.spec.x[this.axis].label;
    element(svg, "text", {x: s.right, y: s.bottom + 31, "text-anchor": "end"}, label);
    const clip = "clip" + Math.random().toString(36).slice(2);
    element(element(svg, "clipPath", {id: clip}), "rect", {x: s.left - 4, y: s.top - 4, width: s.right - s.left + 8, height: s.bottom - s.top + 8});
    const lines = element(svg, "g", {"clip-path": `url(#${clip})`});
    const reference = this.spec.reference;
    if (reference && reference.value > s.low && reference.value < s.high) {
      element(lines, "line", {class: "reference", x1: s.left, x2: s.right, y1: s.y(reference.value), y2: s.y(reference.value)});
      element(svg, "text", {x: s.right, y: s.y(reference.value) - 5, "text-anchor": "end"}, reference.name);
    }
    for (const each of this.visible()) {
      const points = this.points(each).map(([x, y]) => `${s.x(x).toFixed(1)},${s.y(y).toFixed(1)}`);
      element(lines, "polyline", {class: "line", points: points.join(" "), style: `stroke: var(${each.colour}); opacity: ${each.faint ? 0.55 : 1}`});
      if (each.dots || points.length === 1) for (const point of points) {
        const [cx, cy] = point.split(",");
        element(lines, "circle", {cx, cy, r: points.length > 60 ? 1.5 : 2.6, style: `fill: var(${each.colour})`});
      }
    }
    this.window = element(svg, "rect", {class: "window", y: s.top, height: s.bottom - s.top, width: 0, x: 0});
    this.cursor = element(svg, "line", {class: "cursor", y1: s.top, y2: s.bottom, visibility: "hidden"});
    this.listen(svg, width);
    this.names();
  }

  names() {
    this.legend.replaceChildren();
    for (const each of this.spec.series) {
      const button = html(this.legend, "button", {type: "button", "aria-pressed": String(!this.hidden.has(each.name))});
      html(button, "i", {style: `background: var(${each.colour}); opacity: ${each.faint ? 0.55 : 1}`});
      button.append(each.name);
      button.onclick = () => {
        this.hidden.has(each.name) ? this.hidden.delete(each.name) : this.hidden.add(each.name);
        this.draw();
      };
    }
  }

  listen(svg, width) {
    const place = event => {
      const box = svg.getBoundingClientRect();
      return Math.min(this.s.right, Math.max(this.s.left, (event.clientX - box.left) * width / box.width));
    };
    let from = null;
    svg.onpointerdown = event => { if (event.pointerType === "mouse") { from = place(event); svg.setPointerCapture(event.pointerId); } this.hover(place(event), svg); };
    svg.onpointermove = event => {
      const at = place(event);
      this.hover(at, svg);
      if (from !== null) { this.window.setAttribute("x", Math.min(from, at)); this.window.setAttribute("width", Math.abs(at - from)); }
    };
    svg.onpointerup = event => {
      const at = place(event), began = from;
      from = null;
      if (began !== null && Math.abs(at - began) > 8) {
        this.range = [this.s.back(Math.min(at, began)), this.s.back(Math.max(at, began))];
        this.tip.hidden = true;
        this.draw();
      }
    };
    svg.onpointerleave = () => { if (from === null) { this.tip.hidden = true; this.cursor.setAttribute("visibility", "hidden"); } };
    svg.ondblclick = () => { this.range = null; this.draw(); };
  }

  hover(px, svg) {
    const at = this.s.back(px), near = [];
    for (const each of this.visible()) {
      const points = this.points(each).filter(([x]) => x >= this.s.x0 && x <= this.s.x1);
      if (points.length) near.push([each, points.reduce((a, b) => Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a)]);
    }
    if (!near.length) return;
    const closest = near.reduce((a, b) => Math.abs(b[1][0] - at) < Math.abs(a[1][0] - at) ? b : a)[1];
    const x = this.s.x(closest[0]);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    this.cursor.setAttribute("visibility", "visible");
    this.tip.replaceChildren();
    html(this.tip, "b", {}, this.axis === "time" ? span(closest[0]) : this.axis + " " + exact(closest[0]));
    for (const [each, point] of near) {
      const row = html(this.tip, "div", {});
      const away = Math.abs(point[0] - closest[0]) > (this.s.x1 - this.s.x0) / 50;
      html(row, "i", {style: `display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:5px;background:var(${each.colour})`});
      row.append(each.name + "  " + exact(point[1]) + (this.spec.unit || "") + (away ? " (at " + (this.axis === "time" ? span(point[0]) : exact(point[0])) + ")" : ""));
    }
    this.tip.hidden = false;
    const share = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width, left = x * share;
    const wide = this.tip.offsetWidth, room = this.frame.clientWidth;
    this.tip.style.left = Math.max(0, left + 14 + wide > room ? left - 14 - wide : left + 14) + "px";
    this.tip.style.top = "12px";
  }
}

// Tables and lists that can be sorted: a click on <th data-sort>, or on a button with data-by.
function sortable(table) {
  const heads = [...table.querySelectorAll("th[data-sort]")];
  heads.forEach(head => {
    head.tabIndex = 0;
    head.onclick = () => {
      const rising = head.getAttribute("aria-sort") === "descending";
      const column = [...head.parentNode.children].indexOf(head), body = table.tBodies[0];
      const key = row => { const cell = row.children[column]; return cell.dataset.value ?? cell.textContent; };
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)], numbers = head.dataset.sort === "number";
        if (numbers && (x === "" || y === "")) return x === y ? 0 : x === "" ? 1 : -1;
        return (numbers ? Number(x) - Number(y) : x.localeCompare(y)) * (rising ? 1 : -1);
      });
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      body.append(...rows);
    };
    head.onkeydown = event => { if (event.key === "Enter") head.onclick(); };
  });
}

function arrange(list, buttons) {
  buttons.forEach(button => {
    button.onclick = () => {
      const key = button.dataset.by;
      const value = item => item.dataset[key];
      const items = [...list.children].sort((a, b) => key === "label"
        ? value(a).localeCompare(value(b), undefined, {numeric: true}) || b.dataset.loss - a.dataset.loss
        : key === "loss" ? value(b) - value(a) : value(a) - value(b));
      list.append(...items);
      buttons.forEach(each => each.setAttribute("aria-pressed", String(each === button)));
    };
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const data = document.getElementById("charts");
  if (data) for (const [id, spec] of Object.entries(JSON.parse(data.textContent))) new Chart(document.getElementById(id), spec);
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("[data-list]").forEach(bar => arrange(document.getElementById(bar.dataset.list), [...bar.querySelectorAll("button")]));
  const filters = [...document.querySelectorAll("[data-filter]")];
  const filter = () => document.querySelectorAll("tbody.filtered tr").forEach(row => {
    row.hidden = !filters.every(each => each.dataset.filter === "text"
      ? row.textContent.toLowerCase().includes(each.value.toLowerCase())
      : !each.value || row.dataset[each.dataset.filter] === each.value);
  });
  filters.forEach(each => { each.oninput = filter; });
});
