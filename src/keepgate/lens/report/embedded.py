"""A picture as an image: what of it survives where a notebook's HTML is cleaned, as one that is not trusted is.

A cleaner takes an inline picture's marks out and leaves its letters behind, in a heap. An image it leaves whole, or
takes out whole; what then remains is what the image says in words.
"""

from markupsafe import Markup

from .figure import standing_alone
from .style import ROOT, adapting

# A column narrower than this shows the narrow picture.
NARROWER = "40em"


def image(drawn: Markup, class_: str) -> Markup:
    """A picture as an image, light or dark as what it stands in, which says in words what it shows."""
    figure = standing_alone("", drawn, adapting)
    return Markup('<img class="{}" src="{}" alt="{}">').format(class_, figure.address(), figure.words())


def where_narrow(drawn: Markup, class_: str) -> str:
    """The style that puts another picture in an image's place where there is little room for it."""
    there = standing_alone("", drawn, adapting).address()
    return (
        f"@media screen {{ @container (max-width: {NARROWER}) {{ "
        f'{ROOT} .{class_} {{ content: url("{there}"); max-width: 30rem }} }} }}\n'
    )
