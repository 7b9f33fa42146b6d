// What scrolls sideways can be reached and moved by keyboard.
const reachable = () => {
  for (const box of document.querySelectorAll("article pre, article .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
document.addEventListener("DOMContentLoaded", reachable);
window.addEventListener("resize", reachable);
