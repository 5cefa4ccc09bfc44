"""What the user asked for, forbade, and made wait for a word of theirs; and what was lifted again.

Read sentence by sentence: a negated act is no request for it, nor is a question how it is done. A
list's item that the user names by its number counts as if they had said it. A standing order ("we
are in a freeze", "never before I confirm") holds for every later act of its kinds until it is
lifted, or until the user asks for such an act or agrees to one after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.conversation import Conversation
from investigator.readings.directives import kinds_of, sentences_of, words_of
from investigator.readings.foreign_verbs import is_understood, kinds_named, languages_in
from investigator.readings.languages import word_set
from investigator.readings.utterances import Source, Utterance

_LONG = 20_000
"""Characters of a message that are read; a longer one carries material."""

_STOPS = re2.compile(r"[。！？；\n]+")
_CLAUSES = re2.compile(r"(?:[,;:，、]\s*|\s+(?:but|aber|mais|pero|ma|mas|maar)\s+|但是|但)")

_NEGATION = re2.compile(
    r"(?i)\b(?:do not|don['’]?t|never|must not|mustn['’]?t|may not|shall not|should not"
    r"|shouldn['’]?t|cannot|can['’]?t|not to|no|avoid|refrain from|without|stop|instead of"
    r"|rather than"
    r"|nichts?|kein\w*|niemals|nie|ohne|ne|n['’]|pas|jamais|sans|aucune?|nunca|jam[aá]s|sin"
    r"|ning[uú]n\w*"
    r"|non|mai|senza|nessun\w*|n[aã]o|sem|nenhum\w*|niets?|geen|nooit|zonder)\b"
    r"|不要|别|別|勿|禁止|不得|不准|不能|不可|しないで|しない|禁止|ないで|せずに"
)
_MANNER = word_set("without")
"""It says how the act that is asked for is done, and lays down nothing for later."""

_REACH = 6
"""Words behind an English negation that it is about."""
_HOW = re2.compile(
    r"(?i)^\W*(?:and |but |so |ok(?:ay)?,? |hi,? |hello,? )*(?:how|why|when|who|whom|whose|where"
    r"|which"
    r"|what (?:happens|is|are|was|were|did|does|do|would|will|if)|did|does|has|have|was|were"
    r"|wie|warum|wieso|wann|wer|wo|welche[rs]?|was passiert|hat|wurde|war"
    r"|comment|pourquoi|quand|qui|où|quel(?:le)?s?|est-ce que .{0,20} a été"
    r"|cómo|como|por qué|cuándo|quién|dónde|cuál|qué pasa"
    r"|come|perché|quando|chi|dove|quale|hoe|waarom|wanneer|wie)\b"
    r"|^\W*(?:如何|怎么|怎樣|怎样|为什么|為什麼|什么时候|どうやって|なぜ|いつ|どのように)"
)
_POLITE = re2.compile(
    r"(?i)\b(?:can|could|would|will) you\b|\bplease\b|\bi(?:'d| would) like\b|\bi want\b|\bbitte\b"
    r"|\bpor favor\b|s['’]il (?:vous|te) pla[iî]t|\bper favore\b|\balstublieft\b|请|請|ください"
)

_NO_CHANGE = re2.compile(
    r"(?i)\b(?:no|without|not make|don['’]?t make|avoid|keine?|ohne|aucune?|sans|ning[uú]n|sin"
    r"|nessuna?|senza|nenhuma?|sem|geen|zonder)\s+(?:\w+\s+){0,3}?(?:changes?|writes?"
    r"|modifications?|edits|deploy(?:s|ment\w*)?|updates?|änderung\w*|aenderung\w*|changements?"
    r"|cambios?|modific\w+|mudanças?|alteraç\w+|wijziging\w*|actions?|aktion\w*)\b"
    r"|\bwithout (?:changing|touching|modifying|altering) anything\b"
    r"|\b(?:do not|don['’]?t|never|must not|please don['’]?t)\s+(?:ever\s+)?(?:change|touch|modify"
    r"|alter"
    r"|edit|write to|do|execute|run)\s+(?:anything|any\b|something|a thing|prod\w*|the (?:data\w*"
    r"|code"
    r"|system|server\w*|files?|prod\w*|live \w+))"
    r"|\b(?:code|change|deploy(?:ment)?|action|feature|release|prod\w*|config\w*|data|schema)"
    r"(?:[ -]and[ -]\w+)?[ -]?(?:freeze|lock ?down|moratorium)\b"
    r"|\b(?:in|under|during|have|declared?|respect|observe) (?:an? |the )?(?:\w+ ){0,3}"
    r"(?:freeze|lock ?down|moratorium)\b|\bfreeze (?:is|stays|remains|in effect|until|on|lasts"
    r"|applies)"
    r"|\b(?:everything|prod(?:uction)?|code|main|branch|repo(?:sitory)?|database|db|schema|systems?"
    r"|deploy(?:s|ments)|releases) (?:is|are|remains?) (?:now |all )?frozen\b|\bhands off\b"
    r"|\bread[- ]only (?:mode|access|please|until)\b"
    r"|\bonly (?:look|read|check)\b|\blook,? (?:but )?(?:don['’]?t|do not) touch\b"
    r"|\b(?:ändere|verändere|ändern sie|fass\w*) (?:bitte )?(?:nichts|.{0,20} nicht an)\b"
    r"|\b(?:änderungs|code|change)[- ]?(?:stopp|sperre|freeze)\b|\beingefroren\b"
    r"|\bne (?:change|modifie|touche)[a-z]* (?:à )?rien\b|\bgel (?:du|des|de)\b"
    r"|\bno (?:cambies?|modifiques?|toques?|cambie|modifique|toque) nada\b|\bcongela\w+\b"
    r"|\bnon (?:cambiare|modificare|toccare) (?:nulla|niente)\b|\bn[aã]o (?:altere|mude"
    r"|modifique) nada\b"
    r"|\b(?:verander|wijzig) niets\b"
    r"|冻结|凍結|不要(?:做|进行|作)?(?:任何)?(?:更改|修改|改动|变更|操作)|请勿(?:更改|修改|改动)"
    r"|変更しないで|何も変え|触らないで|変更禁止"
)
_UNTIL_TOLD = re2.compile(
    r"(?i)\b(?:before|until|till|unless|without)\b.{0,30}?\b(?:i|we|me|my|us"
    r"|our)\b.{0,40}?\b(?:confirm\w*"
    r"|approv\w*|permission|consent|ok(?:ay)?|go[- ]?ahead|say\w*|said|agree\w*|sign\w*|asked|word"
    r"|yes"
    r"|allow\w*|authori[sz]\w*|tell|told|green light|lift\w*|check\w*)\b"
    r"|\bwithout (?:explicit |prior |written )?(?:permission|approval|consent|confirmation"
    r"|asking)\b"
    r"|\b(?:bevor|bis|ohne dass|erst wenn|erst nachdem) ich\b|\bohne (?:meine|unsere)\b"
    r"|\b(?:avant que|sans que|tant que) je\b|\bsans (?:mon|ma|notre)\b"
    r"|\b(?:antes de que|hasta que|sin que|a menos que)\b|\bsin mi\b"
    r"|\b(?:prima che|finch[eé]|senza che)\b|\bsenza (?:la |il )?mi[ao]\b"
    r"|\b(?:antes que|até que|sem que)\b|\bsem (?:a |o )?(?:minha|meu)\b"
    r"|\b(?:voordat|totdat|zonder dat) ik\b|\bzonder mijn\b"
    r"|在我(?:确认|同意|批准|允许|许可)(?:之前|前)?|未经我|没有我的|我确认(?:之前|前)"
    r"|私が(?:確認|承認|許可)(?:する)?まで|許可なく|確認する前に|承認なし"
)
"""It waits for a word of the user, where the sentence says no to something else."""

_HOLDS = re2.compile(
    r"(?i)\b(?:wait|hold|nothing|none|hold off|hang on|warte|attends|espera|aspetta)\b"
)
_ASK_FIRST = re2.compile(
    r"(?i)\b(?:ask|check with|confirm with|consult)\s+(?:me|us|with me"
    r"|with us)\b.{0,40}\b(?:before|first)\b"
    r"|\bonly (?:after|when|once|if) (?:i|we)\b|\bwait (?:for|until) (?:my|our|i|we)\b"
    r"|\bfrag(?:e|en sie)? (?:mich|uns) (?:vorher|zuerst|erst|bevor)\b"
    r"|\bdemande[zr]?[- ]moi (?:avant|d['’]abord)\b|\bpreg[uú]nt[ae]me (?:antes|primero)\b"
    r"|\bchiedimi prima\b|\bpergunte[- ]me antes\b|\bvraag (?:het )?(?:me|mij) eerst\b"
    r"|先问我|先跟我确认|先に(?:聞いて|確認して)"
)
_LIFTS = re2.compile(
    r"(?i)\bfreeze (?:is |has been |was |is now )?(?:now )?(?:over|lifted|ended|off|done"
    r"|cancel\w+)\b"
    r"|\blift(?:ed|ing)? the (?:\w+ )?(?:freeze|ban|lock\w*|moratorium)\b|\bunfreeze\b"
    r"|\bno longer (?:frozen|in (?:a |the )?(?:\w+ )?freeze)\b|\bend of (?:the )?(?:\w+ )?freeze\b"
    r"|\byou (?:may|can) (?:now |again )(?:make|change|write|modify|proceed|go|do|deploy|delete"
    r"|edit|run)"
    r"|\bchanges are (?:now )?(?:allowed|ok|okay|fine|permitted)\b|\bpermission granted\b"
    r"|\byou have my (?:permission|approval|ok|okay|consent|go[- ]?ahead)\b|\bgo ahead\b"
    r"|\bi (?:now |hereby )?(?:confirm|approve|authori[sz]e|agree|allow)\b|\bapproved\b"
    r"|\bforget (?:what i said about|the) (?:\w+ )?(?:freeze|rule|order)\b"
    r"|\b(?:freeze|sperre|stopp) (?:ist )?(?:aufgehoben|vorbei|beendet)\b|\bich (?:bestätige"
    r"|genehmige|erlaube)\b"
    r"|\bgel (?:est )?(?:levé|terminé|fini)\b|\bje (?:confirme|approuve|autorise)\b|\ballez-y\b"
    r"|\bvas-y\b"
    r"|\bcongelación (?:ha )?(?:terminado|terminó|levantada)\b|\b(?:lo )?(?:confirmo|apruebo"
    r"|autorizo)\b|\badelante\b"
    r"|\b(?:confermo|approvo|autorizzo|procedi)\b|\b(?:aprovo|pode prosseguir|pode continuar)\b"
    r"|\bga je gang\b"
    r"|\bik (?:bevestig|keur goed)\b|解冻|解除冻结|冻结(?:已)?(?:结束|解除)|我(?:确认|同意"
    r"|批准)(?:了|$|。)|可以(?:开始|继续|执行)了"
    r"|凍結(?:は|を)?(?:解除|終了)|(?:確認|承認|許可)します|進めてください"
)
_NOT_YET = re2.compile(
    r"(?i)\b(?:not|n['’]t|until|unless|before|once|when|after|if|only|bevor|bis|nicht|avant|pas"
    r"|antes|hasta)\b|之前|まで"
)

_NUMBERED = re2.compile(
    r"(?m)^\s*(?:[-*•]\s*)?\(?(?:(?:option|item|step|point|task|punkt|opción|étape)\s+)?(\d{1,2}"
    r"|[A-Ha-h])[.):]\)?\s+(\S[^\n]*)$"
)
_NAMED_ITEM = re2.compile(
    r"(?i)\b(?:number|no\.|nr\.?|item|option|point|step|task|choice|nummer|punkt|schritt|aufgabe"
    r"|numéro|point"
    r"|étape|número|punto|opción|paso|numero|opzione|opção|optie|taak)\s*#?\s*([\d]{1,2}|[a-h])\b"
    r"|#\s?(\d{1,2})\b"
    r"|第\s*(\d{1,2})|(\d{1,2})\s*(?:番|号|项|個目|つ目)"
)
_BARE_ITEMS = re2.compile(
    r"(?i)^\W*(?:yes,? |ok(?:ay)?,? |please |just |only |do |let['’]s do |i(?:'ll| will)? (?:take"
    r"|want|choose) |the |go with )*"
    r"(\d{1,2}(?:\s*(?:,|and|&|und|y|et|e|en|和|と)\s*\d{1,2})*)(?:\s*(?:please|bitte|por favor"
    r"|only))?\W*$"
)
_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "first erste ersten première premier primera primero prima primo primeira eerste",
            "second zweite zweiten deuxième seconde segunda segundo seconda secondo tweede",
            "third dritte dritten troisième tercera tercero terza terzo terceira derde",
            "fourth vierte vierten quatrième cuarta cuarto quarta quarto vierde",
            "fifth fünfte fünften cinquième quinta quinto vijfde",
            "sixth sechste sixième sexta sexto sesta",
            "seventh siebte septième séptima settima",
        ),
        start=1,
    )
    for word in words.split()
}
_CJK_ORDINALS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}
_CJK_ORDINAL = re2.compile(r"第\s*([一二三四五])")
_LAST = word_set("last letzte letzten dernier dernière última último ultima ultimo laatste")
_THING = word_set(
    "one option item point step task choice variant möglichkeit punkt opción option vorschlag"
)


class Wish(NamedTuple):
    """One sentence of the user: what it asks for, forbids, makes wait for a word, or lifts."""

    text: str
    asked: frozenset[str]
    forbidden: frozenset[str]
    freezes: bool
    waits: bool
    lifts: bool


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """An order that holds from where it was said; no kinds are every change."""

    said: Utterance
    text: str
    kinds: frozenset[str]
    things: frozenset[str]
    waits: bool

    def covers(self, kinds: frozenset[str], words: frozenset[str]) -> bool:
        """Whether an act of these kinds, whose call has these words, falls under it."""
        named = not self.things or bool(self.things & words)
        return named and (not self.kinds or bool(self.kinds & kinds))


class Requests:
    """What the user of one conversation asked for and forbade, by position."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @cached_property
    def _wishes(self) -> tuple[tuple[Utterance, Wish], ...]:
        said = self._conversation.said_by(Source.USER)
        return tuple((one, wish) for one in said for wish in wishes_in(one.text))

    def asking_for(self, kinds: frozenset[str], before: int) -> Iterator[tuple[Utterance, str]]:
        """The sentences that ask for such an act before a position, with who said them."""
        for kind in kinds:
            for said, text in self._asking.get(kind, ()):
                if said.position >= before:
                    break
                yield said, text

    @cached_property
    def _asking(self) -> Mapping[str, Sequence[tuple[Utterance, str]]]:
        """What was asked for by kind of act, in order, as items of a list too."""
        found: dict[str, list[tuple[Utterance, str]]] = {}
        for said, wish in self._wishes:
            for kind in wish.asked:
                found.setdefault(kind, []).append((said, wish.text))
        for said in self._conversation.said_by(Source.USER):
            for item in self.items_named(said):
                for kind in kinds_named(item):
                    found.setdefault(kind, []).append((said, item))
        return {kind: sorted(asked, key=_position) for kind, asked in found.items()}

    def orders(self, before: int) -> tuple[StandingOrder, ...]:
        """The standing orders in force at a position: those laid down and not lifted since."""
        held, lifted = self._orders
        lifts = bisect_left(lifted, before, key=lambda one: one[0])
        start = lifted[lifts - 1][1] if lifts else 0
        return held[start : bisect_left(held, before, key=lambda order: order.said.position)]

    @cached_property
    def _orders(self) -> tuple[tuple[StandingOrder, ...], Sequence[tuple[int, int]]]:
        """Every standing order, and where they were lifted: the position, and how many there were
        by then."""
        held: list[StandingOrder] = []
        lifted: list[tuple[int, int]] = []
        for said, wish in self._wishes:
            if wish.lifts:
                lifted.append((said.position, len(held)))
            kinds = wish.forbidden or (wish.asked if wish.waits else frozenset())
            if wish.freezes or kinds or wish.waits:
                about = frozenset() if wish.freezes else kinds
                things = frozenset() if wish.freezes or wish.waits else _things(wish.text)
                held.append(StandingOrder(said, wish.text, about, things, wish.waits))
        return tuple(held), lifted

    def items_named(self, said: Utterance) -> tuple[str, ...]:
        """The items of the last list before it (or in it) that a message names by number."""
        wanted = _numbers_named(said.text)
        if not wanted:
            return ()
        earlier = self._conversation.said_by(
            Source.ASSISTANT, Source.USER, before=said.position + 1
        )
        for one in reversed(earlier):
            items = {
                hit.group(1).lower(): hit.group(2)
                for hit in _NUMBERED.finditer(well_formed(one.text[:_LONG]))
            }
            if items:
                keys = [*items][-1:] if "last" in wanted else []
                return tuple(items[key] for key in (*wanted, *keys) if key in items)
        return ()

    def not_understood(self, *sources: Source, before: int | None = None) -> tuple[str, ...]:
        """A line for each source whose words (up to a position) are in a language that is not
        understood."""
        strange = [one for source in sources if (one := self._first_strange(source)) is not None]
        strange.sort(key=lambda one: one.position)
        told = (one for one in strange if before is None or one.position < before)
        return tuple(NOT_UNDERSTOOD.format(f"the {one.source.lower()}") for one in told)

    def _first_strange(self, source: Source) -> Utterance | None:
        """The first words of a source in a language that is not understood."""
        if source not in self._strange:
            said = self._conversation.said_by(source)
            strange = (one for one in said if not is_understood(one.text))
            self._strange[source] = next(strange, None)
        return self._strange[source]

    @cached_property
    def _strange(self) -> dict[Source, Utterance | None]:
        """What was asked for so far: an approval is looked for at each call."""
        return {}


