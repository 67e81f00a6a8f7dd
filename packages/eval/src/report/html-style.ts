/** The style sheet of the HTML report: light and dark by the reader's setting, readable from 320 pixels up. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --faint: #59636e; --page: #ffffff; --panel: #f6f8fa; --edge: #d1d9e0;
  --pass: #1a7f37; --fail: #cf222e; --inconclusive: #9a6700; --none: #59636e; --accent: #0969da; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --faint: #9198a1; --page: #0d1117; --panel: #161b22;
  --edge: #3d444d; --pass: #3fb950; --fail: #f85149; --inconclusive: #d29922; --none: #9198a1; --accent: #4493f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 1rem 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
.verdict { border-left: .3rem solid var(--edge); background: var(--panel); padding: .75rem 1rem; border-radius: .25rem; }
.verdict.pass { border-color: var(--pass); } .verdict.fail { border-color: var(--fail); }
.verdict.inconclusive { border-color: var(--inconclusive); }
.verdict p { margin: .25rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .5rem 0; }
caption { text-align: left; color: var(--faint); padding-bottom: .25rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--edge); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text { white-space: pre-wrap; min-width: 12rem; }
tbody th { font-weight: 600; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .inconclusive { color: var(--inconclusive); }
.verdict.pass, .verdict.fail, .verdict.inconclusive { color: var(--text); }
.faint, footer { color: var(--faint); } footer { margin-top: 3rem; font-size: .85rem; }
details { margin: .5rem 0; } summary { cursor: pointer; }
article { border: 1px solid var(--edge); border-radius: .4rem; padding: .25rem .75rem; margin: .75rem 0; }
svg { width: 100%; height: auto; max-width: 44rem; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); stroke: none; } svg text.faint { fill: var(--faint); } svg text.end { text-anchor: end; }
svg .zero { stroke: var(--edge); stroke-width: 1.5; } svg .margin { stroke: var(--faint); stroke-dasharray: 3 2; }
svg .bar { stroke-width: 3; stroke: var(--none); } svg .dot { fill: var(--none); }
svg .bar.pass { stroke: var(--pass); } svg .bar.fail { stroke: var(--fail); } svg .bar.inconclusive { stroke: var(--inconclusive); }
svg .dot.pass { fill: var(--pass); } svg .dot.fail { fill: var(--fail); } svg .dot.inconclusive { fill: var(--inconclusive); }
svg .curve { fill: none; stroke-width: 1.8; } svg .curve.base { stroke: var(--faint); } svg .curve.head { stroke: var(--accent); }
svg .curve.validation { stroke-dasharray: 5 3; } svg .curve.rate { stroke-width: 1; opacity: .7; }
svg .point.base { fill: var(--faint); } svg .point.head { fill: var(--accent); }
svg .ring { fill: none; stroke-width: 1.5; } svg .ring.base { stroke: var(--faint); } svg .ring.head { stroke: var(--accent); }
svg text.base { fill: var(--faint); } svg text.head { fill: var(--accent); }
@media (max-width: 40rem) { body { padding: .6rem; font-size: 15px; } th, td { padding: .3rem .4rem; } td.text { min-width: 9rem; } }
`;
