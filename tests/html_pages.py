"""A page of HTML taken apart, for the tests of what keepgate writes."""

from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, visible text, and whether every element is closed."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts, self.inside = [], [], [], {"style": "", "script": ""}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]] += data
        else:
            self.texts.append(data)

    def words(self, between=" "):
        """All that can be read, with so much between two pieces of text, runs of blanks as one."""
        return " ".join(between.join(self.texts).split())

    def all(self, tag, **attributes):
        """The attributes of every element of a kind that has these."""
        return [a for name, a in self.elements if name == tag and attributes.items() <= a.items()]
