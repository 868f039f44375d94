"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const two = data.rows.some((row) => "flip" in row);
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const wanted = { status: "", right: "", flip: "", text: "", groups: {} };

  // Text only ever enters the page as text.
  function make(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function shown(cell, name) {
    return make("span", cell, name);
  }

  for (const row of data.rows) {
    row.line = row.question.replace(/\s+/g, " ").trim();
    row.found = [row.key, row.video, row.question, row.options.join(" "), row.response || "",
      row.thinking, row.told, row.reason, ...(row.judges || []).flatMap((one) => one.calls.map((call) => call.reply)), row.second ? row.second.response || "" : ""]
      .join("\n").toLowerCase();
  }

  function passes(row) {
    if (wanted.status && row.status !== wanted.status) return false;
    if (wanted.right && row.right !== wanted.right) return false;
    if (wanted.flip && row.flip !== wanted.flip) return false;
    for (const [name, value] of Object.entries(wanted.groups)) {
      if (value && !(row.groups[name] || []).includes(value)) return false;
    }
    return !wanted.text || row.found.includes(wanted.text);
  }

  const columns = [
    { title: "question", field: "line", widthGrow: 4, minWidth: window.innerWidth > 760 ? 200 : 140, responsive: 0 },
    { title: "target", field: "target", width: 98, responsive: 1 },
    { title: two ? "first" : "answer", field: "answer", width: 108, responsive: 0, right: "right" },
    { title: "status", field: "status", width: 98, responsive: 2 },
    { title: "id", field: "key", width: 110, responsive: 3 },
  ];
  if (two) {
    columns.splice(3, 0,
      { title: "second", field: "second.answer", width: 100, responsive: 0, right: "second.right" },
      { title: "change", field: "flip", width: 100, responsive: 1 });
  }
  for (const column of columns) {
    const right = column.right;
    delete column.right;
    column.formatter = function (cell) {
      const row = cell.getData();
      const how = right === "right" ? row.right : right ? (row.second || {}).right : "";
      return shown(cell.getValue(), how);
    };
    column.headerTooltip = false;
  }

  const table = new Tabulator("#list", {
    data: data.rows, index: "key", columns: columns, layout: "fitColumns",
    responsiveLayout: "hide", height: "80vh", selectableRows: "highlight", placeholder: "no question like that",
    columnDefaults: { resizable: false },
  });
  function choose(row) {  // a second click on a row does not take it back
    table.deselectRow();
    row.select();
    open(row.getData());
  }

  table.on("rowClick", (event, row) => {
    choose(row);
    const article = document.getElementById("sample");
    if (window.matchMedia("(max-width: 760px)").matches) article.scrollIntoView();
  });
  table.on("tableBuilt", () => {
    refilter();
    const first = table.getRows("active")[0];
    if (first) choose(first);
    document.body.dataset.ready = "yes";
  });

  const count = make("span", "", "note");
  count.id = "count";
  function refilter() {
    table.setFilter(passes);
    const left = table.getDataCount("active");
    count.textContent = left + " of " + data.rows.length + " questions";
  }

  function choice(label, values, set) {
    if (values.length < 2) return;
    const select = make("select");
    select.setAttribute("aria-label", label);
    select.append(new Option(label + ": all", ""));
    for (const value of values) select.append(new Option(value, value));
    select.addEventListener("change", () => { set(select.value); refilter(); });
    document.getElementById("filters").append(select);
  }

  function several(of) {
    return [...new Set(data.rows.flatMap(of))].sort();
  }

  choice("status", several((row) => row.status), (value) => { wanted.status = value; });
  choice("score", several((row) => row.right), (value) => { wanted.right = value; });
  if (two) choice("change", several((row) => row.flip), (value) => { wanted.flip = value; });
  for (const name of data.groups) {
    choice(name, several((row) => row.groups[name] || []), (value) => { wanted.groups[name] = value; });
  }
  const search = make("input");
  search.type = "search";
  search.placeholder = "search questions and responses";
  search.setAttribute("aria-label", "search");
  search.addEventListener("input", () => { wanted.text = search.value.toLowerCase(); refilter(); });
  document.getElementById("filters").append(search, count);

  function folded(title, text, isOpen) {
    const made = make("details");
    made.open = Boolean(isOpen);
    made.append(make("summary", title), make("pre", text));
    return made;
  }

  function strip(clip) {
    const made = make("div");
    const pictures = make("div", null, "strip");
    let lacking = 0;
    clip.frames.forEach((frame, i) => {
      const figure = make("figure");
      if (frame === null) figure.append(make("div", null, "black"));
      else figure.append(picture(clip, frame, () => {
        lacking += 1;
        if (lacking === 1) made.append(make("p", "No pictures of the frames here: harness view " + data.id + " makes them.", "note"));
      }));
      const time = clip.times[i];
      const where = frame !== null && (clip.control || time === undefined) ? "frame " + frame : "";
      const said = [time === undefined ? "" : time.toFixed(2) + " s", where].filter(Boolean);
      figure.append(make("figcaption", said.join("\n")));
      pictures.append(figure);
    });
    if (clip.control) made.append(make("p", "control " + clip.control + ": the frames as the model was shown them", "note"));
    made.append(pictures);
    return made;
  }

  function picture(clip, frame, lacking) {
    const image = make("img");
    image.loading = "lazy";
    image.alt = "frame " + frame;
    image.addEventListener("error", () => { image.remove(); lacking(); });
    image.src = clip.at + "/" + frame + ".jpg";
    return image;
  }

  // Every call of a judge: its prompt folded, its reply as it came, and how that had to be read.
  function judged(one) {
    const made = make("section");
    made.append(make("h2", "Judge"), make("p", one.judge + ", replies read: " + one.parse, one.parse === "ok" ? "note" : "warn"));
    for (const call of one.calls) {
      const prompt = (call.prompt || []).map(([role, place]) => role + ": " + data.texts[place]).join("\n\n");
      made.append(folded("what it was asked", prompt || "its prompt cannot be told", false));
      made.append(call.reply === null ? make("p", "no reply kept with this prompt", "warn") : make("pre", call.reply));
    }
    if (one.reason) made.append(make("p", one.reason, "warn"));
    return made;
  }

  function options(row) {
    const list = make("ol", null, "options");
    row.options.forEach((text, i) => {
      const letter = LETTERS[i] || String(i + 1);
      const item = make("li", letter + ". " + text);
      const marks = [];
      if (row.target === letter) { item.classList.add("target"); marks.push("right"); }
      if (row.answer === letter) { item.classList.add("chosen"); marks.push(two ? "first" : "chosen"); }
      if (row.second && row.second.answer === letter) marks.push("second");
      if (marks.length) item.append(make("span", marks.join(", "), "tag"));
      list.append(item);
    });
    return list;
  }

  function said(title, one) {
    const made = make("div");
    made.append(make("h2", title));
    if (one.thinking) made.append(folded("thinking", one.thinking, false));
    made.append(one.response === null ? make("p", "no response", "warn") : make("pre", one.response));
    if (one.reason) made.append(make("p", one.reason, "warn"));
    return made;
  }

  function read(rules) {
    const answers = Object.keys(rules);
    if (!answers.length) return make("span");
    const made = make("details");
    made.open = answers.length > 1;
    const all = answers.length === 1 ? "every rule reads " + answers[0] : "the rules disagree";
    made.append(make("summary", "extraction: " + all));
    const list = make("dl");
    for (const answer of answers) list.append(make("dt", answer), make("dd", rules[answer].join(", ")));
    made.append(list);
    return made;
  }

  function open(row) {
    const article = document.getElementById("sample");
    const parts = [make("p", row.key + " · " + row.video, "note"), strip(data.clips[row.clip]),
      make("p", row.question, "asked")];
    if (row.options.length) parts.push(options(row));
    else parts.push(make("p", "target: " + row.target), make("p", "read: " + row.answer));
    if (row.worth !== null) parts.push(make("p", "score " + row.worth, row.right));
    parts.push(said(two ? "First response" : "Response", row));
    if (two) parts.push(row.second ? said("Second response", row.second) : make("p", "not asked by the second"));
    if (row.second && row.second.clip !== row.clip) parts.push(strip(data.clips[row.second.clip]));
    const judges = row.judges || [];
    for (const one of judges) parts.push(judged(one));
    const heard = judges.some((one) => one.calls.map((call) => call.reply).join("\n") === row.told);
    if (row.told && !heard) parts.push(folded("what the scorer or judge said", row.told, true));
    if (row.rules) parts.push(read(row.rules));
    for (const note of row.notes) parts.push(make("p", note, "note"));
    if (row.tokens) parts.push(make("p", row.tokens + (row.finish ? ", ended: " + row.finish : ""), "note"));
    parts.push(folded("prompt", row.prompt, false));
    article.replaceChildren(...parts);
    article.scrollTop = 0;
  }
})();
