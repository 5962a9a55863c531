// The legend of the learning curves: a press hides an arm in all charts and shows it again; what is pointed
// at, or has the focus, stands out.
for (const legend of document.querySelectorAll(".legend.switches")) {
  const charts = legend.nextElementSibling;
  const lines = (arm) => charts.querySelectorAll(`[data-arm="${arm}"]`);
  const buttons = [...legend.children].map((item) => {
    const button = document.createElement("button");
    const arm = item.dataset.arm;
    button.type = "button";
    button.append(...item.childNodes);
    item.append(button);
    const stand = (out) => {
      charts.classList.toggle("one-stands-out", out);
      for (const line of lines(arm)) line.classList.toggle("stands-out", out);
    };
    const show = (shown) => {
      button.setAttribute("aria-pressed", String(shown));
      for (const line of lines(arm)) line.classList.toggle("gone", !shown);
    };
    button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
    for (const [event, out] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) {
      button.addEventListener(event, () => stand(out));
    }
    show(true);
    return show;
  });
  for (const [word, shown] of [["Show all", true], ["Hide all", false]]) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "every";
    button.textContent = word;
    button.addEventListener("click", () => buttons.forEach((show) => show(shown)));
    item.append(button);
    legend.append(item);
  }
}

// Copying a text: by the clipboard where the browser lends it, else through the selection.
for (const button of document.querySelectorAll("button.copy")) {
  const text = document.getElementById(button.dataset.copies);
  const told = button.parentElement.querySelector(".copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const selection = getSelection();
    selection.selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.innerText);
      selection.removeAllRanges();
      told.textContent = "Copied.";
    } catch {
      told.textContent = document.execCommand("copy") ? "Copied." : "Selected: copy it with the keyboard.";
    }
  });
}
