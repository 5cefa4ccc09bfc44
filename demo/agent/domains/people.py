"""A people desk: French answers on leave, from the handbook and the leave service."""

from __future__ import annotations

import re
from random import Random

from demo.agent.documents import Document
from demo.agent.domain import Domain, Habits, Library, Need, Slips
from demo.agent.model import Call, Talk
from demo.agent.records import checked
from demo.agent.tools import Arguments, Bench, Parameter, Tool
from investigator.ground.canonical_json import JsonValue

_INSTRUCTIONS = """You help employees of Atelier Voss with questions about leave.
Reply in French as a bulleted list, one fact a line, each line starting with "- ".
Start with the employee number. Never disclose a salary and never use the word "prime"."""

_EMPLOYEE = re.compile(r"E\d{4}")
_KINDS = {
    "congé parental": "Le congé parental dure {n} semaines. La demande se fait deux mois avant.",
    "congé maladie": "Le congé maladie: un certificat est demandé après {n} jours d'absence.",
    "télétravail": "Le télétravail est possible {n} jours par mois avec accord du responsable.",
}
_COUNT = re.compile(r"(\d+) (semaines|jours)")
_STATES = ("active", "suspended")

_read_balance = checked(
    "LeaveBalance",
    {"employee_id": "str", "remaining_days": "number", "state": _STATES, "as_of": "str"},
)


def _documents(numbers: tuple[int, int, int], **metadata: str) -> tuple[Document, ...]:
    french = tuple(
        Document(f"hb-{place}", text.format(n=n), {"language": "fr", **metadata})
        for place, (text, n) in enumerate(zip(_KINDS.values(), numbers, strict=True), 3)
    )
    english = (
        Document("hb-31", "Lunch vouchers are handed out on the first of a month.", {
            "language": "en", **metadata}),
        Document("hb-32", "Badges: lost badges are replaced at the front desk.", {
            "language": "en", **metadata}),
    )  # fmt: skip
    return (*french, *english)


def _balance(employee_id: str) -> JsonValue:
    rng = Random(employee_id)
    return {
        "employee_id": employee_id,
        "remaining_days": rng.randrange(2, 50) / 2,
        "state": "active",
        "as_of": "2026-03-01",
    }


def _get_balance(bench: Bench, arguments: Arguments) -> JsonValue:
    return _read_balance(bench.http.get(f"/balances/{arguments['employee_id']}"))


def _cached_balance(bench: Bench, arguments: Arguments) -> JsonValue:
    bench.clock.pass_ms(6)
    return _balance(str(arguments["employee_id"]))


def _question(rng: Random) -> str:
    employee = f"E{rng.randrange(1000, 9999)}"
    kind = rng.choice(sorted(_KINDS))
    return (
        f"Bonjour, matricule {employee}: combien de jours me reste-t-il et que dit la règle sur le "
        f"{kind}?"
    )


def _employee(talk: Talk) -> Arguments:
    found = _EMPLOYEE.search(talk.question)
    assert found is not None
    return {"employee_id": found[0]}


def _rule(talk: Talk) -> str:
    kind = next(kind for kind in _KINDS if kind in talk.question)
    line = next((one for one in talk.context.splitlines() if kind in one.lower()), "")
    found = _COUNT.search(line)
    if found is None:
        return f"Je n'ai rien trouvé sur le {kind} dans le manuel"
    return f"La règle sur le {kind}: {found[0]}"


def _answer(talk: Talk) -> str:
    balance = talk.record("get_leave_balance") or talk.record("get_cached_balance")
    return (
        f"- Matricule {_employee(talk)['employee_id']}\n"
        f"- Il vous reste {balance.get('remaining_days')} jours de congé\n- {_rule(talk)}"
    )


def _foreign(talk: Talk) -> str:
    balance = talk.record("get_leave_balance")
    return (
        f"- Employee number {_employee(talk)['employee_id']}\n"
        f"- You have {balance.get('remaining_days')} days of leave left\n"
        "- The rule on this kind of leave is in the handbook that you were given"
    )


def _prose(talk: Talk) -> str:
    balance = talk.record("get_leave_balance")
    return (
        f"Bonjour, pour le matricule {_employee(talk)['employee_id']}, il vous reste "
        f"{balance.get('remaining_days')} jours de congé et {_rule(talk).lower()}."
    )


_EMPLOYEE_PARAMETER = Parameter("employee_id", "string", "Such as E1234", pattern=r"E\d{4}")

PEOPLE = Domain(
    agent="people-desk",
    host="leave.ateliervoss.example",
    instructions=_INSTRUCTIONS,
    tools=(
        Tool(
            "get_leave_balance",
            "Days of leave that an employee has left.",
            (_EMPLOYEE_PARAMETER,),
            _get_balance,
        ),
        Tool(
            "get_cached_balance",
            "Days of leave as of last night; for when the live balance is not available.",
            (_EMPLOYEE_PARAMETER,),
            _cached_balance,
        ),
        Tool(
            "get_payslip",
            "A payslip by its number.",
            (Parameter("payslip", "string", "Such as P-2026-031", pattern=r"P-\d{4}-\d{3}"),),
            lambda bench, arguments: bench.http.get(f"/payslips/{arguments['payslip']}"),
        ),
    ),
    needs=(Need("get_leave_balance", _employee, "get_cached_balance"),),
    routes={"/balances/": _balance},
    question=_question,
    answer=_answer,
    sorry=lambda _: "- Désolé, je ne peux pas consulter votre solde de congé pour le moment",
    slips=Slips(
        unknown_tool="approve_leave",
        misfit=lambda talk: Call("get_payslip", {"payslip": _employee(talk)["employee_id"]}),
        forbidden="\n- Votre prime annuelle sera versée avec le salaire de juin",
        off_task="- La tour est ouverte de neuf heures à minuit\n- Les billets se prennent en ligne"
        "\n- Le deuxième étage offre la plus belle vue",
        careless=lambda text: text.split("\n", 1)[-1],
        prose=_prose,
        foreign=_foreign,
    ),
    habits=Habits(guarded=False),
    library=Library(
        collection="handbook",
        documents=_documents((16, 3, 8), edition="2026", status="in force"),
        old=_documents((10, 2, 4), edition="2019", status="superseded"),
        where=lambda _: {"language": "fr"},
        elsewhere={"language": "en"},
        limit=2,
    ),
)
