// Vega with the interpreter of its expressions: without it Vega makes functions from text, which our policy forbids.
import { View, parse } from "vega";
import { compile } from "vega-lite";
import { expressionInterpreter } from "vega-interpreter";

window.turnpointCharts = {
  draw(element, specification) {
    const runtime = parse(compile(specification).spec, null, { ast: true });
    const view = new View(runtime, { expr: expressionInterpreter, renderer: "svg", container: element, hover: true });
    return view.runAsync();
  },
};