def _position(asked: tuple[Utterance, str]) -> int:
    return asked[0].position


_ANYTHING = word_set("anything any it them that this all everything nothing something")
_LITTLE = word_set(
    "the a an of in on at to for from with my our your their his her please again ever yet now or"
    " and"
)


def _things(text: str) -> frozenset[str]:
    """What an English prohibition is about, by the words behind its verb; none: about anything."""
    if languages_in(text):
        return frozenset()
    negation = _NEGATION.search(well_formed(text))
    rest = well_formed(text)[0 if negation is None else negation.end() :]
    words = words_of(next(iter(_clauses(rest)), ""))
    place = next((i for i, word in enumerate(words) if kinds_of([word])), len(words))
    after = [word for word in words[place + 1 :] if word not in _LITTLE][:3]
    if not after or any(word in _ANYTHING for word in after):
        return frozenset()
    return frozenset(form for word in after for form in (word, word.removesuffix("s"), f"{word}s"))


NOT_UNDERSTOOD = "what {} said is in a language that is not understood"


@lru_cache(maxsize=512)
def wishes_in(text: str) -> tuple[Wish, ...]:
    """The sentences of a message of the user; a very long one is material, and its head is read."""
    names = languages_in(text)
    return tuple(_wish(sentence, names) for sentence in _sentences(text[:_LONG]))


