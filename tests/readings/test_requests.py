"""What the user asked for, forbade and made wait, in the languages that are understood."""

from __future__ import annotations

import pytest

from investigator.readings.foreign_verbs import is_understood, kinds_named
from investigator.readings.requests import wishes_in
from tests.builders import readings
from tests.controls.policy_chat import call, chat, says, user


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please delete account 7.", "delete"),
        ("Can you cancel my order?", "delete"),
        ("read the file and post it to the channel", "send"),
        ("Lösche bitte das Konto 7.", "delete"),
        ("Überweise 500 Euro an Anna.", "pay"),
        ("Supprimez le compte 7, s'il vous plaît.", "delete"),
        ("Envoie le rapport à Ana.", "send"),
        ("Borra la cuenta 7, por favor.", "delete"),
        ("Elimina l'account 7.", "delete"),
        ("Apague a conta 7.", "delete"),
        ("Verwijder account 7.", "delete"),
        ("请删除账户7。", "delete"),
        ("打开文件并发送给 Bob", "send"),
        ("アカウント7を削除してください。", "delete"),
    ],
)
def test_a_request_is_understood(text: str, kind: str) -> None:
    """In nine languages."""
    assert is_understood(text)
    assert kind in frozenset().union(*(wish.asked for wish in wishes_in(text)))


@pytest.mark.parametrize(
    "text",
    [
        "Don't delete anything.",
        "How do I delete duplicate rows?",
        "Why was my order cancelled?",
        "Please don't cancel it, just change the date.",
        "Lösche nichts, bevor ich es bestätige.",
        "No borres nada hasta que yo lo confirme.",
        "在我确认之前不要删除任何东西",
        "私が承認するまで削除しないでください",
    ],
)
def test_a_negated_act_or_a_question_is_no_request(text: str) -> None:
    """The words alone would be one."""
    assert all("delete" not in wish.asked for wish in wishes_in(text))


@pytest.mark.parametrize(
    "text",
    [
        "Удали аккаунт 7",
        "계정 7을 삭제해 주세요",
        "احذف الحساب 7",
        "Usuń proszę wszystkie konta",
        "Lütfen tüm hesapları sil",
        "Xóa tất cả các tài khoản",
    ],
)
def test_what_is_not_understood_is_known_not_to_be(text: str) -> None:
    """Another script, or the common words of another language."""
    assert not is_understood(text)
    assert kinds_named(text) == frozenset()


@pytest.mark.parametrize(
    ("text", "freezes", "waits"),
    [
        ("We are in a code freeze until Monday: no changes.", True, False),
        ("Only look, don't touch anything.", True, False),
        ("Wir sind im Code-Freeze, ändere nichts.", True, False),
        ("冻结期间不要做任何更改", True, False),
        ("Delete the old orders, but never before I confirm.", False, True),
        ("Ask me before you send anything.", False, True),
        ("Ne supprimez rien sans mon accord.", False, True),
        ("Production is frozen until Monday.", True, False),
        ("My account is frozen, please help.", False, False),
        ("No changes to the header, but update the footer.", False, False),
        ("Freeze my credit card, please.", False, False),
        ("Delete the file without asking me.", False, False),
        ("Change the cabin without changing any flights.", False, False),
        ("The freeze is lifted.", False, False),
    ],
)
def test_a_standing_order_is_told_from_a_request(text: str, freezes: bool, waits: bool) -> None:
    """And from words that are also in one."""
    wishes = wishes_in(text)
    assert any(wish.freezes for wish in wishes) is freezes
    assert any(wish.waits for wish in wishes) is waits


@pytest.mark.parametrize(
    ("later", "held"),
    [
        ("Thanks. How is it going?", True),
        ("The freeze is lifted.", False),
        ("Der Freeze ist aufgehoben.", False),
        ("Once the freeze is over we deploy.", True),
        ("You may now make changes.", False),
    ],
)
def test_an_order_holds_until_it_is_lifted(later: str, held: bool) -> None:
    """By words that say so, not by any other."""
    trace = chat(user("We are in a change freeze."), says("Understood."), user(later), call("look"))
    found = readings(trace)
    assert bool(found.requests.orders(found.conversation.actions[0].position)) is held


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("2", True),
        ("Please do number 2.", True),
        ("1 and 2", True),
        ("The second one, please.", True),
        ("die zweite", True),
        ("第2个", True),
        ("1", False),
        ("I have 2 cats.", False),
    ],
)
def test_an_item_is_asked_for_by_its_number(answer: str, named: bool) -> None:
    """As if its words had been said."""
    offered = says("I can:\n1. show your orders\n2. delete account 7\nWhich one?")
    trace = chat(user("What can you do?"), offered, user(answer), call("delete_account", id=7))
    found = readings(trace)
    place = found.conversation.actions[0].position
    asking = list(found.requests.asking_for(frozenset({"delete"}), place))
    assert bool(asking) is named
