"""The frame of report.html: no script, no network, light, for phone, desktop and paper."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%TITLE%</title>
<style>
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem 1rem 3rem; max-width: 62rem; color: #1c1c1c; background: #fff;
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-top: .6rem; border-top: 1px solid #ddd; }
p, ul { margin: .6rem 0; max-width: 46rem; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
.verdict { background: #eef5fb; border-left: 4px solid #0072b2; padding: .8rem 1rem; font-weight: 600; }
pre { background: #f5f5f5; padding: .7rem .9rem; border-radius: 4px; white-space: pre-wrap; }
.wide { overflow-x: auto; margin: .8rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4; }
thead th { border-bottom: 2px solid #999; vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
tbody th { font-weight: 600; }
figure { margin: 1.2rem 0; }
img { width: 100%; max-width: 44rem; height: auto; display: block; }
figcaption { color: #555; font-size: .88rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: .15rem .3rem; white-space: normal; }
  th:first-child { position: static; }
  figure, tr, .verdict { break-inside: avoid; }
  h2 { break-after: avoid; }
  img { max-width: 13cm; }
}
</style>
</head>
<body>
<main>
<h1>%TITLE%</h1>
%BODY%
</main>
</body>
</html>
"""