def _sentences(text: str) -> Iterator[str]:
    for sentence in sentences_of(text):
        start = 0
        for hit in _STOPS.finditer(well_formed(sentence)):
            if sentence[start : hit.start()].strip():
                yield sentence[start : hit.end()]
            start = hit.end()
        if sentence[start:].strip():
            yield sentence[start:]


_CONTRAST = re2.compile(
    r"(?i)\b(?:but|except|aber|außer|mais|sauf|pero|excepto|ma|tranne|mas|maar)\b"
)


def _wish(sentence: str, names: tuple[str, ...]) -> Wish:
    plain = well_formed(sentence)
    waits = _waits(plain)
    lifts = bool(_LIFTS.search(plain)) and not waits and _NOT_YET.search(plain) is None
    freezes = _NO_CHANGE.search(plain) is not None and not lifts
    if _HOW.search(plain) and not _POLITE.search(plain) and not waits:
        return Wish(sentence, frozenset(), frozenset(), freezes=False, waits=False, lifts=lifts)
    asked: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    for clause in _clauses(plain):
        does, not_to = _clause(clause, names)
        asked, forbidden = asked | does, forbidden | not_to
    forbidden -= {"run", "read"}
    if freezes and asked - {"read", "run"} and _CONTRAST.search(plain) is not None:
        freezes = False  # "no changes to the header, but update the footer"
    asked = frozenset() if freezes else asked if waits else asked - forbidden
    return Wish(sentence, asked, _told_apart(forbidden, plain), freezes, waits, lifts)


