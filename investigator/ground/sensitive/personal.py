"""Personal data: with a checksum where there is one, else of a form or under a label of its own."""

from __future__ import annotations

import ipaddress
from collections import defaultdict

from investigator.ground.sensitive.kind import Candidate, Kind

_IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22"
    " DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21"
    " HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27"
    " MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24"
    " RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22"
    " VG24 XK20 YE30"
)
"""Countries and the length of their IBANs (SWIFT's IBAN registry)."""


def _iban_pattern() -> str:
    """One alternative a length, so that a word after the number is no part of it."""
    by_length: dict[int, list[str]] = defaultdict(list)
    for entry in _IBAN_LENGTHS.split():
        by_length[int(entry[2:])].append(entry[:2])
    forms = []
    for length, countries in sorted(by_length.items(), reverse=True):
        fours, rest = divmod(length - 4, 4)
        tail = f"[ -]?[A-Z0-9]{{{rest}}}" if rest else ""
        forms.append(rf"(?:{'|'.join(countries)})\d\d(?:[ -]?[A-Z0-9]{{4}}){{{fours}}}{tail}")
    return rf"(?:\b|\\[nrt])({'|'.join(forms)})\b"


def is_iban(candidate: Candidate) -> bool:
    """The checksum of ISO 13616: moved and read as digits, the number leaves 1 when divided."""
    plain = candidate.secret.replace(" ", "").replace("-", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_card(candidate: Candidate) -> bool:
    """Luhn's check (ISO/IEC 7812-1), on a number of an issuer's form that stands alone."""
    if candidate.before in (".", "-", "_", "/") or candidate.after in ("-", "_", "/"):
        return False
    numbers = [int(character) for character in candidate.secret if character.isdigit()]
    doubled = (sum(divmod(2 * number, 10)) for number in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(numbers)) > 1


def is_ssn(candidate: Candidate) -> bool:
    """The area, group and serial numbers that were ever given out (SSA, before 2011)."""
    plain = "".join(c for c in candidate.secret if c.isdigit())
    if candidate.before in ("-", ".", "/", "+") or candidate.after in ("-", "/"):
        return False
    area, group, serial = plain[:3], plain[3:5], plain[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def stands_alone(candidate: Candidate) -> bool:
    """As many digits as a phone number has (ITU-T E.164), no part of an id, a time or a sum."""
    secret, before, after, _ = candidate
    count = sum(character.isdigit() for character in secret)
    if not 9 <= count <= 15 or before.isalnum() or after.isalnum():
        return False
    if secret.startswith("+"):
        return before not in ("+", "_") and after not in ("-", "/", "_")
    return before not in ("-", ".", "+", "/", "_") and after not in ("-", "/", "_", ":")


def _labelled_phone(candidate: Candidate) -> bool:
    count = sum(character.isdigit() for character in candidate.secret)
    return (7 if candidate.label.rstrip("\"'\\ ").endswith((":", "=")) else 9) <= count <= 15


def _is_mail(candidate: Candidate) -> bool:
    """Not `git@host`, where nobody is written to, and no package at a version."""
    return not candidate.secret.lower().startswith(("git@", "://")) and candidate.before not in (
        "@",
    )


def _is_ip(candidate: Candidate) -> bool:
    if candidate.before in (".", ":") or (candidate.after == ":" and ":" in candidate.secret):
        return False
    try:
        ipaddress.ip_address(candidate.secret.split("%")[0])
    except ValueError:
        return False
    return True


def _has_digits(candidate: Candidate) -> bool:
    return sum(character.isdigit() for character in candidate.secret) >= 4


_LABEL_END = r"\\*[\"']?(?:\s+(?:is|ist|est|es|lautet|was)|\s*[:=#]|\s+[-–]\s|\s)\s*\\*[\"']?"
_ON_FILE = (
    r"(?:\s+(?:on|in|of) (?:your |the |my |his |her |their |our )?(?:file|record|profile|account))?"
    r"(?:\s+(?:remains?|stays?|(?:will|shall|must) (?:remain|stay|be)|is still|still is|bleibt"
    r"|reste|sigue siendo))?"
)
"""How a sentence goes on from the name of a date to the date itself."""
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|januar|februar|märz|mai|juni|juli|oktober"
    r"|dezember|janvier|février|mars|avril|juin|juillet|août|enero|febrero|marzo|abril|mayo|junio"
    r"|julio|agosto)[a-zéû]*"
)
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.] ?\d{1,2}[-/.] ?\d{2,4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)? (?:of |de )?{_MONTH}\.?,? (?:de )?\d{{4}}|{_MONTH}\.?"
    rf" \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    r"|(?:19|20)\d{6})"
)
_CARD = (
    r"(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6011|62\d{2}|64[4-9]\d|65\d{2}"
    r"|35[2-8]\d)(?:[ .\x{a0}-]?\d{4}){3}"
    r"|3[47]\d{2}[ .\x{a0}-]?\d{6}[ .\x{a0}-]?\d{5}|3[068]\d{2}[ -]\d{6}[ -]\d{4}"
)

