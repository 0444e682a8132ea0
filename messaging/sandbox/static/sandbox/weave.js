// Makes one element like another by changing only what differs, so that focus, scrolling, selections and opened
// details stay, and a screen reader hears of new messages only.

// What a person sets on the page, and the server therefore does not.
const OWN = { DETAILS: ["open"] };

/** Make `present` like `wanted`. Children with an id are matched by it, the others by their place. */
export function weave(present, wanted) {
  if (present.isEqualNode(wanted)) return;
  copyAttributes(present, wanted);
  let next = present.firstChild;
  for (const child of [...wanted.childNodes]) {
    const found = partner(present, next, child);
    if (!found) {
      present.insertBefore(document.importNode(child, true), next);
      continue;
    }
    while (next && next !== found) next = dropped(next);
    if (found.nodeType === Node.ELEMENT_NODE) weave(found, child);
    else if (found.data !== child.data) found.data = child.data;
    next = found.nextSibling;
  }
  while (next) next = dropped(next);
}

// The node of `present` from `next` on that `child` belongs to.
function partner(present, next, child) {
  if (child.id) {
    for (let node = next; node; node = node.nextSibling) if (node.id === child.id) return node;
    return null;
  }
  return next && !next.id && next.nodeName === child.nodeName ? next : null;
}

function dropped(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

function copyAttributes(present, wanted) {
  const own = OWN[present.nodeName] ?? [];
  for (const { name } of [...present.attributes]) {
    if (!wanted.hasAttribute(name) && !own.includes(name)) present.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (present.getAttribute(name) !== value && !own.includes(name)) present.setAttribute(name, value);
  }
  if (present.type === "radio") present.checked = wanted.hasAttribute("checked");
}
