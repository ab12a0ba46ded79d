// What the pages do beyond what a form and a link can: they follow a scan, open a trigger in place, take what is dropped.

const NORMS_MS = 3000;

const $ = (selector, within = document) => within.querySelector(selector);

async function fetched(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// A part that is new is put in the place of the old one, unless the reader is at work in it.
async function renew(ids) {
  const page = await fetched(location.href);
  for (const id of ids) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (old && fresh && !old.contains(document.activeElement) && !$(":checked", old)) old.replaceWith(fresh);
  }
  offerCopies();
  return page;
}

function keepListFresh() {
  const seconds = Number($("#rows")?.dataset.again);
  if (!seconds) return;
  const timer = setInterval(async () => {
    if (document.hidden) return;
    await renew(["standing", "rows"]).catch(() => {});
    if (!$("#rows")?.dataset.again) clearInterval(timer);
  }, 1000 * seconds);
}

const words = (state) => state.replaceAll("_", " ");

function showCell(cell) {
  const link = $(`[data-label="${Number(cell.label)}"]`);
  if (!link) return false;
  const flagged = link.classList.contains("flagged") && cell.state === "done";
  link.className = `cell ${cell.state}${flagged ? " flagged" : ""}`;
  const norm = cell.norm === null ? "" : `, norm ${Number(cell.norm.toPrecision(3))}`;
  link.title = `Label ${link.dataset.called}: ${words(cell.state)}${norm}${flagged ? ", flagged" : ""}`;
  link.setAttribute("aria-label", link.title);
  return true;
}

function count() {
  const ended = document.querySelectorAll("#grid .cell:not(.queued, .running)").length;
  const all = document.querySelectorAll("#grid .cell").length;
  const place = $("#counted");
  if (place) place.textContent = `${ended} of ${all} labels have ended`;
}

function showProgress(progress) {
  for (const [phase, share] of Object.entries(progress.shares)) {
    const line = $(`[data-phase="${phase}"]`);
    if (!line) continue;
    $("progress", line).value = share;
    if (phase === progress.phase) $(".detail", line).textContent = inPhase(progress);
  }
  const remaining = $("#remaining");
  const left = progress.eta_seconds === null ? "" : `This phase takes about ${duration(progress.eta_seconds)} more.`;
  if (remaining && remaining.textContent !== left) remaining.textContent = left;
}

function inPhase(progress) {
  if (progress.awaited) {
    return `waiting for ${progress.awaited} of ${progress.clean_scans} clean scan${progress.clean_scans === 1 ? "" : "s"}`;
  }
  if (progress.phase !== "inversion" || !progress.labels) return "";
  const ended = `${progress.labels_ended} of ${progress.labels} labels`;
  if (progress.purpose === "screening") return `screening ${progress.round + 1}: ${ended}`;
  return progress.purpose === "confirmation" ? `confirming ${ended}` : ended;
}

function duration(seconds) {
  // By ten seconds below a minute, by minutes above: a screen reader is not told more often.
  if (seconds < 60) return `${Math.max(10, 10 * Math.ceil(seconds / 10))} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} minute${minutes > 1 ? "s" : ""}` : `${Math.round(minutes / 6) / 10} hours`;
}

function follow() {
  const address = $("#submission")?.dataset.events;
  if (!address) return;
  const source = new EventSource(address);
  const parts = ["standing", "evidence", "norms", "universality", "class-map", "labels", "repair", "lineage", "facts"];
  let state = null;
  source.addEventListener("labels", (event) => {
    const cells = JSON.parse(event.data);
    const known = cells.map(showCell).every(Boolean);
    if (known) count();
    else renew(["labels", "facts"]).then(walkable).catch(() => {});
    if (cells.some((cell) => cell.state === "done")) drawNorms();
  });
  source.addEventListener("progress", (event) => {
    const progress = JSON.parse(event.data);
    showProgress(progress);
    if (state !== null && progress.state !== state) renew(parts).then(walkable).catch(() => {});
    state = progress.state;
    if (state === "repairing") delete $("#submission").dataset.norms;
  });
  source.addEventListener("end", () => {
    source.close();
    // Not under the eyes of somebody who looks at a trigger.
    const dialog = $("#trigger");
    if (dialog.open) dialog.addEventListener("close", () => location.reload());
    else location.reload();
  });
}

// The chart as it stands, not more often than every few seconds: on the server all who look share one drawing.
let drawing = false;

async function drawNorms() {
  if (drawing || document.hidden) return;
  drawing = true;
  await new Promise((resolve) => setTimeout(resolve, NORMS_MS));
  drawing = false;
  // Once there is a verdict the chart is that of the detection, and comes with the page.
  const address = $("#submission").dataset.norms;
  if (!address) return;
  const fresh = await fetched(address).catch(() => null);
  if (fresh && $("#submission").dataset.norms) $("#norms").replaceWith($("#norms", fresh));
}

// One label is in the order of the tabulator, arrows go on from there: a thousand stops would be a wall.
function walkable() {
  const links = [...document.querySelectorAll("#grid .cell")];
  links.forEach((link, index) => (link.tabIndex = index ? -1 : 0));
}

function columns(links) {
  const second = links.findIndex((link) => link.offsetTop > links[0].offsetTop);
  return second < 0 ? links.length : second;
}

function walk(event) {
  const from = event.target.closest?.("#grid .cell");
  if (!from) return;
  const links = [...document.querySelectorAll("#grid .cell")];
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(links), ArrowDown: columns(links) };
  const ends = { Home: 0, End: links.length - 1 };
  if (!(event.key in steps) && !(event.key in ends)) return;
  const at = event.key in ends ? ends[event.key] : links.indexOf(from) + steps[event.key];
  const to = links[at];
  event.preventDefault();
  if (!to) return;
  [from.tabIndex, to.tabIndex] = [-1, 0];
  to.focus();
}

async function openTrigger(event) {
  const link = event.target.closest?.("#grid .cell");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
  if (!link || !plain) return;
  event.preventDefault();
  try {
    const label = (await fetched(link.href)).getElementById("label");
    $("#trigger .inside").replaceChildren(label);
    $("#trigger").showModal();
  } catch {
    location.href = link.href;
  }
}

// A browser that may not write into the clipboard shows no button for it; a click into the line selects all of it.
function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}

async function copy(event) {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

// Models may be dropped on the whole field; how many there are is said before they are sent.
function takeDrops() {
  const field = $(".drop");
  if (!field) return;
  const input = $("input", field);
  field.addEventListener("dragover", (event) => event.preventDefault());
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    sayChosen(input);
  });
  input.addEventListener("change", () => sayChosen(input));
}

function sayChosen(input) {
  const size = [...input.files].reduce((sum, file) => sum + file.size, 0);
  const megabytes = (size / 1e6).toFixed(1);
  $(".chosen").textContent = input.files.length > 1 ? `${input.files.length} models, ${megabytes} MB together` : "";
}

function sayBusy(event) {
  const busy = event.target.dataset.busy;
  const button = $("button", event.target);
  if (!busy || event.defaultPrevented) return;
  button.textContent = busy;
  button.disabled = true;
}

keepListFresh();
follow();
walkable();
takeDrops();
offerCopies();
document.addEventListener("keydown", walk);
document.addEventListener("click", openTrigger);
document.addEventListener("click", copy);
document.addEventListener("submit", sayBusy);
