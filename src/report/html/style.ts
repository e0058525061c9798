/**
 * The page's own style: everything inline, because the file must open anywhere with no network. Colours
 * are variables so that light, dark and print differ in one place; verdicts and levels also differ by
 * symbol, dash and marker, so that no meaning rests on colour.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --bg: #f5f6f8; --surface: #ffffff; --sunken: #f0f2f5; --ink: #1a2230; --muted: #586373; --line: #dde2e8;
  --met: #00714f; --violated: #b5390a; --inconclusive: #775a00; --invalid: #86307a; --none: #1f5fa8;
  --c0: #0069a8; --c1: #ad5400; --c2: #7d459c; --c3: #00796d; --c4: #ad3c66; --c5: #4a5868;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0e1318; --surface: #161c24; --sunken: #1d2530; --ink: #e5eaf0; --muted: #9da9b8; --line: #2c3642;
    --met: #43d19e; --violated: #ff9264; --inconclusive: #e4be50; --invalid: #e394d6; --none: #80baf6;
    --c0: #5db6ea; --c1: #f0a24e; --c2: #cb9fe3; --c3: #45cab9; --c4: #f190b4; --c5: #afbbc9;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 56px; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.25; margin: 0; text-wrap: balance; }
h1 { font-size: 28px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 36px 0 4px; }
h3 { font-size: 15px; }
p { margin: 0; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.92em; overflow-wrap: anywhere; }
.muted { color: var(--muted); }
.lead { color: var(--muted); font-size: 14px; margin-bottom: 12px; max-width: 78ch; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; }
.met { --v: var(--met); } .violated { --v: var(--violated); } .inconclusive { --v: var(--inconclusive); }
.invalid { --v: var(--invalid); } .none, .note { --v: var(--none); }
.regressed { --v: var(--violated); } .cancelled { --v: var(--inconclusive); }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }

.verdict { display: grid; grid-template-columns: auto 1fr; gap: 4px 18px; padding: 22px 24px; border-left: 6px solid var(--v); }
.verdict .badge { grid-row: span 2; width: 56px; height: 56px; }
.badge circle { fill: none; stroke: var(--v); stroke-width: 3; }
.badge path { fill: none; stroke: var(--v); stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
.badge .point { fill: var(--v); stroke: none; }
.verdict h1 { color: var(--v); }
.verdict .summary { font-size: 17px; }
.verdict ul { grid-column: 2; margin: 4px 0 0; padding: 0 0 0 18px; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 0; font-size: 14px; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.verdict .facts { grid-column: 2; margin-top: 12px; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin-top: 12px; }
.tile { padding: 14px 18px; }
.tile .name { color: var(--muted); font-size: 13px; }
.tile .value { white-space: nowrap; font-size: 22px; font-weight: 600; letter-spacing: -0.01em; }
.tile .more { color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--muted); font-size: 13px; }
th, td { padding: 8px 12px; vertical-align: middle; }
thead tr:last-child th { border-bottom: 1px solid var(--line); }
thead .over th { text-align: center; padding-bottom: 0; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody th { color: var(--ink); font-weight: 600; font-size: 14px; overflow-wrap: anywhere; min-width: 11.5em; max-width: 18em; }
.objective { min-width: 15em; }
.reason { white-space: nowrap; } .example { min-width: 18em; }
.num { text-align: right; white-space: nowrap; }
.first { border-left: 1px solid var(--line); }
.word { color: var(--v); font-weight: 600; white-space: nowrap; }
.change { white-space: nowrap; } .change.worse { color: var(--violated); } .change.better { color: var(--met); } .change.unclear { color: var(--muted); }
.small { font-size: 13px; margin-top: 8px; } ul.small { padding-left: 18px; }
.why { color: var(--muted); font-size: 13px; max-width: 46ch; overflow-wrap: anywhere; }
.slo .repeated span { display: none; }
.slo tbody .repeated, .slo tbody .repeated ~ td { border-top-color: var(--sunken); }
.slo th, .slo td { padding: 5px 12px; }
.bar { display: block; width: 240px; height: 30px; }
.bar .track { stroke: var(--line); stroke-width: 1; }
.bar .good { fill: var(--met); opacity: 0.13; }
.bar .limit { stroke: var(--ink); stroke-width: 1.5; }
.bar .span { fill: var(--v); opacity: 0.45; }
.bar .arrow { fill: var(--v); opacity: 0.45; }
.bar .dot { fill: var(--v); stroke: var(--surface); stroke-width: 1.5; }
.bar text { fill: var(--muted); font-size: 12px; }
.compared .bar { width: 140px; height: auto; } .compared th, .compared td { padding-inline: 8px; } .slo.compared .objective { min-width: 11em; } .slo.compared tbody th { min-width: 9em; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--muted); font-size: 13px; padding: 10px 12px; border-top: 1px solid var(--line); align-items: center; }
.key span { display: inline-flex; align-items: center; gap: 6px; }
.key svg { flex: none; }

.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 12px; }
.plot { margin: 0; padding: 12px 14px 8px; }
.plot figcaption { font-size: 13px; font-weight: 600; margin-bottom: 2px; }
.plot figcaption span { display: block; color: var(--muted); font-weight: 400; font-size: 12px; }
.plot svg { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { fill: var(--muted); font-size: 11px; }
.plot .strong { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--surface); stroke-width: 3px; stroke-linejoin: round; }
.plot .grid { stroke: var(--line); stroke-width: 1; }
.plot .line { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.plot .outline { fill: none; stroke: var(--c); stroke-width: 1.5; stroke-linejoin: round; }
.plot .dashed { stroke-dasharray: 5 3; }
.plot .area { fill: var(--c); opacity: 0.13; }
.plot .column { fill: var(--c); opacity: 0.75; }
.plot .mark { fill: var(--c); stroke: var(--surface); stroke-width: 1; }
.plot .hover { fill: transparent; }
.plot .hover:hover { fill: var(--c); opacity: 0.35; }
.plot .limit { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 2 3; }
.plot .failed { stroke: var(--violated); stroke-width: 1.8; stroke-linecap: round; }
.plot .path { fill: none; stroke: var(--muted); stroke-width: 1.2; opacity: 0.6; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; margin: 0 0 10px; padding: 0; list-style: none; }
.legend li { display: inline-flex; align-items: center; gap: 7px; overflow-wrap: anywhere; }
.legend svg { flex: none; }
.legend .line { fill: none; stroke: var(--c); stroke-width: 2; } .legend .mark { fill: var(--c); }

.level { margin-top: 14px; }
.level > summary { cursor: pointer; font-weight: 600; padding: 4px 0 8px; overflow-wrap: anywhere; }
.level > summary .muted { font-weight: 400; }
.finding { padding: 14px 18px; border-left: 4px solid var(--v); margin-top: 10px; }
.finding h3 { margin-bottom: 6px; overflow-wrap: anywhere; }
.finding .word { margin-right: 6px; }
.fold { margin-top: 10px; padding: 10px 18px; }
.fold summary { cursor: pointer; font-weight: 600; }
.fold .facts { margin: 10px 0 4px; }
footer { color: var(--muted); font-size: 13px; margin-top: 36px; overflow-wrap: anywhere; }

@media screen and (max-width: 1180px) {
  .slo .bar { width: 150px; height: auto; } .slo th, .slo td { padding: 5px 8px; }
  .slo .objective { min-width: 11em; } .slo tbody th { min-width: 7em; } .slo.compared .bar { width: 68px; }
}
@media screen and (max-width: 980px) {
  main { padding: 12px 12px 40px; }
  .verdict { padding: 16px; gap: 4px 12px; } .verdict .badge { width: 40px; height: 40px; }
  .verdict ul, .verdict .facts { grid-column: 1 / -1; }
  h1 { font-size: 22px; } .verdict .summary { font-size: 15px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .tile { padding: 12px 14px; } .tile .value { font-size: 18px; white-space: normal; }
  .slo .objective { min-width: 0; }
  .slo thead { display: none; }
  .slo tr { display: grid; grid-template-columns: 1fr 1fr; gap: 2px 12px; padding: 12px; }
  .slo tbody tr + tr { border-top: 1px solid var(--line); }
  .slo tbody tr > * { border: 0; padding: 0; text-align: left; }
  .slo .repeated span { display: inline; }
  .slo .change { grid-column: 1 / -1; white-space: normal; }
  .slo .wide { grid-column: 1 / -1; } .slo .bar { width: 100%; height: auto; max-width: 340px; margin: 4px 0; }
  .slo td[data-head]::before { content: attr(data-head) " "; color: var(--muted); font-size: 13px; }
}
@media print {
  :root {
    color-scheme: light;
    --bg: #ffffff; --surface: #ffffff; --sunken: #f0f2f5; --ink: #000000; --muted: #444c57; --line: #c9cfd6;
    --met: #00714f; --violated: #b5390a; --inconclusive: #775a00; --invalid: #86307a; --none: #1f5fa8;
    --c0: #0069a8; --c1: #ad5400; --c2: #7d459c; --c3: #00796d; --c4: #ad3c66; --c5: #4a5868;
  }
  body { font-size: 12px; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 20px; }
  table, .why, thead th, tbody th { font-size: 10.5px; }
  th, td, .slo th, .slo td { padding: 3px 5px; }
  tbody th { min-width: 8em; } .example { min-width: 0; } .objective { min-width: 12em; }
  .bar { width: 120px; height: 15px; } .tiles { grid-template-columns: repeat(4, 1fr); gap: 6px; } .tile { padding: 8px 10px; } .tile .value { font-size: 15px; }
  .plots { grid-template-columns: 1fr 1fr 1fr; gap: 6px; } .plot { padding: 6px; }
  .scroll { overflow: visible; }
  .card, tr, figure { break-inside: avoid; }
  h2, summary { break-after: avoid; }
  details::details-content { content-visibility: visible; height: auto; }
}
`;
