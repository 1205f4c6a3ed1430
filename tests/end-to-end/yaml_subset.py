"""The part of YAML that this repository's own files use, to dicts, lists and strings.

In: text with block mappings and sequences, one-line flow sequences, plain and quoted scalars, comments, anchors, aliases and
`<<` merges. Out: plain Python values; every scalar but `null` stays text. Anything else is refused with its line, so a file
that outgrows this reader fails loudly. Python's standard library has no YAML.
"""

import re

_KEY = re.compile(r"(?P<key>[^\s\"'#\[\]{}&*!|>%@,][^:]*):(?:\s+(?P<rest>.*))?$")
_PLAIN_REFUSED = "{!|>%@`"


class YamlError(ValueError):
    """The text has a form that is not read here."""


def load(text):
    """Returns the document's value."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        content = _without_comment(line)
        if content.strip() and content.strip() != "---":
            if "\t" in content:
                raise YamlError(f"line {number}: a tab")
            lines.append((number, len(content) - len(content.lstrip()), content.strip()))
    reader = _Reader(lines)
    value = reader.block(0)
    reader.end()
    return value


class _Reader:
    def __init__(self, lines):
        self._lines, self._at, self._anchors = lines, 0, {}

    def end(self):
        if self._at < len(self._lines):
            raise YamlError(f"line {self._lines[self._at][0]}: indented otherwise than what is before it")

    def block(self, indent):
        if self._at == len(self._lines) or self._lines[self._at][1] < indent:
            return None
        _, indent, content = self._lines[self._at]
        return self._sequence(indent) if content.startswith("- ") or content == "-" else self._mapping(indent)

    def _sequence(self, indent):
        items = []
        while self._here(indent) and (self._lines[self._at][2] + " ").startswith("- "):
            number, _, content = self._lines[self._at]
            rest = content[1:].strip()
            inner = indent + len(content) - len(rest)
            if not rest:
                self._at += 1
                items.append(self.block(indent + 1))
            elif _KEY.match(rest):
                self._lines[self._at] = (number, inner, rest)
                items.append(self._mapping(inner))
            else:
                self._at += 1
                items.append(self._scalar(rest, number))
        return items

    def _mapping(self, indent):
        result, merged = {}, {}
        while self._here(indent):
            number, _, content = self._lines[self._at]
            match = _KEY.match(content)
            if match is None:
                raise YamlError(f"line {number}: not `key: value`: {content}")
            self._at += 1
            key = match["key"].strip()
            value = self._value((match["rest"] or "").strip(), indent, number)
            if key == "<<":
                merged = value
            elif key in result:
                raise YamlError(f"line {number}: {key} is there already")
            else:
                result[key] = value
        return {**merged, **result}

    def _value(self, rest, indent, number):
        anchor = re.match(r"&(\S+)\s*(.*)$", rest)
        if anchor:
            value = self._value(anchor[2], indent, number)
            self._anchors[anchor[1]] = value
            return value
        if rest:
            return self._scalar(rest, number)
        if self._at < len(self._lines) and self._lines[self._at][1] == indent and self._lines[self._at][2].startswith("- "):
            return self.block(indent)
        return self.block(indent + 1)

    def _scalar(self, text, number):
        if text.startswith("*"):
            return self._anchors[text[1:]]
        if text.startswith("["):
            if not text.endswith("]"):
                raise YamlError(f"line {number}: a flow sequence over several lines")
            parts = re.findall(r"\"[^\"]*\"|'[^']*'|[^,\s\[\]][^,\[\]]*", text[1:-1])
            return [_unquoted(part.strip()) for part in parts]
        if text[0] in _PLAIN_REFUSED:
            raise YamlError(f"line {number}: {text[0]} is not read here")
        return _unquoted(text)

    def _here(self, indent):
        return self._at < len(self._lines) and self._lines[self._at][1] == indent


def _unquoted(text):
    if text in ("null", "~"):
        return None
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        if "\\" in text:
            raise YamlError(f"an escape in {text}")
        return text[1:-1]
    return text


def _without_comment(line):
    quote = None
    for at, char in enumerate(line):
        if quote:
            quote = None if char == quote else quote
        elif char in "'\"" and (at == 0 or line[at - 1] in " [,"):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] == " "):
            return line[:at].rstrip()
    return line.rstrip()
