"""Pictures: one file a chart, Vega-Lite specifications from frames, drawn to SVG without network or browser."""
