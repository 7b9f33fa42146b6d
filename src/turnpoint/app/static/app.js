"use strict";
// Charts from the specifications that the page names, the look back in time, printing, and nothing else.
(function () {
  function drawCharts(root) {
    const places = Array.from(root.querySelectorAll("[data-figure]:not([data-drawn])"));
    if (!places.length || !window.turnpointCharts) return;
    const named = root.querySelector("[data-charts]");
    fetch(named ? named.dataset.charts : `${location.pathname}/charts.json${location.search}`, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
      .then((figures) =>
        places.forEach((place) => {
          place.dataset.drawn = "true";
          window.turnpointCharts.draw(place, figures[place.dataset.figure]).then(() => {
            const svg = place.querySelector("svg");
            svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
            svg.setAttribute("aria-hidden", "true");
            svg.removeAttribute("role");
          });
        }),
      )
      .catch(() => places.forEach((place) => place.classList.add("not-drawn")));
  }
  function lookBack(slider) {
    const days = slider.dataset.days.split(",");
    const labels = slider.dataset.labels.split("|");
    const form = slider.form;
    slider.addEventListener("input", () => {
      form.querySelector("output").textContent = labels[slider.value];
      slider.setAttribute("aria-valuetext", labels[slider.value]);
    });
    slider.addEventListener("change", () => {
      form.querySelector("input[name=at]").value = days[slider.value];
      form.submit();
    });
  }
  function sayValue(slider) {
    const label = slider.dataset.labels.split("|")[slider.value];
    slider.parentElement.querySelector("output").textContent = label;
    slider.setAttribute("aria-valuetext", label);
  }
  document.addEventListener("htmx:after:swap", () => drawCharts(document));
  document.addEventListener("htmx:after:history:replace", () => {
    document.querySelector(".language input[name=next]").value = location.pathname + location.search;
  });
  document.addEventListener("DOMContentLoaded", () => {
    drawCharts(document);
    document.querySelectorAll("input[type=range][data-labels]:not([data-days])").forEach((slider) => slider.addEventListener("input", () => sayValue(slider)));
    document.querySelectorAll("input[type=range][data-days]").forEach(lookBack);
    document.querySelectorAll("[data-reload]").forEach((place) => setTimeout(() => location.reload(), Number(place.dataset.reload)));
    document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => window.print()));
  });
})();
