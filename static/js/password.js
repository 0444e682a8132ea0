// <show-password>: a button beside a password field that shows what was typed. Hidden until this module runs.

class ShowPassword extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    const field = document.getElementById(button.getAttribute("aria-controls"));
    this.hidden = false;
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      field.focus();
    });
    // Never sent as a text field: browsers remember those.
    field.form.addEventListener("submit", () => (field.type = "password"));
  }
}

customElements.define("show-password", ShowPassword);
