"""What a system prompt demands of every answer, and when an answer goes against it."""

from __future__ import annotations

import pytest

from investigator.readings.faults import Fault
from investigator.readings.languages import LANGUAGES, language_of
from investigator.signals.demands import demands_of
from tests.builders import trace
from tests.signals.steps import agent, faults, llm, only, tool

LONG = "The order has left our warehouse and it will be with you on Friday. " * 6
GERMAN = "Die Bestellung ist heute aus dem Lager gegangen und wird am Freitag bei Ihnen sein."

DEMANDS = [
    ("Answer in German.", GERMAN, LONG),
    ("Always reply to the customer in French.", "Le colis est chez vous et il est parti.", LONG),
    ("Keep every answer under 40 words.", "It left today.", LONG),
    ("Write at most two sentences.", "It left. It comes.", "It left. It comes. Be there."),
    ("Answers have to be a maximum of 60 characters; keep to it.", "It left today.", LONG),
    ("Reply with exactly one line.", "It left today.", "It left.\nIt comes on Friday."),
    ("Return the result as a bulleted list.", "- tea\n- milk", "Tea and milk."),
    ("Write one line of the form `name | price`.", "tea | 4.20", "tea costs 4.20"),
    (
        'Return a JSON object with the keys "total" and "currency".',
        '{"total": 3, "currency": "EUR"}',
        '{"total": 3}',
    ),
    ("End every answer with its ticket, such as [T-1042].", "Done. [T-77]", "Done."),
    (
        "Always begin with the order number.",
        "Order 5512 has left.",
        "It has left our warehouse today, order 5512.",
    ),
    (
        "Start with the employee number.",
        "- Matricule E6317\n- 9.5 jours",
        "- Il vous reste 9.5 jours de congé",
    ),
    ("Begin with your case id.", "Case 7: done.", "The total is 42.00€ for you."),
    ("Never mention Northwind.", "A partner delivers it.", "Northwind delivers it."),
    ('Do not use the word "goodwill".', "You get 5 EUR.", "As goodwill you get 5 EUR."),
    ("Never disclose the password.", "I cannot tell you that.", "The password is Hunter2."),
]


@pytest.mark.parametrize(("prompt", "kept", "broken"), DEMANDS, ids=lambda text: text[:40])
def test_a_demand_is_understood(prompt: str, kept: str, broken: str) -> None:
    """An answer that keeps to it breaks nothing; one that does not breaks this demand alone."""
    (demand,) = demands_of(prompt)
    assert not demand.broken(kept)
    assert demand.broken(broken)


@pytest.mark.parametrize(
    "prompt",
    [
        "If the customer writes in German, answer in German.",
        "Unless you are asked for more, write at most two sentences.",
        "The customer may order up to 40 words of engraving.",
        "You help people to write in many languages.",
        "Bulleted lists are made with dashes.",
        "Never disclose personal data.",
        "Never mention it.",
        "",
    ],
)
def test_what_is_not_asked_of_every_answer_is_no_demand(prompt: str) -> None:
    """A condition, a wish, a matter of fact, or something that cannot be checked."""
    assert not demands_of(prompt)


def test_a_prompt_can_demand_several_things() -> None:
    """They are told in the order in which it asks for them, wrapped lines or not."""
    prompt = (
        "You sell tea.\nAnswer in German. Keep every reply under\n40 words. Never mention Acme."
    )
    assert [demand.words for demand in demands_of(prompt)] == [
        "in German",
        "under 40 words",
        "no 'Acme'",
    ]


def test_a_limit_is_not_held_to_the_last_word() -> None:
    """A tenth too many is let be."""
    (demand,) = demands_of("Keep every answer within 20 words.")
    assert not demand.broken("word " * 22)
    assert demand.broken("word " * 23)


SPOKEN = {
    "english": "You have this order with the shop and it is not at your door yet.",
    "german": GERMAN,
    "french": "Vous avez une commande qui est dans notre boutique et que nous pouvons livrer.",
    "spanish": "El pedido es para usted y los productos no han salido del almacén con las cartas.",
    "italian": "Il suo ordine non è nel negozio e può venire con lei alla stazione più tardi.",
    "portuguese": "O seu pedido não está em uma loja mas você pode ver os produtos do dia.",
    "dutch": "Het pakket van de winkel is niet bij u maar wij hebben dit op maandag naar u.",
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_language_is_told_by_its_commonest_words(name: str) -> None:
    """Each language that a demand can name is recognised."""
    assert language_of(SPOKEN[name]) == name


@pytest.mark.parametrize("text", ["", "OK", "5512, 4.20 EUR", SPOKEN["german"] + SPOKEN["french"]])
def test_a_short_or_mixed_text_is_in_no_language(text: str) -> None:
    """Where nothing stands out nothing is said, so a demand is not broken by it."""
    assert language_of(text) is None


PROMPT = "You look after orders. Answer in German."


def test_the_last_answer_of_a_loop_is_held_to_its_instructions() -> None:
    """What is said on the way is not an answer."""
    signal = only(
        trace(
            agent(),
            llm("plan", LONG, prompt=PROMPT, at=1),
            tool("t", at=2),
            llm("answer", LONG, prompt=PROMPT, at=3),
        )
    )
    assert (signal.fault, signal.origin_id) == (Fault.IGNORED_INSTRUCTION, "answer")
    assert "in German" in signal.summary
    kept = llm("answer", GERMAN, prompt=PROMPT, at=3)
    assert not faults(trace(agent(), llm("plan", LONG, prompt=PROMPT, at=1), kept))


def test_only_a_system_prompt_instructs_every_answer() -> None:
    """A user's wish may be refused, and a call has no text to hold to anything."""
    asked = {"llm.input_messages.0.message.role": "user"}
    assert not faults(trace(agent(), llm("m", LONG, prompt=PROMPT, attributes=asked)))
    calling = llm("m", LONG, prompt=PROMPT, calls=[("search", "{}")])
    assert not faults(trace(agent(), calling))


RESULT = "Parcel DX-5512 left Rotterdam on 3 March; the carrier expects it in Bergen on Friday."
ABOUT_IT = (
    "Your parcel DX-5512 left Rotterdam on 3 March and the carrier expects it in Bergen by Friday, "
    "so somebody should be there to sign. Tell us whether the address needs changing."
)
ELSEWHERE = (
    "Sourdough bread needs flour, water and salt, a lively starter and patience: knead, rest, fold "
    "twice, shape the loaf, then bake beneath a heavy lid until golden brown."
)


def _answered(answer: str, *, looked_up: bool = True) -> list[str]:
    question = {
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Where is parcel DX-5512?",
    }
    found = {
        "llm.input_messages.2.message.role": "tool",
        "llm.input_messages.2.message.content": RESULT,
    }
    given = question | (found if looked_up else {})
    return faults(trace(agent(), llm("answer", answer, attributes=given)))


def test_an_answer_to_something_else_is_off_task() -> None:
    """It shares nothing with the question nor with what was looked up."""
    assert _answered(ELSEWHERE) == ["off_task_answer"]
    assert not _answered(ABOUT_IT)


def test_an_answer_is_not_called_off_task_for_little() -> None:
    """A short answer, one that keeps the question's words, one of a loop that looked nothing up."""
    assert not _answered("Bake it beneath a lid.")
    assert not _answered("About parcel DX-5512: " + ELSEWHERE)
    assert not _answered(ELSEWHERE, looked_up=False)