_LETTER = r"[\w\x{c0}-\x{1fff}\x{3040}-\x{feff}\x{ff10}-\x{10ffff}]"
"""Of any script, without the quotes and dots of Unicode's punctuation."""

PERSONAL: tuple[Kind, ...] = (
    Kind(
        "email",
        "email",
        r"://[^\s/@\"'<>]*@[\w.-]+"  # a URL names a user and a host, and nobody's mailbox
        r"|(?:\b|\\[nrt])([A-Za-z0-9][\w.%+'-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:[A-Za-z]{2,24}|xn--[a-z0-9-]+))\b",
        _is_mail,
        finds=(
            "write to «jane.doe+x@example.co.uk».",
            "é🙂 «a@b.io» é",
            '{"to": "«o\'neil@example.com»"}',
        ),
        spares=(
            "npm install left-pad@1.3.0; see https://example.com:8080/a@b",
            "@decorator user@localhost",
            "git clone git@github.com:org/repo.git",
        ),
    ),
    Kind(
        "international_email",
        "email",
        rf"({_LETTER}[{_LETTER[1:-1]}.%+-]*@(?:{_LETTER}[{_LETTER[1:-1]}-]*[.。]){{1,6}}{_LETTER}{{2,24}})",
        lambda c: not c.secret.isascii() and _is_mail(c),
        finds=("an «jörg@müller.de», bitte", "«用户@例子.公司»", "«пётр@почта.рф»"),
        spares=("größe@localhost",),
    ),
    Kind(
        "quoted_email",
        "email",
        r"(\\*\"[^\"\s@\\]{1,64}(?: [^\"\s@\\]{1,64})?\\*\"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)",
        finds=('mail «"john doe"@example.com» now',),
    ),
    Kind(
        "card_number",
        "card_number",
        rf"(?:\b|\\[nrt])({_CARD})\b",
        is_card,
        finds=(
            "card «4111 1111 1111 1111» ok",
            "card=«5555555555554444»,",
            "amex «3782-822463-10005»",
            "«4111-1111-1111-1111»",
            "«6011000990139424»",
        ),
        spares=("score 0.4111111111111111 and 4111111111111112", "4444444444444444"),
    ),
    Kind(
        "iban",
        "iban",
        _iban_pattern(),
        is_iban,
        finds=(
            "pay to «DE89 3704 0044 0532 0130 00» today",
            "«GB82WEST12345698765432»",
            "«AT611904300234573201» PAID",
            "«NL91 ABNA 0417 1643 00» PAID",
        ),
        spares=("DE89 3704 0044 0532 0130 01", "FR7612345ABCDEFGHIJKLMNOPQR"),
    ),
    Kind(
        "labelled_iban",
        "iban",
        r"(?i)(?:\b|\\[nrt])iban\\*[\"']?(?:\s+(?:is|ist|est|es)|\s*[:=#]|\s)\s*\\*[\"']?"
        + _iban_pattern(),
        is_iban,
        finds=("iban: «de89 3704 0044 0532 0130 00»",),
        spares=("IBAN DE89 3704 0044 0532 0130 01",),
    ),
    Kind(
        "phone_abroad",
        "phone",
        r"(?:^|[^0-9\s])\s*(00[1-9]\d{0,2}[ /-]\(?\d{1,4}\)?(?:[ /-]\d{2,}){1,4})\b",
        stands_alone,
        finds=("call «0049 30 1234567» now",),
    ),
    Kind(
        "ssn",
        "ssn",
        r"(?:\b|\\[nrt])([0-9]{3}-[0-9]{2}-[0-9]{4})\b",
        is_ssn,
        finds=("SSN «123-45-6789»",),
        spares=("000-12-3456", "666-12-3456", "serial 1-123-45-6789"),
    ),
    Kind(
        "labelled_ssn",
        "ssn",
        r"(?i)(?:\b|\\[nrt])(?:ssn|social[ _-]security(?:[ _-](?:number|no|num))?\.?)"
        + _LABEL_END
        + r"([0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4})\b",
        is_ssn,
        finds=("social security number is «123456789»", '{"ssn": "«123 45 6789»"}'),
    ),
    Kind(
        "phone",
        "phone",
        r"(?:\\[nrt])?(\+[1-9]\d{0,2}[ .\x{a0}-]?\(?\d{1,4}\)?(?:[ .\x{a0}/-]\d{2,4}){2,4}\b"
        r"|\+[1-9]\d{9,12}\b"
        r"|\+[1-9]\d{0,2}[ -]\d{6,10}\b|\+[1-9]\d{0,2}[ -]?\(?\d{1,4}\)?[ /-]?\d{5,9}\b"
        r"|\([2-9]\d{2}\) ?[2-9]\d{2}[ -]\d{4}\b|[2-9]\d{2}-[2-9]\d{2}-\d{4}\b)",
        stands_alone,
        finds=(
            "call «+1 (415) 555-2671» now",
            "tel:«+442071838750»",
            "«(415) 555-2671»",
            "mobile «415-555-2671».",
            "«+49 30 1234567»",
            "«+33 6 12 34 56 78»",
            "tag.«+49 30 1234567»",
            "id:«+33 6 12 34 56 78»:2",
        ),
        spares=(
            "2025-03-14T09:27:23.123456Z and 2025-03-14 09:27:23+01:00",
            "sizes 100-200-3000, version 1.22.333.4444, 10.0.0.12:8080",
            "x = a + 1234567890123456",
        ),
    ),
    Kind(
        "labelled_phone",
        "phone",
        r"(?i)(?:\b|\\[nrt])(?:phone(?:[ _-]?(?:number|no))?|mobile(?:[ _-]?(?:number|no))?"
        r"|cell(?:phone)?|telephone|tel|telefon(?:nummer)?|handy(?:nummer)?"
        r"|téléphone|teléfono|whatsapp"
        r"|fax)\\*[\"']?\.?(?:\s+is)?\s*[:=]?\s*\\*[\"']?(\+?\(?\d[\d ()./-]{5,18}\d)\b",
        _labelled_phone,
        finds=("phone: «0171 2345678»", "phone «415 555 2671»", '{"phone_number": "«4155552671»"}'),
        spares=("telephone: yes", "phone: 12"),
    ),
    Kind(
        "passport",
        "passport",
        r"(?i)(?:\b|\\[nrt])(?:passport|reisepass|passeport|pasaporte|passaporto)(?:[ _-]?(?:no"
        r"|number|num|nr|nummer|id|numéro|número))?\.?"
        + _LABEL_END
        + r"([A-Z]{0,3}[0-9][A-Z0-9]{5,8})\b",
        _has_digits,
        finds=(
            "passport number: «X1234567»",
            "Reisepass Nr. «C01X00T47»",
            '{"passport_no": "«123456789»"}',
        ),
        spares=("passport control is at gate 12", "passport: required"),
    ),
    Kind(
        "date_of_birth",
        "date_of_birth",
        r"(?i)(?:\b|\\[nrt])(?:d\.?o\.?b\.?|date[ _-]?of[ _-]?birth|birth[ _-]?date|birthday"
        r"|geburtsdatum|geburtstag|geb\. ?am"
        r"|date de naissance|fecha de nacimiento|data di nascita|born:)"
        + _ON_FILE
        + rf"(?:{_LABEL_END}|\s*\()"
        + rf"({_DATE})\b",
        finds=(
            "DOB: «1984-05-17»",
            "The date of birth on your profile remains: «1984-05-17».",
            "his date of birth will stay «1984-05-17»",
            "date of birth («1984-05-17»)",
            "Geburtsdatum bleibt «17.05.1984»",
            '{"date_of_birth": "«17.05.1984»"}',
            "date of birth is «May 17, 1984»",
            "Geburtsdatum: «17. Mai 1984»",
        ),
        spares=("the dob field is a date", "birthday party 2024"),
    ),
)

IP_ADDRESS = Kind(
    "ip_address",
    "ip_address",
    r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"
    r"|(?i:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,7}(?::[0-9a-f]{1,4}){1,7}"
    r"|(?:[0-9a-f]{1,4}:){2,7}:|::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{1,4})",
    _is_ip,
    finds=("from «192.168.0.12»:8080", "host «2001:db8::ff00:42:8329» up"),
    spares=("version 1.22.333.4444", "at 12:30:45", "std::vector"),
)
"""Redacted where a user asks for it: traces of services are full of them, and they are evidence."""
