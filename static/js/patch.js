// Exchange only what changed, so that focus, scroll and open details stay where they are.

/** Put `fresh` in place of `old` unless they are the same, or somebody has a menu or form open in it. */
export function replaceIfChanged(old, fresh) {
  if (!old || !fresh || old.outerHTML === fresh.outerHTML || old.querySelector("details[open]")) return;
  const key = old.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  old.replaceWith(fresh);
  window.htmx.process(fresh);
  if (key) fresh.querySelector(`[data-key="${key}"]`)?.focus();
}

/**
 * Make the children of `old` those of `fresh`, matched by id. A child stays when its data-version is the same, or,
 * without one, its markup; a child that is exchanged keeps focus and open details.
 */
export function patchChildren(old, fresh) {
  const known = new Map([...old.children].map((child) => [child.id, child]));
  const wanted = [...fresh.children];
  const stays = new Set(wanted.map((child) => child.id));
  for (const [id, child] of known) if (!stays.has(id)) child.remove();
  let place = old.firstElementChild;
  for (const child of wanted) {
    const before = known.get(child.id);
    const node = before && isSame(before, child) ? before : child;
    if (node === place) {
      place = place.nextElementSibling;
      continue;
    }
    if (node === before) {
      old.insertBefore(node, place);
      continue;
    }
    const focused = before?.contains(document.activeElement) ?? false;
    const opened = [...(before?.querySelectorAll("details[open]") ?? [])].map((one) => one.className);
    if (before === place) place = place?.nextElementSibling ?? null;
    before?.remove();
    old.insertBefore(node, place);
    window.htmx.process(node);
    for (const name of opened) node.querySelector(`details.${CSS.escape(name)}`)?.setAttribute("open", "");
    if (focused) (node.matches("a") ? node : node.querySelector("summary, button, a"))?.focus();
  }
}

function isSame(before, after) {
  return "version" in after.dataset
    ? before.dataset.version === after.dataset.version
    : before.outerHTML === after.outerHTML;
}