def _waits(sentence: str) -> bool:
    """Whether the sentence says no to something until the user has said a word to it."""
    until = _UNTIL_TOLD.search(sentence)
    if until is None:
        return _ASK_FIRST.search(sentence) is not None
    beside = f"{sentence[: until.start()]} {sentence[until.end() :]}"
    held = _NEGATION.search(beside) or _HOLDS.search(beside) or _ASK_FIRST.search(sentence)
    return held is not None


def _clause(clause: str, names: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The kinds that a clause asks for, and those that it says no to.

    In English what a negation is about stands behind it; in other languages on either side.
    """
    negation = _NEGATION.search(clause)
    if negation is None:
        return kinds_named(clause, names), frozenset()
    if names:
        return frozenset(), kinds_named(clause, names)
    before = kinds_named(clause[: negation.start()], names)
    if negation.group().lower() in _MANNER:
        return before, frozenset()
    return before, kinds_of(words_of(clause[negation.end() :])[:_REACH])


_MONEY = re2.compile(r"(?i)\b(?:money|funds?|payments?|cash|\$|€|euros?|dollars?|bitcoin|crypto)")


def _told_apart(kinds: frozenset[str], sentence: str) -> frozenset[str]:
    """`send` is of paying as well; "never send mails" is about no payment."""
    return kinds - {"pay"} if "send" in kinds and _MONEY.search(sentence) is None else kinds


def _clauses(sentence: str) -> Sequence[str]:
    parts, start = [], 0
    for hit in _CLAUSES.finditer(sentence):
        parts.append(sentence[start : hit.start()])
        start = hit.end()
    return [part for part in (*parts, sentence[start:]) if part.strip()]


def _numbers_named(text: str) -> tuple[str, ...]:
    plain = well_formed(text[:_LONG])
    found = [next(filter(None, hit.groups())).lower() for hit in _NAMED_ITEM.finditer(plain)]
    bare = _BARE_ITEMS.search(plain)
    if bare is not None:
        found += re2.findall(r"\d{1,2}", bare.group(1))
    words = words_of(plain)
    for word, after in zip(words, [*words[1:], ""], strict=True):
        lone = len(words) <= 4 or after in _THING
        if word in _ORDINALS and lone:
            found.append(str(_ORDINALS[word]))
        elif word in _LAST and lone:
            found.append("last")
    found += [str(_CJK_ORDINALS[hit]) for hit in _CJK_ORDINAL.findall(plain)]
    return tuple(dict.fromkeys(found))
