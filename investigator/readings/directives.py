"""A directive is a sentence that tells its reader to do something, whatever its wording.

It is known by grammar alone: an imperative ("send …", "please first transfer …"), a demand on
the reader ("you must …", "could you …", "I want you to …", "make sure to …") or on the thing
("… has to be sent to …"), with one of the common verbs of acting. Data is full of sentences
that are none: statements, headings, records, questions of fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.languages import word_set

WINDOW = 200_000
"""Characters of a text that are looked at."""

_LEADS = 8
_GREETING = 3
_TITLE = 5

_GROUPS = {
    "send": "send email mail message text dm post publish forward reply respond write tell notify "
    "inform contact answer report announce alert comment submit upload broadcast tweet",
    "pay": "pay transfer wire send refund reimburse remit deposit withdraw donate spend charge",
    "buy": "buy purchase order book reserve rent hire subscribe checkout bid",
    "delete": "delete remove erase drop wipe clear cancel discard destroy purge trash terminate "
    "revoke uninstall kick ban block unsubscribe close archive",
    "create": "create make add write append insert generate schedule set register open draft save "
    "store book reserve plan arrange build compose prepare put record include install deploy",
    "change": "change update modify set edit reset replace adjust alter rename move reschedule "
    "correct rewrite overwrite switch increase decrease raise lower configure enable disable fix",
    "read": "read visit open fetch browse get retrieve load access download view check see look "
    "find search list show lookup scan review inspect query navigate go click follow examine "
    "inspect",
    "share": "share invite add grant give allow permit disclose reveal leak export provide attach "
    "expose hand assign join",
    "run": "run execute call invoke use perform start launch trigger apply do complete finish "
    "carry solve proceed continue repeat print output say return stop "
    "consider ensure confirm approve accept verify sign log authorize authorise "
    "calculate compute summarize summarise translate recommend suggest rate rank choose select "
    "pick keep hold wait begin end turn take bring coordinate attend",
}
_NO_ACT: frozenset[str] = frozenset()
_KINDS: dict[str, frozenset[str]] = {}
for _group, _words in _GROUPS.items():
    for _word in _words.split():
        _KINDS[_word] = _KINDS.get(_word, frozenset()) | {_group}
_IRREGULAR = {
    "sent": "send", "paid": "pay", "bought": "buy", "made": "make", "given": "give",
    "written": "write", "told": "tell", "put": "put", "set": "set", "done": "do", "run": "run",
    "read": "read", "shown": "show", "found": "find", "taken": "take", "brought": "bring",
    "reservation": "reserve", "payment": "pay", "deletion": "delete", "purchase": "buy",
    "booking": "book", "transaction": "transfer", "invitation": "invite",
}  # fmt: skip
"""Forms that no rule leads back to the verb, and nouns that ask for an act as the verb would."""


_LEAD_WORDS = word_set(
    "please kindly first firstly second secondly third thirdly then next now also finally lastly "
    "and so just always immediately instead additionally afterwards but or only once quickly "
    "simply again still therefore thus hence step"
)
_ASKING = word_set("can could will would")
_OBLIGED = word_set(
    "must should shall will need needs have has ought required requested asked supposed obliged "
    "expected instructed are to be also first then now please kindly immediately just always"
)
_READER = word_set("you assistant agent bot ai model")
_FILLERS = word_set("you that so kind good as able willing help me us by")
_WISH = word_set("want wants need needs like ask asks require requires request")
_CARE = word_set("sure remember forget ensure certain necessary essential crucial")
_DUTY = word_set("must should shall needs need has have")

_DEMANDS = _READER | _CARE | _DUTY | {"to", "please"}
"""The words of which one has to stand in a demand."""

_ESCAPED_BREAK = re2.compile(r"\\+\s*\n\s*\\?|\\+[nrt]")
_BLOCK = re.compile(
    r"\n(?:[ \t]*\n)+|\n(?:[-*•#>|]\s*|\d+[.)]\s+)?[\w .'\"-]{1,40}:(?:\s|\Z)"
    r"|\n(?:[-*•#>|]|\d+[.)]\s)|<[^<>]{0,80}>",
    re.ASCII,
)
_ENDS = re.compile(r"[.!?][\"')\]]*(?:\s+|\Z)", re.ASCII)
_CLAUSES = re.compile(r"[,;:](?:\s|\Z)", re.ASCII)
# Every text is split by these, and a match by RE2's binding costs ten times that of `re`; none of
# them can backtrack further than a bound.
_RECORD = re2.compile(
    r"[\"']\s*[,:]\s*[\"'\[{\pN-]|[\"']\s*[,:]\s*(?:None|True|False|null|true|false)|[{}\[\]]"
)
_SUBORDINATE = word_set(
    "before after when whenever once if unless until while since because as to for in upon given "
    "instead besides regardless"
)
_HEADED = word_set("result results")
"""`Search results: …` is a heading."""

_PURPOSES = word_set("to for")
_JOINTS = word_set("and then or")
_DETERMINERS = word_set("the a an all any every each this that these those its their your my our")
_INNER = "'’_-"
_WORD = re.compile(rf"[\w{_INNER}]+")
_BETWEEN = re.compile(r"[\W_]+")
_NAME_PART = re2.compile(r"\p{Lu}+(?:\p{Ll}|\p{N})*|\p{Ll}[\p{Ll}\p{N}]*|\p{N}+|\p{Lo}+")


def sentences_of(text: str) -> tuple[str, ...]:
    """The sentences of a text; lines that are wrapped are joined, records and items are not."""
    plain = _ESCAPED_BREAK.sub("\n", well_formed(text[:WINDOW])).replace("''", "'")
    is_record = plain.lstrip()[:1] in ("{", "[")
    return tuple(
        sentence
        for field in (_split(_RECORD, plain) if is_record else (plain,))
        for block in _split(_BLOCK, _without_margins(field))
        for passage in _passages(block)
        for sentence in _split(_ENDS, passage)
    )


def _without_margins(text: str) -> str:
    return "\n".join(line.strip(" \t") for line in text.split("\n"))


def _passages(block: str) -> list[str]:
    """Wrapped lines as one; a list of names as one each."""
    lines = block.split("\n")
    return lines if all(map(_is_title, lines)) else [" ".join(block.split())]


def _split(pattern: re.Pattern[str] | re2.LazyPattern, text: str) -> Iterator[str]:
    """The pieces between the matches that are not blank."""
    start = 0
    for end, after in _spans(pattern, text):
        if piece := text[start:end].strip():
            yield piece
        start = after


def _spans(pattern: re.Pattern[str] | re2.LazyPattern, text: str) -> list[tuple[int, int]]:
    """Where each piece of a text ends and the next one starts."""
    return [*(hit.span() for hit in pattern.finditer(text)), (len(text), len(text))]


def directed(sentence: str) -> frozenset[str]:
    """The kinds of acts that a sentence demands of its reader; empty where it demands none."""
    kinds = _NO_ACT
    opens, start = not _is_title(sentence), 0
    for end, after in _spans(_CLAUSES, sentence):
        clause = sentence[start:end]
        words = words_of(clause)
        kinds |= _demand(words) | _run_on(clause) | (_imperative(words) if opens else frozenset())
        opens = sentence[end : end + 1] != "," or bool(kinds) or _leads_on(words)
        start = after
    return kinds


def _is_title(sentence: str) -> bool:
    """Whether a short line is a name or a heading: `Open Kitchen`, `Book Lovers`."""
    words = sentence.split()
    return len(words) <= _TITLE and all(word.isalpha() and word.istitle() for word in words)


def _leads_on(words: list[str]) -> bool:
    """Whether an imperative may come after a comma: "if …, send", "Hi Bob, send"; not a list."""
    return len(words) <= _GREETING or words[0] in _SUBORDINATE


def _imperative(words: list[str]) -> frozenset[str]:
    """`please then send …`: a verb of acting in its plain form, with something after it.

    Those that are joined to it count as well: `read … and post …`. What comes before may be a
    purpose: `to close this ticket read the table …`.
    """
    lead = 0
    while lead < min(len(words), _LEADS) and _leads(words[lead]):
        lead += 1
    if lead + 1 >= len(words) or words[lead + 1] in _HEADED:
        return _NO_ACT
    found = _KINDS.get(words[lead], _NO_ACT)
    if not found and words[lead] in _PURPOSES:
        lead = _behind_purpose(words, lead)
        found = _KINDS.get(words[lead], _NO_ACT) if lead else _NO_ACT
    if found:
        for joint, word in zip(words[lead + 1 :], words[lead + 2 :], strict=False):
            found |= _KINDS.get(word, _NO_ACT) if joint in _JOINTS else _NO_ACT
    return found


def _behind_purpose(words: list[str], start: int) -> int:
    """Where a verb of acting follows a purpose with its object; 0 where none does."""
    places = range(start + 3, len(words) - 1)
    return next((i for i in places if words[i] in _KINDS and words[i + 1] in _DETERMINERS), 0)


def _run_on(clause: str) -> frozenset[str]:
    """An imperative that was put behind other words without a stop: `report 12 Send it to …`."""
    words = clause.split()
    found = _NO_ACT
    for place in range(1, len(words) - 1):
        word = words[place]
        if word.istitle() and (kinds := _KINDS.get(word.casefold())) is not None:
            beside = words[place - 1][:1], words[place + 1][:1]
            found |= _NO_ACT if any(map(str.isupper, beside)) else kinds
    return found


def _leads(word: str) -> bool:
    adverb = len(word) > 4 and word.endswith("ly") and word not in _KINDS
    return adverb or word in _LEAD_WORDS or word.isdigit()


def _demand(words: list[str]) -> frozenset[str]:
    """`you must send …`, `I want you to send …`, `make sure to send …`, `it has to be sent`."""
    found = _NO_ACT
    for place, word in enumerate(words[:-1]):
        if word not in _DEMANDS:
            continue
        rest, before = words[place + 1 :], words[place - 1] if place else ""
        asked = word in _READER and (before in _ASKING or rest[0] in _OBLIGED)
        wished = word == "to" and before in _WISH
        if asked or wished or word == "please" or word in _CARE:
            found |= _first_act(rest)
        elif word in _DUTY and "be" in rest[:2]:
            found |= kinds_of(rest[rest.index("be") + 1 :][:1])
    return found


def _first_act(words: list[str]) -> frozenset[str]:
    """The act after words of duty; none where another word comes first."""
    for word in words[:_LEADS]:
        if word in _KINDS:
            return _KINDS[word]
        if not (word in _FILLERS or word in _OBLIGED or _leads(word)):
            break
    return _NO_ACT


def kinds_of(words: Iterable[str]) -> frozenset[str]:
    """The kinds of acts that words name, in any of their forms."""
    return frozenset().union(*map(_kinds_of_word, words))


def names_an_act(words: Iterable[str]) -> bool:
    """Whether one of the words names an act, in any of its forms."""
    return any(map(_kinds_of_word, words))


@lru_cache(maxsize=16_384)
def _kinds_of_word(word: str) -> frozenset[str]:
    """Most words of a text have stood in it before."""
    return _KINDS.get(_plain(word), _NO_ACT)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    parts = _WORD.findall(text[:WINDOW].casefold())
    return [word for part in parts if (word := part.strip(_INNER))]


def letters_of(text: str) -> str:
    """The letters and digits of a text in lower case: no spaces, quotes or escapes."""
    return _BETWEEN.sub("", text).casefold()


def tool_words(name: str) -> list[str]:
    """The words in a tool's name: `sendDirectMessage` and `send_direct_message` are alike."""
    return list(_name_words(name[:500]))


@lru_cache(maxsize=1024)
def _name_words(name: str) -> tuple[str, ...]:
    """A run calls few tools many times."""
    return tuple(hit.casefold() for hit in _NAME_PART.findall(well_formed(name)))


def acts_of_tool(name: str) -> frozenset[str]:
    """The kinds of acts that a tool does: those of the first word in its name that is an act."""
    kinds = (kinds_of([word]) for word in tool_words(name))
    return next((found for found in kinds if found), frozenset())


def _plain(word: str) -> str:
    """The plain form of a verb or noun, as far as simple rules lead."""
    if word in _KINDS:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            stem = word[: -len(ending)]
            doubled = stem[:-1] if stem[-1:] == stem[-2:-1] else stem
            for candidate in (stem + instead, stem + "e", doubled):
                if len(candidate) > 1 and candidate in _KINDS:
                    return candidate
    return word


_ENDINGS = (("ies", "y"), ("ied", "y"), ("ing", ""), ("es", "e"), ("ed", "e"), ("s", ""), ("d", ""))
