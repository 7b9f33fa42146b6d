"use strict";
// Charts from the specifications in the page, pointing at a course, the look back in time, printing, and nothing else.
(function () {
  // One after the other, those in view first; the page answers between two.
  async function drawCharts() {
    const waiting = Array.from(document.querySelectorAll("[data-figure]:not([data-drawn])"));
    if (!waiting.length || !window.turnpointCharts) return;
    const isSeen = (place) => place.getBoundingClientRect().top < innerHeight;
    waiting.forEach((place) => (place.dataset.drawn = "waits"));
    for (const place of [...waiting.filter(isSeen), ...waiting.filter((own) => !isSeen(own))]) {
      try {
        await drawChart(place);
      } catch (fault) {
        place.classList.add("not-drawn");
      }
      await new Promise((next) => setTimeout(next));
    }
  }
  async function drawChart(place) {
    const chart = JSON.parse(place.nextElementSibling.textContent);
    if (place.clientWidth < 480) grow(chart, chart.usermeta.largest_text_px);
    else if (place.clientWidth < 600) grow(chart, 0.85 * chart.usermeta.largest_text_px);
    const view = await window.turnpointCharts.draw(place, chart);
    const svg = place.querySelector("svg");
    svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    svg.setAttribute("aria-hidden", "true");
    svg.removeAttribute("role");
    place.dataset.drawn = "true";
    if (chart.usermeta.course) followCourse(place, view, chart.usermeta.course);
  }
  // The picture is drawn smaller on a small page; its text is not.
  function grow(part, px) {
    if (Array.isArray(part)) return part.forEach((own) => grow(own, px));
    Object.entries(part).forEach(([name, own]) => {
      if (/fontSize$/i.test(name) && typeof own === "number") part[name] = px;
      else if (own && typeof own === "object" && name !== "datasets" && name !== "usermeta") grow(own, px);
    });
  }
  // Points at a day of the course, by mouse, finger or keyboard, and zooms its weeks.
  function followCourse(place, view, course) {
    const tools = place.closest("section").querySelector(".course-tools");
    const said = tools.querySelector(".read");
    const { readings } = course;
    let pointed = null;
    let shown = [course.first_week, course.last_week];
    const show = () =>
      view
        .signal("pointed_week", pointed === null ? null : readings[pointed].week)
        .signal("first_shown_week", shown[0])
        .signal("last_shown_week", shown[1])
        .runAsync();
    const point = (place) => {
      if (place === pointed) return;
      pointed = place;
      show();
    };
    const nearest = (event) => {
      const box = place.querySelector("svg").getBoundingClientRect();
      const width = place.querySelector("svg").viewBox.baseVal.width;
      const share = (((event.clientX - box.left) / box.width) * width - course.left_px) / course.plot_px;
      const week = shown[0] + Math.min(Math.max(share, 0), 1) * (shown[1] - shown[0]);
      return readings.reduce((best, own, index) => (Math.abs(own.week - week) < Math.abs(readings[best].week - week) ? index : best), 0);
    };
    const within = (first, span) => {
      const whole = course.last_week - course.first_week;
      const kept = Math.min(Math.max(span, Math.min(8, whole)), whole);
      const start = Math.min(Math.max(first, course.first_week), course.last_week - kept);
      shown = [start, start + kept];
    };
    const zoom = (by, around) => {
      const share = (around - shown[0]) / (shown[1] - shown[0]);
      const span = (shown[1] - shown[0]) * by;
      within(around - share * span, span);
      show();
    };
    if (!readings.length) return;
    place.addEventListener("pointermove", (event) => point(nearest(event)));
    place.addEventListener("pointerdown", (event) => point(nearest(event)));
    place.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(null));
    place.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // without it the page scrolls
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, readings[nearest(event)].week);
    }, { passive: false });
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.zoom === "all") {
        shown = [course.first_week, course.last_week];
        show();
      } else if (button.dataset.zoom) {
        zoom(Number(button.dataset.zoom), pointed === null ? course.last_visit_week ?? shown[1] : readings[pointed].week);
      } else {
        const last = readings.findLastIndex((own) => own.week <= (course.last_visit_week ?? Infinity));
        const next = pointed === null ? Math.max(last, 0) : pointed + Number(button.dataset.step);
        pointed = Math.min(Math.max(next, 0), readings.length - 1);
        const week = readings[pointed].week;
        if (week < shown[0] || week > shown[1]) within(week - (shown[1] - shown[0]) / 2, shown[1] - shown[0]);
        said.textContent = readings[pointed].text;
        show();
      }
    });
    tools.hidden = false;
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
  document.addEventListener("htmx:after:swap", drawCharts);
  document.addEventListener("htmx:after:history:replace", () => {
    document.querySelector(".language input[name=next]").value = location.pathname + location.search;
  });
  document.addEventListener("DOMContentLoaded", () => {
    drawCharts();
    document.querySelectorAll("input[type=range][data-labels]:not([data-days])").forEach((slider) => slider.addEventListener("input", () => sayValue(slider)));
    document.querySelectorAll("input[type=range][data-days]").forEach(lookBack);
    document.querySelectorAll("[data-reload]").forEach((place) => setTimeout(() => location.reload(), Number(place.dataset.reload)));
    document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => window.print()));
  });
})();
