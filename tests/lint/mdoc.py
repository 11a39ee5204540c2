# SPDX-License-Identifier: ISC
"""Reads manual pages: their items, functions and literal blocks."""

import re

import tree


def page(name):
    return "\n".join(tree.lines("man/" + name))


def section(text, title):
    """A .Sh or .Ss of a page, its subsections included."""
    found = re.search(r"^\.(S[hs]) %s\n(.*?)(?=^\.Sh |^\.\1 |\Z)" %
                      re.escape(title), text, re.M | re.S)
    if not found:
        raise ValueError("no section %s" % title)
    return found.group(2)


def items(text, macro):
    """[(words, body)] of ".It MACRO words"; nested lists are in the body."""
    found = []
    for block in re.split(r"^\.It %s " % macro, text, flags=re.M)[1:]:
        head, _, body = block.partition("\n")
        found.append((head, re.split(r"^\.(?:It %s|S[hs]) " % macro, body,
                                     maxsplit=1, flags=re.M)[0]))
    return found


def names(text, macro):
    """The names of items; ".It Cm a , b" are two."""
    return [name for head, _ in items(text, macro)
            for name in head.replace('"', "").split(" , ")]


def field(body, name):
    """The rest of a line "Name: rest." or None."""
    found = re.search(r"^%s:[ \n](?:\.\w+ )?(.*?) ?\.$" % name, body, re.M)
    return found and found.group(1)


def functions(text):
    """[(name, [parameters], result)] of .Fo, .Fa and .Fc in items."""
    found = []
    for head in re.findall(r"^\.It Xo\n(.*?)^\.Xc$", text, re.M | re.S):
        name = re.search(r"^\.Fo (\S+)$", head, re.M).group(1)
        parameters = re.findall(r'^\.Fa "(.*)"$', head, re.M)
        result = re.search(r"^\.No RETURNS Vt (.+)$", head, re.M).group(1)
        found.append((name, parameters, result))
    return found


def literal_blocks(text):
    """[(how it is tested or None, the text that a reader sees)]"""
    found = []
    for mark, body in re.findall(
            r'(?:^\.\\" test: ([^\n]*)\n)?^\.Bd -literal[^\n]*\n(.*?)^\.Ed$',
            text, re.M | re.S):
        body = re.sub(r"\\&", "", body).replace(r"\e", "\\")
        found.append((mark or None, body))
    return found
