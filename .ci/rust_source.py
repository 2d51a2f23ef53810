"""Splits Rust source into tokens, so that a check sees code and not the inside of strings and comments.

It knows nested block comments, raw strings, character literals and lifetimes, and never fails: what it does not know
becomes a token of one character.
"""

import re
from typing import NamedTuple


class Token(NamedTuple):
    """One token: its kind (name, text, number, character, lifetime, sign), its source text, and its line from 1."""

    kind: str
    text: str
    line: int


_PIECES = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>//[^\n]*)
      | (?P<block>/\*)
      | (?P<raw>(?:b|c)?r(?P<hashes>\#*)")
      | (?P<text>(?:b|c)?"(?:[^"\\]|\\.)*")
      | (?P<character>b?'(?:[^'\\\n]|\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]*\}|.))')
      | (?P<lifetime>'[A-Za-z_]\w*)
      | (?P<name>(?:r\#)?[A-Za-z_]\w*)
      | (?P<number>\d\w*(?:\.\d\w*)?)
      | (?P<sign>::|->|=>|\.\.=?|.)""",
    re.VERBOSE | re.DOTALL,
)


def _block_end(source, start):
    depth, position = 1, start
    for mark in re.compile(r"/\*|\*/").finditer(source, start):
        depth += 1 if mark.group() == "/*" else -1
        position = mark.end()
        if depth == 0:
            return position
    return len(source)


def split(source):
    """Returns the tokens, and the comments as a map from line to text."""
    tokens, comments = [], {}
    position, line = 0, 1
    while position < len(source):
        piece = _PIECES.match(source, position)
        kind, end = piece.lastgroup, piece.end()
        if piece.group("raw") is not None:
            closing = '"' + piece.group("hashes")
            found = source.find(closing, end)
            kind, end = "text", len(source) if found < 0 else found + len(closing)
        elif kind == "block":
            end = _block_end(source, end)
        text = source[position:end]
        if kind == "comment":
            comments[line] = text
        elif kind not in ("space", "block"):
            tokens.append(Token(kind, text, line))
        line += text.count("\n")
        position = end
    return tokens, comments


_OPENING = {"(": ")", "[": "]", "{": "}"}


def closing(tokens, opening):
    """The index of the bracket that closes the one at `opening`, or the end of the tokens."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == "sign":
            if tokens[index].text in _OPENING:
                depth += 1
            elif tokens[index].text in _OPENING.values():
                depth -= 1
                if depth == 0:
                    return index
    return len(tokens)


def arguments(tokens, opening):
    """The arguments between the brackets that open at `opening`, each a list of tokens."""
    end, depth, current, found = closing(tokens, opening), 0, [], []
    for token in tokens[opening + 1 : end]:
        if token.kind == "sign":
            if token.text in _OPENING:
                depth += 1
            elif token.text in _OPENING.values():
                depth -= 1
            elif token.text == "," and depth == 0:
                found.append(current)
                current = []
                continue
        current.append(token)
    return found + [current] if current else found


def statement_line(tokens, index):
    """The first line of the statement or list entry in which the token stands."""
    line, depth = tokens[index].line, 0
    for token in reversed(tokens[:index]):
        if token.kind == "sign":
            if token.text in _OPENING.values():
                if depth == 0 and token.text == "}":
                    break
                depth += 1
            elif token.text in _OPENING:
                if depth == 0 and token.text == "{":
                    break
                depth = max(depth - 1, 0)
            elif depth == 0 and token.text == ";":
                break
        line = token.line
    return line


def reason_above(comments, lines, pattern):
    """Whether a comment that matches stands directly above one of the lines, comments in between allowed."""
    for line in lines:
        above = line - 1
        while above in comments:
            if pattern.search(comments[above]):
                return True
            above -= 1
    return False
