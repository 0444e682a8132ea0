// Exchange only what changed, so that focus, scroll and open details stay where they are.

/** Put `fresh` in place of `old` unless they are the same, or somebody has a menu or form open in it. */
export function replaceIfChanged(old, fresh) {
  if (!old || !fresh || old.outerHTML === fresh.outerHTML || old.querySelector("details[open]")) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const heir = focused === old ? fresh : focused && counterpart(focused, old, fresh);
  old.replaceWith(fresh);
  window.htmx.process(fresh);
  heir?.focus({ preventScroll: true });
}

const NAMING = ["id", "data-key", "href", "aria-label"];

/** What in `fresh` is the same control as this one of `old`: by its name, else by its place. */
function counterpart(control, old, fresh) {
  for (const name of NAMING.filter((one) => control.getAttribute(one))) {
    const found = fresh.querySelector(`${control.localName}[${name}="${CSS.escape(control.getAttribute(name))}"]`);
    if (found) return found;
  }
  const place = [...old.querySelectorAll(control.localName)].indexOf(control);
  return fresh.querySelectorAll(control.localName)[place];
}

/**
 * Make the children of `old` those of `fresh`, matched by id. A child stays when its data-version is the same, or,
 * without one, its markup; a child that is exchanged keeps focus, open details and what was typed into it. One
 * with words that its successor has no field for stays, so that nothing is lost before it is sent.
 */
export function patchChildren(old, fresh) {
  const known = new Map([...old.children].map((child) => [child.id, child]));
  const wanted = [...fresh.children];
  const wantedIds = new Set(wanted.map((child) => child.id));
  for (const [id, child] of known) if (!wantedIds.has(id)) child.remove();
  let place = old.firstElementChild;
  for (const child of wanted) {
    const before = known.get(child.id);
    const typed = before && !isSame(before, child) ? typedInto(before) : [];
    const stays = before && (isSame(before, child) || typed.some((field) => !twin(child, field)));
    const node = stays ? before : child;
    if (node === place) {
      place = place.nextElementSibling;
      continue;
    }
    if (node === before) {
      old.insertBefore(node, place);
      continue;
    }
    const focused = before?.contains(document.activeElement) ? document.activeElement : null;
    const opened = [...(before?.querySelectorAll("details[open]") ?? [])].map(
      (one) => (one.id ? `#${CSS.escape(one.id)}` : `details.${CSS.escape(one.className)}`),
    );
    for (const field of typed) twin(child, field).value = field.value;
    if (before === place) place = place?.nextElementSibling ?? null;
    before?.remove();
    old.insertBefore(node, place);
    window.htmx.process(node);
    for (const one of opened) node.querySelector(one)?.setAttribute("open", "");
    if (focused) successor(focused, before, node)?.focus({ preventScroll: true });
  }
}

/** The fields in which somebody has typed. */
function typedInto(child) {
  const fields = child.querySelectorAll("textarea[id], input[id]:not([type=hidden])");
  return [...fields].filter((field) => field.value !== field.defaultValue);
}

const twin = (child, field) => child.querySelector(`#${CSS.escape(field.id)}`);

/** What takes the focus over from an element of a child that was exchanged. */
function successor(focused, before, node) {
  if (focused === before) return node;
  if (focused.id && twin(node, focused)) return twin(node, focused);
  return node.matches("a") ? node : node.querySelector("summary, button, a");
}

function isSame(before, after) {
  return "version" in after.dataset
    ? before.dataset.version === after.dataset.version
    : before.outerHTML === after.outerHTML;
}
