"""Reads an HTML page that must be XML as well: prints its elements, links and text as JSON."""
import json
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

SVG = "{http://www.w3.org/2000/svg}"


class Balanced(HTMLParser):
    """Each tag is closed by its own end, as browsers see it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise SystemExit("</%s> closes nothing" % tag)


def cells(table):
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]


def main():
    text = sys.stdin.buffer.read().decode("utf-8")
    parser = Balanced()
    parser.feed(text)
    parser.close()
    if parser.open:
        raise SystemExit("not closed: " + ", ".join(parser.open))
    head, page = text.split("\n", 1)
    root = ET.fromstring(page)
    pictures = root.iter(SVG + "svg")
    print(json.dumps({
        "doctype": head,
        "elements": sorted(set(parser.tags)),
        "attributes": sorted({name for each in root.iter() for name in each.attrib}),
        "text": "".join(root.find("body").itertext()),
        "tables": [cells(table) for table in root.iter("table")],
        "bars": [dict(each.attrib) for picture in pictures for each in picture.iter(SVG + "rect")],
        "marks": {name: sum(1 for each in root.iter() if each.get("class") == name)
                  for name in ("retry", "resume", "wait")},
        "style": "".join(root.find("head").find("style").itertext()),
    }))


main()
