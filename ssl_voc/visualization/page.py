"""Self-contained HTML page of tables, texts and pictures."""

import base64
import html
import io

_STYLE = """
:root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#ccc;--soft:#666}
@media(prefers-color-scheme:dark){
:root{--ink:#ddd;--paper:#181818;--line:#444;--soft:#999}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:1180px;margin:2rem auto;padding:0 1rem}
pre{overflow-x:auto;font-size:12.5px;line-height:1.45;border:1px solid var(--line);
border-radius:6px;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
.rows{display:grid;grid-template-columns:repeat(auto-fill,minmax(VARpx,1fr));gap:18px}
.row{display:flex;gap:6px}
figure{margin:0;flex:1 1 0;max-width:220px}
img{width:100%;border-radius:3px;display:block}
figcaption{font-size:12px;line-height:1.35;color:var(--soft);overflow-wrap:anywhere}
p{max-width:70ch}h1,h2,p{overflow-wrap:anywhere}
.sheet{max-width:100%;margin:1rem 0}
.alarm{border-left:4px solid #d55e00;padding-left:.8rem}
.answer{border-left:4px solid #0072b2;padding-left:.8rem;font-size:1.08rem}
.wide{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem .3rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line)}
th{font-weight:600}
td{white-space:nowrap}td.long{white-space:normal;min-width:16rem;overflow-wrap:anywhere}
td.shown{font-weight:700}
.drawings{display:grid;gap:14px;
grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr))}
.drawings img{background:#fff}
@media(max-width:480px){body{margin:1rem auto;padding:0 .8rem}}
@media print{:root{--ink:#000;--paper:#fff;--line:#999;--soft:#444}
body{max-width:none;margin:0}.wide{overflow:visible}
td{white-space:normal}img,tr{break-inside:avoid}h2{break-after:avoid}}
"""

# Texts of cells that are longer wrap, the others stay on one line.
_LONG_CELL = 44


def format_page(title, sections, num_tiles):
    """A page as HTML, its pictures inside.

    Args:
        title: Its heading.
        sections: List of `(heading, parts)`; a part is `("text", text)`, `("alarm",
            text)`, `("answer", text)`, `("table", text)` of fixed width, `("cells",
            (heads, rows))` of texts, where a cell that begins with `*` is bold,
            `("rows", rows)`, each a list of `Tile`, `("picture", (image, caption))` of
            a `PIL.Image`, or `("drawings", list of (svg, caption))`.
        num_tiles: Pictures beside each other in a row.

    Returns:
        The text of the page.
    """
    style = _STYLE.replace("VAR", str(165 * num_tiles))
    body = [f"<h1>{html.escape(title)}</h1>"]
    for heading, parts in sections:
        body.append(f"<h2>{html.escape(heading)}</h2>")
        body += [_PARTS[kind](content) for kind, content in parts]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _rows(rows):
    rows = "".join(
        f'<div class="row">{"".join(map(_figure, row))}</div>' for row in rows
    )
    return f'<div class="rows">{rows}</div>'


def _figure(tile):
    text = html.escape(tile.caption).replace("\n", "<br>")
    picture = _image(tile.draw(), tile.caption, 'loading="lazy"')
    return f"<figure>{picture}<figcaption>{text}</figcaption></figure>"


def _image(image, caption, attribute):
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=88)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img {attribute} alt="{html.escape(caption, quote=True)}" '
        f'src="data:image/jpeg;base64,{data}">'
    )


def _cells(part):
    heads, rows = part
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text):
    names = ["shown"] * text.startswith("*") + ["long"] * (len(text) > _LONG_CELL)
    kind = f' class="{" ".join(names)}"' if names else ""
    return f"<td{kind}>{html.escape(text.removeprefix('*'))}</td>"


def _drawings(drawings):
    # As pictures: names inside one drawing are not those of another.
    figures = (
        f'<img alt="{html.escape(caption, quote=True)}" src="data:image/svg+xml;base64,'
        f'{base64.b64encode(svg.encode("utf-8")).decode()}">'
        for svg, caption in drawings
    )
    return f'<div class="drawings">{"".join(figures)}</div>'


_PARTS = {
    "picture": lambda part: _image(*part, 'class="sheet"'),
    "text": lambda text: f"<p>{html.escape(text)}</p>",
    "answer": lambda text: f'<p class="answer">{html.escape(text)}</p>',
    "cells": _cells,
    "drawings": _drawings,
    "alarm": lambda text: f'<p class="alarm">{html.escape(text)}</p>',
    "table": lambda text: f"<pre>{html.escape(text)}</pre>",
    "rows": _rows,
}
