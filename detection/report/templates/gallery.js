"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const settings = JSON.parse($("settings").textContent);
  const classes = settings.classes;
  const photos = [...document.querySelectorAll("script.photo")].map((element, index) => {
    const photo = JSON.parse(element.textContent);
    element.remove(); // its text is a copy of the picture
    photo.index = index;
    photo.found = photo.found
      .map(([x1, y1, x2, y2, label, score]) => ({ x1, y1, x2, y2, label, score }))
      .sort((a, b) => b.score - a.score);
    return photo;
  });
  // ---- what is asked for; it travels to the other pages of the run behind their addresses' #
  const asked = new URLSearchParams(location.hash.slice(1));
  const chosen = new Set(); // classes to show; none chosen: all
  classes.forEach(({ name }, label) => asked.getAll("class").includes(name) && chosen.add(label));
  let threshold = settings.threshold; // null: each class has its own, until the slider is moved
  if (asked.has("score") && asked.get("score") >= settings.floor) threshold = Number(asked.get("score"));
  const tellOtherPages = () => {
    const now = new URLSearchParams([...chosen].map((label) => ["class", classes[label].name]));
    if (threshold !== settings.threshold) now.set("score", threshold);
    document.querySelectorAll(".pager a").forEach((link) => {
      const [address] = link.getAttribute("href").split("#");
      link.setAttribute("href", `${now}` ? `${address}#${now}` : address);
    });
  };
  let shown = photos; // in the order of the grid
  let open = -1; // place in `shown` of the enlarged photo

  // ---- small makers of elements; text is only ever set as text
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const makeSvg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const counts = (found) => found.score >= (threshold ?? settings.thresholds[found.label]);
  const visible = (photo) =>
    photo.found.filter((found) => counts(found) && (!chosen.size || chosen.has(found.label)));

  // ---- a photo with its boxes
  const makeStage = (photo) => {
    const stage = make("div", "stage");
    stage.style.aspectRatio = `${photo.width} / ${photo.height}`;
    if (photo.picture) {
      const picture = make("img");
      picture.alt = "";
      picture.decoding = "async";
      picture.src = `data:image/jpeg;base64,${photo.picture}`;
      stage.append(picture);
    } else {
      stage.append(make("div", "gone", `no picture: ${photo.why}`));
    }
    return stage;
  };

  // A tag stands at the left edge of its box, or at the right edge in the right part of the photo.
  const placeTag = (tag, box, photo, below) => {
    const right = box.x1 > 0.6 * photo.width;
    const beside = `${Math.max(0, right ? 100 - (100 * box.x2) / photo.width : (100 * box.x1) / photo.width)}%`;
    tag.style[right ? "right" : "left"] = beside;
    tag.style.maxWidth = `calc(100% - ${beside})`;
    tag.style.top = `${Math.max(0, (100 * box.y1) / photo.height)}%`;
    tag.classList.toggle("above", !below);
  };

  const drawBoxes = (stage, photo, found, everyTag, [across, down]) => {
    stage.querySelectorAll("svg, .tag").forEach((element) => element.remove());
    const size = { viewBox: `0 0 ${photo.width} ${photo.height}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    const svg = makeSvg("svg", size);
    const boxes = found.map((box) => {
      const { name, ground, text } = classes[box.label];
      const place = { x: box.x1, y: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1 };
      const group = makeSvg("g", {});
      group.append(makeSvg("rect", { ...place, class: "edge" }), makeSvg("rect", { ...place, stroke: ground }));
      if (!everyTag && (place.width / photo.width) * across < 46) return { place, group, tag: null };
      const tag = make("span", "tag", `${name} ${box.score.toFixed(2)}`);
      placeTag(tag, box, photo, (box.y1 / photo.height) * down < 20);
      tag.style.background = ground;
      tag.style.color = text;
      return { place, group, tag };
    });
    const largestFirst = [...boxes].sort((a, b) => b.place.width * b.place.height - a.place.width * a.place.height);
    svg.append(...largestFirst.map(({ group }) => group)); // so that the pointer reaches the small ones
    const tags = boxes.map(({ tag }) => tag);
    stage.append(svg, ...tags.filter(Boolean).reverse()); // the best on top
    return { groups: boxes.map(({ group }) => group), tags };
  };

  // ---- the grid: tiles get their picture and boxes when they come near the window
  const near = new Set();
  const watcher = new IntersectionObserver((entries) => {
    const come = [];
    for (const { target, isIntersecting } of entries) {
      const photo = photos[target.dataset.index];
      if (isIntersecting) {
        near.add(photo);
        come.push(photo);
      } else {
        near.delete(photo);
      }
    }
    fillTiles(come);
  }, { rootMargin: "900px" });

  const fillTiles = (some) => {
    const filled = [...some].filter((photo) => photo.tile.isConnected);
    for (const photo of filled) {
      if (photo.stage) continue;
      photo.stage = makeStage(photo);
      photo.stage.classList.add(photo.width / photo.height >= photo.ratio ? "wide" : "tall");
      photo.frame.append(photo.stage);
    }
    const sizes = filled.map(({ stage }) => [stage.clientWidth, stage.clientHeight]); // all at once: one layout
    filled.forEach((photo, place) => drawBoxes(photo.stage, photo, photo.visible, false, sizes[place]));
  };

  const makeTile = (photo) => {
    photo.ratio = Math.min(Math.max(photo.width / photo.height, 0.5), 2.8);
    photo.tile = make("button", "tile");
    photo.tile.type = "button";
    photo.tile.dataset.index = photo.index;
    photo.tile.style.setProperty("--ratio", photo.ratio);
    photo.frame = make("div", "frame");
    const caption = make("div", "caption");
    const name = make("span", "name", photo.name);
    name.title = photo.name;
    photo.count = make("span", "count");
    caption.append(name, photo.count);
    photo.tile.append(photo.frame, caption);
    photo.tile.addEventListener("click", () => enlarge(shown.indexOf(photo)));
    watcher.observe(photo.tile);
  };

  // ---- what is shown: the threshold, the classes, the order
  const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const best = (photo) => (photo.visible.length ? photo.visible[0].score : -Infinity);
  const last = (photo) => (photo.visible.length ? photo.visible.at(-1).score : Infinity);
  const orders = {
    name: () => 0,
    best: (a, b) => best(b) - best(a) || 0,
    worst: (a, b) => last(a) - last(b) || 0,
    most: (a, b) => b.visible.length - a.visible.length,
  };

  const update = () => {
    let detections = 0;
    const perClass = new Array(classes.length).fill(0);
    for (const photo of photos) {
      photo.visible = visible(photo);
      detections += photo.visible.length;
      for (const found of photo.found) if (counts(found)) perClass[found.label] += 1;
      photo.count.textContent = photo.visible.length || "";
      photo.tile.setAttribute("aria-label", `${photo.name}: ${counted(photo.visible.length, "detection")}`);
    }
    const hideEmpty = chosen.size || $("hide-empty").checked;
    const order = orders[$("order").value];
    shown = photos
      .filter((photo) => photo.visible.length || !hideEmpty)
      .sort((a, b) => order(a, b) || byName.compare(a.name, b.name) || a.index - b.index);
    const grid = $("grid");
    if (shown.length !== grid.children.length || shown.some((photo, place) => grid.children[place] !== photo.tile)) {
      const focused = document.activeElement;
      grid.replaceChildren(...shown.map((photo) => photo.tile));
      if (grid.contains(focused)) focused.focus({ preventScroll: true });
    }
    fillTiles(near);
    chips.forEach(({ chip, count }, label) => {
      count.textContent = perClass[label].toLocaleString("en");
      chip.classList.toggle("none", !perClass[label]);
      chip.setAttribute("aria-pressed", chosen.has(label));
    });
    const all = shown.length === settings.total ? "" : `${shown.length.toLocaleString("en")} of `;
    const page = settings.pages > 1 ? ` (page ${settings.page} of ${settings.pages})` : "";
    $("facts").textContent = `${all}${counted(settings.total, "photo")}${page} · ${counted(detections, "detection")}`;
    $("threshold-value").textContent = threshold === null ? "by class" : threshold.toFixed(2);
    $("by-class").hidden = settings.threshold !== null || threshold === null;
    tellOtherPages();
    $("empty").hidden = shown.length > 0 || !photos.length;
  };

  let waiting = false;
  const updateSoon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  };

  const makeChip = (label, total) => {
    const { name, ground } = classes[label];
    const chip = make("button", "chip");
    chip.type = "button";
    const colour = make("i");
    colour.style.background = ground;
    const count = make("b");
    chip.append(colour, make("span", "", name), count);
    chip.addEventListener("click", () => {
      if (!chosen.delete(label)) chosen.add(label);
      update();
    });
    return [label, { chip, count, total }];
  };

  // ---- the enlarged photo
  const viewer = $("viewer");
  let parts = null;

  const pick = (place) => {
    const rows = [...$("viewer-found").children];
    parts.stage.classList.toggle("picked", place >= 0);
    [parts.groups, parts.tags, rows].forEach((list) =>
      list.forEach((element, index) => element && element.classList.toggle("on", index === place)));
  };

  const focusedRow = () => [...$("viewer-found").children].indexOf(document.activeElement.parentElement);

  const pickOn = (element, place) => {
    element.addEventListener("pointermove", (event) => { // a photo that opens under a resting pointer picks nothing
      if (event.movementX || event.movementY) pick(place);
    });
    element.addEventListener("pointerleave", () => pick(focusedRow()));
    element.addEventListener("click", () => pick(place));
  };

  const fitStage = (stage, photo) => {
    const style = getComputedStyle($("viewer-photo"));
    const across = $("viewer-photo").clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const down = $("viewer-photo").clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const most = Math.max(3, 320 / Math.max(photo.width, photo.height)); // small photos are enlarged, within reason
    const scale = Math.min(across / photo.width, down / photo.height, most);
    stage.style.width = `${photo.width * scale}px`;
    stage.style.height = `${photo.height * scale}px`;
    return [photo.width * scale, photo.height * scale];
  };

  const makeRow = (found, place) => {
    const row = make("button");
    row.type = "button";
    const colour = make("i");
    colour.style.background = classes[found.label].ground;
    const bar = make("em");
    bar.style.setProperty("--score", Math.min(Math.max(found.score, 0), 1));
    row.append(colour, make("span", "", classes[found.label].name), make("b", "", found.score.toFixed(2)), bar);
    pickOn(row, place);
    row.addEventListener("focus", () => pick(place));
    row.addEventListener("blur", () => pick(-1));
    const line = make("li");
    line.append(row);
    return line;
  };

  const enlarge = (place) => {
    open = Math.min(Math.max(place, 0), shown.length - 1);
    const photo = shown[open];
    if (!viewer.open) viewer.showModal();
    $("viewer-photo").querySelector(".stage")?.remove();
    const stage = makeStage(photo);
    $("viewer-photo").append(stage);
    $("viewer-name").textContent = photo.name;
    $("viewer-name").title = photo.name;
    $("viewer-place").textContent = `${open + 1} / ${shown.length}`;
    $("viewer-link").hidden = !photo.link;
    if (photo.link) $("viewer-link").href = photo.link;
    $("previous").disabled = open === 0;
    $("next").disabled = open === shown.length - 1;
    if (focusedRow() >= 0) viewer.focus(); // the row goes; the keys still reach the viewer
    $("viewer-found").replaceChildren(...photo.visible.map(makeRow));
    const rest = photo.found.length - photo.visible.length;
    $("viewer-rest").textContent = !photo.visible.length && !rest
      ? "Nothing was found in this photo."
      : rest ? `${counted(rest, "more detection")} not shown (score or class).` : "";
    parts = { stage, ...drawBoxes(stage, photo, photo.visible, true, fitStage(stage, photo)) };
    parts.groups.forEach(pickOn);
  };

  viewer.addEventListener("close", () => {
    const photo = shown[open];
    open = -1;
    $("viewer-photo").querySelector(".stage")?.remove();
    if (photo) photo.tile.focus();
  });
  viewer.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !shown[open + step]) return;
    event.preventDefault();
    enlarge(open + step);
  });
  $("close").addEventListener("click", () => viewer.close());
  $("previous").addEventListener("click", () => enlarge(open - 1));
  $("next").addEventListener("click", () => enlarge(open + 1));
  let touched = null;
  $("viewer-photo").addEventListener("touchstart", (event) => {
    touched = event.touches.length === 1 ? event.touches[0].clientX : null;
  }, { passive: true });
  $("viewer-photo").addEventListener("touchend", (event) => {
    const moved = touched === null ? 0 : event.changedTouches[0].clientX - touched;
    const step = moved > 60 ? -1 : moved < -60 ? 1 : 0;
    if (step && shown[open + step]) enlarge(open + step);
  });

  // ---- arrows in the grid: left and right in order, up and down to the nearest tile of the row
  const neighbour = (tile, direction) => {
    const from = tile.getBoundingClientRect();
    const middle = from.left + from.width / 2;
    let best = null;
    for (const other of $("grid").children) {
      const box = other.getBoundingClientRect();
      const down = (box.top - from.top) * direction;
      if (down < 10) continue;
      const distance = down * 1000 + Math.abs(box.left + box.width / 2 - middle);
      if (!best || distance < best.distance) best = { other, distance };
    }
    return best && best.other;
  };
  $("grid").addEventListener("keydown", (event) => {
    const tile = event.target.closest(".tile");
    const target = {
      ArrowLeft: () => tile.previousElementSibling,
      ArrowRight: () => tile.nextElementSibling,
      ArrowUp: () => neighbour(tile, -1),
      ArrowDown: () => neighbour(tile, 1),
    }[event.key]?.();
    if (!target) return;
    event.preventDefault();
    target.focus();
    target.scrollIntoView({ block: "nearest" });
  });

  // ---- begin
  photos.forEach(makeTile);
  const totals = new Array(classes.length).fill(0);
  for (const { label, score } of photos.flatMap((photo) => photo.found)) totals[label] += counts({ label, score }) ? 1 : 1e-6;
  const chips = new Map(
    classes.map((_, label) => makeChip(label, totals[label]))
      .filter(([label, { total }]) => total || chosen.has(label))
      .sort(([, a], [, b]) => b.total - a.total));
  chips.forEach(({ chip }) => $("classes").append(chip));
  const top = Math.max(1, ...photos.flatMap((photo) => photo.found.slice(0, 1).map((found) => found.score)));
  const slider = $("threshold");
  slider.min = settings.floor;
  slider.max = Math.max(top, threshold ?? 0);
  const middle = settings.thresholds.reduce((sum, own) => sum + own, 0) / classes.length;
  slider.value = threshold ?? middle;
  slider.addEventListener("input", () => {
    threshold = Number(slider.value);
    updateSoon();
  });
  $("by-class").addEventListener("click", () => {
    threshold = null;
    slider.value = middle;
    slider.focus(); // the button goes
    update();
  });
  $("order").addEventListener("change", update);
  $("hide-empty").addEventListener("change", update);
  $("reset").addEventListener("click", () => {
    chosen.clear();
    $("hide-empty").checked = false;
    update();
  });
  const row = photos.length === 1 ? "min(62vh, 560px)" : photos.length <= 6 ? "300px" : "";
  if (row) document.documentElement.style.setProperty("--row", row);
  window.addEventListener("resize", () => {
    fillTiles(near);
    if (open >= 0) enlarge(open);
  });
  update();
})();
