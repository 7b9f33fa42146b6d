"""Pictures: one file a chart, Altair specs from frames, drawn to SVG without network or browser."""
