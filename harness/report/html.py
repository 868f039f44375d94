"""report.html: one run as a page that opens anywhere; all text is escaped, nothing is fetched."""

from __future__ import annotations

from harness.metrics import Summing
from harness.report import tables
from harness.report.diagnostics import diagnosed
from harness.report.runs import Run
from harness.types import Metric, Record

MOST = 1000
"""How many questions a page lists."""

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
.failed, .unscored { background: #fdd } .unparsed, .truncated { background: #ffd }
</style>
<h1>{{ run.model }} on {{ run.task }}</h1>
<table><tr><th>metric<th>value<th>n<th>videos<th>guessing
<th>had all that is lost been worst, or best</tr>
{% for name, value in summary.metrics.items() %}<tr><td>{{ name }}
{% if value.unit %}({{ value.unit }}){% endif %}
<td><b>{{ interval(value.estimate, value.unit) }}</b><td>{{ value.estimate.n }}
<td>{{ value.estimate.clusters }}<td>{{ number(value.chance, value.unit) }}
<td>{% if value.bounds %}{{ number(value.bounds[0], value.unit) }} to
{{ number(value.bounds[1], value.unit) }}{% endif %}</tr>
{% endfor %}</table>
<p>In brackets the 95 % interval, clustered by video. {{ summary.unparsed }} unparsed,
{{ summary.truncated }} truncated, {{ summary.failed }} failed, {{ summary.unscored }} unscored.
{% if not summary.complete %}<b>This run is incomplete.</b>{% endif %}</p>
{% for line in lines %}<p>{{ line }}</p>
{% endfor %}
{% for group, parts in summary.by.items() %}
<h2>{{ group }}</h2>
<table><tr><th>value<th>n{% for name in summary.metrics %}<th>{{ name }}{% endfor %}</tr>
{% for value, found in parts.items() %}<tr><td>{{ value }}<td>{{ found[summary.headline].n }}
{% for name, one in found.items() %}<td>{{ interval(one, summary.metrics[name].unit) }}
{% endfor %}</tr>
{% endfor %}</table>
{% endfor %}
<h2>What was not answered rightly</h2>
{% if left_out %}<p>The first {{ records|length }}; {{ left_out }} more are in records-*.jsonl.</p>
{% endif %}
<table><tr><th>question<th>prompt<th>response<th>extracted<th>target<th>score<th>why</tr>
{% for r in records %}<tr class="{{ r.status }}">
<td>{{ r.key }}<td><details><summary>{{ short(r.prompt, 80) }}</summary>
<pre>{{ r.prompt }}</pre></details><td>{{ short(r.response.text if r.response else None, 200) }}
<td>{{ plain(r.score.answer if r.score else None) }}<td>{{ plain(r.question.target) }}
<td>{{ worth(r) }}<td>{{ r.reason or (r.score.explanation if r.score else "") or r.status }}</tr>
{% endfor %}</table>
<h2>Request</h2>
<pre>{{ request }}</pre>
</html>
"""


def page(run: Run) -> str:
    """The run's report as HTML. A page lists at most ``MOST`` questions: browsers stop at more."""
    import json

    from jinja2 import Environment

    headline, summary = run.metrics[0], run.summary
    name, best = _value_name(headline), _best(headline)
    shown = [
        r for r in run.records if r.status != "scored" or _value(name, r) != best or best is None
    ]
    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(
        run=run,
        summary=summary,
        lines=diagnosed(summary),
        records=shown[:MOST],
        left_out=max(len(shown) - MOST, 0),
        request=json.dumps(run.request, indent=2, ensure_ascii=False),
        interval=tables.interval,
        number=tables.number,
        short=tables.short,
        plain=tables.plain,
        worth=lambda record: _worth(name, record),
    )


def _value_name(headline: Metric) -> str:
    return headline.value if isinstance(headline, Summing) else headline.name


def _best(headline: Metric) -> float | None:
    """The best score there is: there is nothing to see in a record that has it."""
    if not isinstance(headline, Summing):
        return 1.0
    return headline.high if headline.higher_is_better else headline.low


def _value(name: str, record: Record) -> float | None:
    return record.score.values.get(name) if record.score else None


def _worth(name: str, record: Record) -> str:
    value = _value(name, record)
    return "" if value is None else tables.number(value, "")
