"""What sort of answer a run gave, where it is none: empty, or words that say "I don't know".

Read is how an answer begins, since one that tells something first is an answer. Words are known
in English, German, French, Spanish, Italian, Portuguese, Dutch, Chinese and Japanese; in another
language an answer counts as one.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

_OPENING = 300
"""Characters. Whoever says after a page that something else is not known has answered."""

_EMPTY_AT_MOST = 100
_MARKS = r"""[\s"'`.,;:!?*_-]*"""
_EMPTY = re2.compile(
    f"(?is)^{_MARKS}"
    r"(?:null|none|nil|n/?a|undefined|nan|empty|no (?:response|output|answer)"
    r"|\(empty\)|\[\s*\]|\{\s*\}|<empty>)?"
    f"{_MARKS}$"
)
_NOT = (
    r"(?:do not|don't|did not|didn't|could not|couldn't|can ?not|can't"
    r"|(?:was |am |were |are )?(?:unable|not able) to)"
)
_MATERIAL = r"(?:documents?|context|sources?|knowledge base|articles?|text|passages?|information)"
_PHRASES = (
    rf"\b(?:i|we)(?:'m|'re| am| are)? (?:really |simply |just |currently )?{_NOT}"
    r" (?:really |currently |yet )?(?:know|find|locate|answer|help with|provide|determine|say"
    r"|have (?:\S+ ){0,3}?(?:information|details|data|knowledge|answer|context))\b",
    r"\b(?:i'm|i am|we are) not sure\b",
    r"\b(?:is|are|was|were) (?:not|n't) (?:\S+ )?(?:covered|mentioned|included|documented|described"
    r"|addressed|available|contained|discussed|provided|answered) (?:in|by|here|within)\b",
    r"\b(?:isn't|aren't|not) covered\b",
    r"\bout(?:side)? of (?:my |the |our )?scope\b",
    r"\bno (?:relevant |matching |further |such |specific )?(?:information|answer|data|results?"
    r"|documents?|details|context)(?: (?:is|are|was|were))? (?:\S+ )?"
    r"(?:found|available|about|on|for)\b",
    rf"\b{_MATERIAL} (?:do(?:es)? not|don't|doesn't) (?:seem to )?"
    r"(?:contain|mention|cover|include|say|provide|have|answer)",
    r"\b(?:not enough|insufficient) (?:information|context|data)\b",
    r"\bunable to (?:find|answer|help|provide|locate)\b",
    r"\bhave no (?:information|idea|data|record)\b",
    # German
    r"\b(?:ich weiß|weiß ich) (?:es |das |leider |dazu )*nicht\b",
    r"\bkeine (?:passenden? |weiteren )?(?:informationen?|angaben?|daten|antwort|ergebnisse)\b",
    r"\bnicht (?:abgedeckt|enthalten|beantworten|gefunden)\b|\bnichts (?:dazu )?gefunden\b",
    # French
    r"\bje ne sais pas\b|\bje n'ai (?:pas|trouvé aucune)|\baucune information\b",
    r"\bn'est pas couvert|\bpas d'information|\bimpossible de répondre",
    # Spanish
    r"\bno lo sé|\bno tengo (?:información|datos)|\bno dispongo de|\bno hay información",
    r"\bno (?:he )?encontr\S* (?:ninguna )?información|\bno est[aá] cubierto",
    # Italian
    r"\bnon lo so\b|\bnon ho (?:informazioni|trovato)|\bnessuna informazione|\bnon è coperto",
    # Portuguese
    r"\bnão sei\b|não tenho (?:informaç|dados)|não encontrei|nenhuma informação|não há informaç",
    # Dutch
    r"\bik weet het niet\b|\bweet ik niet\b|\bgeen (?:informatie|gegevens|antwoord)\b",
    r"\bniet gevonden\b|\bkan ik niet beantwoorden",
    # Chinese, Japanese
    r"我不知道|不清楚|没有(?:找到|相关)|未找到|无法(?:回答|提供)|沒有找到|無法回答",
    r"わかりません|分かりません|見つかりません|情報が(?:ありません|ない)|お答えできません",
)
_SAYS_NOTHING = re2.compile("(?i)" + "|".join(_PHRASES))


def is_empty_answer(text: str) -> bool:
    """Whether it says nothing at all: no text, or a word such as `null` in its place."""
    return len(text) < _EMPTY_AT_MOST and _EMPTY.fullmatch(well_formed(text)) is not None


def says_not_known(text: str) -> bool:
    """Whether it begins by saying that it does not know, has nothing, or does not cover it."""
    opening = well_formed(text[:_OPENING]).replace("’", "'")
    return _SAYS_NOTHING.search(opening) is not None
