"""How a service says in a sentence that it did not do what it was asked.

Only a short answer that begins so is read: what stands further down may be a quotation, and a long
text is a document. Other languages are known by their word for an error in front of a colon.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

_SHORT = 400
_ASKED = (
    r"(?:call|request|operation|execution|query|job|command|upload|download|connection|import"
    r"|export|transaction|authentication|login|action|invocation|tool)"
)
_SERVICE = (
    r"(?:service|server|system|site|api|endpoint|backend|gateway|host|database|upstream|model)"
)
_STATUS = r"(?:an? )?(?:http |status |error |code |response ){0,3}[45]\d\d\b"
_REFUSES = re2.compile(
    r"(?i)^(?:(?:sorry|oops|uh-?oh|ups)\W{1,3}(?:but )?(?:something went wrong|an error"
    r"|we (?:could not|couldn't|cannot|can't|were unable))"
    r"|something went wrong(?:[.!:;,]|$| (?:while|on our|with your|during))"
    rf"|(?:(?:the|this|our|your) )?(?:[\w-]+ ){{0,2}}{_SERVICE} (?:is |was )?"
    r"(?:(?:currently|temporarily) ){0,2}(?:unavailable|overloaded|unreachable|busy"
    r"|not (?:available|responding|reachable))\b"
    r"|no (?:response|reply|answer) (?:was )?(?:received )?(?:from|within)\b"
    rf"|(?:[\w-]+ ){{0,3}}{_ASKED} (?:(?:has |was |were |had )(?:been )?)?(?:failed|timed out"
    r"|rejected|refused|denied|throttled|aborted)\b"
    r"|(?:[\w-]+ ){0,2}rate limit (?:has been |was )?(?:exceeded|reached)"
    r"|(?:you(?:'ve| have)? )?exceeded (?:your|the) (?:current |daily |monthly )?(?:quota|limit)"
    r"|(?:the )?(?:user|caller|client|principal|account|token)\b[^\n]{0,60}? (?:is|are) "
    r"(?:not (?:authori[sz]ed|allowed|permitted|entitled)|unauthori[sz]ed|forbidden)\b"
    r"|you are not (?:authori[sz]ed|allowed|permitted)\b"
    r"|access to [^\n]{1,60} (?:is|was) (?:forbidden|denied)\b"
    r"|not (?:authenticated|authori[sz]ed|logged in|signed in)\b"
    rf"|{_SERVICE} (?:returned|responded with|answered(?: with)?|replied with|sent) {_STATUS}"
    rf"|(?:got|received) {_STATUS}|HTTP (?:client |server )?error:? [45]\d\d\b"
    r"|rpc error: code = |execution halted$|! \[rejected\]|conflict \(\w+\): "
    r"|automatic merge failed|exception in thread \""
    r"|(?:[\w./-]{1,40}: )?(?:error|fatal)(?:: |\[\w{1,8}\]: | response from | from server \()"
    r"|(?-i:ERROR|FATAL|CRITICAL|E) ?(?:[-–—] |: )[A-Za-z]"
    r"|(?-i:Error) (?:al|de|en|interno)\b"
    r"|(?:(?:we are |we're |i am |i'm )?sorry,? (?:but )?)?(?:the|this|our|your) "
    r"(?:[\w-]+ ){1,3}is (?:(?:currently|temporarily) ){0,2}(?:not reachable"
    r"|unreachable|undergoing maintenance"
    r"|(?:down for|under) maintenance)\b"
    r"|(?:net::)?(?-i:ERR_[A-Z_]{3,})\b|(?-i:[A-Z][a-z]{2,}(?: [a-z]+)?) failed: [^\d\s]"
    r"|(?-i:(?:[A-Z]+_)*(?:FAILED|FAILURE|ERROR|INVALID|DENIED|FOUND|UNAVAILABLE|EXHAUSTED"
    r"|EXCEEDED|UNAUTHENTICATED|TIMEOUT|ABORTED|FORBIDDEN|CONFLICT)(?:_[A-Z]+)*): "
    r"|(?:syntax|pars(?:e|ing)|runtime|validation|network|database|connection|authentication"
    r"|authorization|permission|query|type|value|import|compilation) error ?[:.] ?\S"
    r"|\((?:\w+\.)+[A-Z]\w+\) |[45]\d\d [-–—] "
    r"(?:please|access|not|un|for|bad|too|service|inter|gate)"
    r"|dial tcp [^\n]{1,80}: \w+: |(?-i:[A-Z][a-z]+-[A-Z]\w+) : [A-Z]"
    r"|[45]\d\d (?:unrecogni[sz]ed|invalid|syntax error|missing|no such|access|not|table|query)\b"
    r"|(?:the |that |this )?(?:[\w#.'-]+ ){1,4}(?:could not|couldn't|cannot|can't) be "
    r"(?:found|reached|opened|read|loaded|resolved|completed|processed|parsed|saved|sent"
    r"|accessed)\b"
    r"|you (?:do not|don't) have (?:the |sufficient |enough )?(?:permissions?|access|rights"
    r"|privileges)\b"
    r"|(?-i:(?:[A-Z][a-z]*){2,}(?:Refused|Denied|Failed|NotFound|Exceeded|Expired|Unavailable"
    r"|Aborted|Rejected)): "
    r"|(?:connect|read|write|send|socket|getaddrinfo)\b[^\n]{0,30} (?-i:E[A-Z_]{4,})\b"
    r"|(?:fehler|erreur|errore|erro|fout|fel|feil|fejl|błąd|ошибка|错误|錯誤|エラー|오류|hata"
    r"|chyba|hiba|virhe|σφάλμα|خطأ|שגיאה)\s?[:：])"
)
_MARK = re2.compile(r"^(?:[╷│┃▲×✗✘✖❌🚫⛔🔴⚠❗\x{FE0F}]|\s)+")
"""What terminals and chats put in front of an error."""


def service_refusal(text: str) -> str | None:
    """The answer, where it says that the request was not carried out; None for any other text."""
    if len(text) > _SHORT:
        return None
    return text if _REFUSES.search(_MARK.sub("", well_formed(text))) is not None else None
