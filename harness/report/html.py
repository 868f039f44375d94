"""report.html: one run as a page that opens anywhere; all text is escaped, nothing is fetched."""

from __future__ import annotations

from harness.report import tables
from harness.report.runs import Run

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ run.model }} on {{ run.task }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .2em .8em; text-align: left;
border-bottom: 1px solid #ccc; vertical-align: top } pre { white-space: pre-wrap; margin: 0 }
.failed { background: #fdd } .unread { background: #ffd } .wrong { background: #f6f6f6 }
</style>
<h1>{{ run.model }} on {{ run.task }}</h1>
<p>Accuracy <b>{{ percent(summary.accuracy, summary.half_width) }}</b> % (95 % interval, clustered
by video) over {{ summary.n }} questions; {{ summary.unread }} unread, {{ summary.failed }} failed.
{% if not run.complete %}<b>This run is incomplete.</b>{% endif %}
{% if summary.bounds %}Had every failed question been wrong, or right:
{{ points(summary.bounds.low) }} to {{ points(summary.bounds.high) }}.{% endif %}</p>
{% for name, parts in summary.by.items() %}
<h2>{{ name }}</h2>
<table><tr><th>value<th>n<th>accuracy</tr>
{% for value, part in parts.items() %}<tr><td>{{ value }}<td>{{ part.n }}
<td>{{ percent(part.accuracy, part.half_width) }}</tr>
{% endfor %}</table>
{% endfor %}
<h2>What was not answered rightly</h2>
<table><tr><th>question<th>prompt<th>response<th>read<th>right<th>why</tr>
{% for r in records %}<tr class="{{ r.status if r.status != 'scored' else 'wrong' }}">
<td>{{ r.question }}<td><details><summary>{{ short(r.prompt, 80) }}</summary>
<pre>{{ r.prompt }}</pre></details><td>{{ short(r.response, 200) }}<td>{{ r.answer or '—' }}
<td>{{ r.gold or '—' }}<td>{{ r.reason or r.status }}</tr>
{% endfor %}</table>
<h2>Request</h2>
<pre>{{ request }}</pre>
</html>
"""


def page(run: Run) -> str:
    """The run's report as HTML."""
    import json

    from jinja2 import Environment

    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(
        run=run,
        summary={"bounds": None, "by": {}} | run.summary,
        records=[r for r in run.records if r.status != "scored" or (r.score or 0.0) < 1.0],
        request=json.dumps(run.request, indent=2, ensure_ascii=False),
        percent=tables.percent,
        points=tables.points,
        short=tables.short,
    )
