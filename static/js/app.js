// Starts what pages share. Each module works on its own and does nothing where its part of the page is missing.
import "./clock.js";
import "./composer.js";
import "./drafts.js";
import "./keys.js";
import "./live.js";
import "./menus.js";
import "./meter.js";
import "./palette.js";
import "./pane.js";
import "./target.js";
import "./suggest.js";
import "./toasts.js";
import "./undo.js";
