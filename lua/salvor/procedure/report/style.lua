--- The style sheet of the HTML report: light and dark by what the reader's system prefers, and
--- black on white on paper.
return [[
:root { color-scheme: light dark; --fg: #1c2024; --dim: #60646c; --bg: #ffffff; --panel: #f6f7f9;
  --line: #d9dce1; --accent: #2563a8; --good: #1f7a45; --bad: #b3261e; --warn: #8a5a00;
  --bar: #4c8fd0; --stop: #c98a1b; }
@media (prefers-color-scheme: dark) {
  :root { --fg: #e6e8eb; --dim: #9ba1a9; --bg: #15181c; --panel: #1d2126; --line: #353b43;
    --accent: #7db4ee; --good: #5dbb85; --bad: #f2857c; --warn: #e0b35a; --bar: #3f7ab5;
    --stop: #a8781f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem; background: var(--bg);
  color: var(--fg); font: 15px/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; }
p { margin: .35rem 0; }
code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .86em;
  overflow-wrap: anywhere; }
.dim { color: var(--dim); }
.state { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-weight: 600;
  border: 1px solid currentColor; }
.good { color: var(--good); } .bad { color: var(--bad); } .attention { color: var(--warn); }
.alarm { border: 2px solid var(--bad); border-radius: .4rem; padding: .6rem .9rem;
  color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: .8rem 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th { color: var(--dim); font-weight: 600; }
th, td:first-child { white-space: nowrap; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
td ul { margin: 0; }
section.step { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem;
  padding: .8rem 1rem; margin: .8rem 0; break-inside: avoid-page; }
.head { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
.head .when { margin-left: auto; white-space: nowrap; }
ul.changes { list-style: none; padding-left: 1rem; }
.wide { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 38rem; height: auto; margin-top: .6rem; }
svg text { fill: var(--fg); font: 12px system-ui, "Liberation Sans", sans-serif; }
svg text.small { fill: var(--dim); font-size: 11px; }
.bar { fill: var(--bar); } .bar.done { fill: var(--bar); } .bar.failed { fill: var(--bad); }
.bar.stopped { fill: var(--stop); }
.wait { fill: url(#hatch); } .hatch { stroke: var(--bg); stroke-width: 3; opacity: .75; }
.grid { stroke: var(--line); } .resume { stroke: var(--warn); stroke-dasharray: 4 3; }
.retry { fill: var(--warn); }
@media (max-width: 40rem) { table { display: block; overflow-x: auto; } }
@media print {
  :root { color-scheme: light; --fg: #000; --dim: #444; --bg: #fff; --panel: #fff; --line: #bbb;
    --accent: #000; --good: #14532d; --bad: #8f1d16; --warn: #6b4500; --bar: #6f8fb0;
    --stop: #c9a35f; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  table { display: table; } svg { min-width: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2 { break-after: avoid-page; } tr { break-inside: avoid-page; } }
]]
