// The viewer of a frame: two of its pictures on one stage, and a divider between them that is dragged,
// or moved by the arrow keys (Page keys by more, Home and End to the sides).
for (const scene of document.querySelectorAll(".scene")) {
  const pictures = [...scene.querySelectorAll(".tiles img")];
  const viewer = scene.querySelector(".viewer");
  const stage = viewer.querySelector(".stage");
  const divider = viewer.querySelector(".divider");
  const choices = [...viewer.querySelectorAll("select")];
  let at = 50;

  const layers = ["right", "left"].map((side) => {
    const layer = document.createElement("img");
    layer.className = side;
    layer.alt = "";
    stage.insertBefore(layer, divider);
    return layer;
  });
  const [right, left] = layers;

  const move = (to) => {
    at = Math.min(100, Math.max(0, to));
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

  show();
  viewer.hidden = false;
}
