// The viewer of a frame: two of its pictures on one stage, and a divider between them that is dragged,
// or moved by the arrow keys (Page keys by more, Home and End to the sides). A press on a picture below
// shows the same crop of all of them.
for (const scene of document.querySelectorAll(".scene")) {
  const pictures = [...scene.querySelectorAll(".tiles img")];
  const viewer = scene.querySelector(".viewer");
  const stage = viewer.querySelector(".stage");
  const divider = viewer.querySelector(".divider");
  const choices = [...viewer.querySelectorAll("select")];
  const within = (value) => Math.min(100, Math.max(0, value));
  let at = 50;

  const layers = ["right", "left"].map((side) => {
    const layer = document.createElement("div");
    const picture = document.createElement("img");
    layer.className = side;
    picture.alt = "";
    layer.append(picture);
    stage.insertBefore(layer, divider);
    return picture;
  });
  const [right, left] = layers;

  const move = (to) => {
    at = within(to);
    stage.style.setProperty("--at", `${at}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(at)));
    const [first, second] = choices.map((choice) => choice.selectedOptions[0].textContent);
    divider.setAttribute("aria-valuetext", `${Math.round(at)} % ${first}, the rest ${second}`);
  };
  const show = () => {
    [left, right].forEach((layer, side) => {
      layer.src = pictures[Number(choices[side].value)].src;
    });
    move(at);
  };
  for (const choice of choices) choice.addEventListener("change", show);

  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    move((100 * (event.clientX - box.left)) / box.width);
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    divider.focus({ preventScroll: true });
    follow(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  const steps = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
  divider.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(at + steps[event.key]);
  });

  // The point that was pressed stays where it is; what lies around it grows.
  let point = null;
  const panes = pictures.map((picture) => {
    const pane = document.createElement("button");
    pane.type = "button";
    pane.className = "pane";
    picture.replaceWith(pane);
    pane.append(picture);
    return pane;
  });
  const zoom = (to) => {
    point = to && { x: within(to.x), y: within(to.y) };
    scene.classList.toggle("zoomed", point !== null);
    if (point) {
      scene.style.setProperty("--x", `${point.x}%`);
      scene.style.setProperty("--y", `${point.y}%`);
    }
    for (const pane of panes) pane.setAttribute("aria-pressed", String(point !== null));
  };
  const arrows = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] };
  for (const pane of panes) {
    pane.addEventListener("click", (event) => {
      const box = pane.getBoundingClientRect();
      const byKey = event.detail === 0; // a key has no place
      zoom(point ? null : {
        x: byKey ? 50 : (100 * (event.clientX - box.left)) / box.width,
        y: byKey ? 50 : (100 * (event.clientY - box.top)) / box.height,
      });
    });
  }
  scene.addEventListener("keydown", (event) => {
    if (!point || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") zoom(null);
    else if (event.key in arrows && event.target.classList.contains("pane")) {
      event.preventDefault();
      const [x, y] = arrows[event.key];
      zoom({ x: point.x + x, y: point.y + y });
    }
  });

  zoom(null);
  show();
  viewer.hidden = false;
}
