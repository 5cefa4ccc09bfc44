"""Verbs of acting in the languages besides English that requests and orders are understood in.

Each is a stem: a word that begins with it is of its kind. Chinese and Japanese, which put no space
between words, are searched for as they stand. A text in a language that is neither here nor English
is not understood, which `is_understood` says; whoever has to judge by its words then cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.directives import kinds_of, names_an_act, words_of
from investigator.readings.languages import common_words, hinted_languages, word_set

_STEMS: Mapping[str, Mapping[str, str]] = {
    "german": {
        "delete": "lösch loesch gelösch entfern beseitig stornier kündig widerruf leer wirf",
        "pay": "zahl bezahl überweis ueberweis erstatt spende begleich",
        "buy": "kauf bestell buch reservier miet",
        "send": "send schick versend verschick mail schreib antwort benachrichtig informier "
        "veröffentlich poste teile",
        "create": "erstell leg anleg erzeug schreib speicher richt hinzufüg füg plan install",
        "change": "änder aender aktualisier setz verschieb ersetz korrigier repariert benenn stell",
        "read": "lies lese zeig such find öffn prüf schau hol nenn ruf sag gib überprüf liste",
        "share": "teil lad freigeb gib gewähr gewaehr erlaub",
        "run": "führ fuehr start ausführ bereitstell deploy",
    },
    "french": {
        "delete": "supprim efface enlève enlev retir annul résili vide détrui",
        "pay": "pay paie paye vire virer transfér rembours verse donne",
        "buy": "achet command réserv lou",
        "send": "envoi envoy transmet écri répond réponds publi inform avert notifi poste",
        "create": "cré créez ajout enregistr génér planifi install rédig",
        "change": "chang modifi met mets mettez actualis remplac corrig déplac renomm règl",
        "read": "lis lisez lire montr affich cherch trouv ouvr vérifi consult regard recherch list",
        "share": "partag invit accord donn autoris",
        "run": "exécut execut lanc démarr déploi déploy",
    },
    "spanish": {
        "delete": "borra borre borrar elimin quita quite quitar cancel suprim anul vacía vacia",
        "pay": "paga pague pagar pago transfier transfer reembols abona abone devuelv dona",
        "buy": "compra compre comprar reserv pide pedir alquil encarg",
        "send": "envía envia envíe envie enviar manda mande mandar escrib respond public notific "
        "inform avis reenvía reenvi",
        "create": "crea cree crear agreg añad guard gener program instal redact",
        "change": "cambi actualiz modific pon ponga poner corrig reemplaz renombr muev",
        "read": "lee lea leer muestr busc encuentr abre abra abrir revis consult mir dime"
        " verific list",
        "share": "compart invit conced otorg autoriz dale",
        "run": "ejecut inici lanz despliega desplieg",
    },
    "italian": {
        "delete": "elimin cancell rimuov annull svuot togli",
        "pay": "paga pagare pagh bonific trasfer rimbors vers",
        "buy": "compra comprare acquist prenot ordin noleggi",
        "send": "invi manda mandare spedi scriv rispond pubblic inform avvis inoltr",
        "create": "crea creare aggiung salva salvare gener program install",
        "change": "cambi aggiorn modific imposta corregg sostitu rinomin spost",
        "read": "legg mostr cerc trov apri aprire controll consult verific dimmi elenc",
        "share": "condivid invit conced autorizz",
        "run": "esegu avvi lanci distribu",
    },
    "portuguese": {
        "delete": "apag exclu elimin remov cancel delet esvazi",
        "pay": "pag pague transfer transfir reembols deposit",
        "buy": "compr reserv encomend alugu",
        "send": "envi mand escrev respond public notific inform avis encaminh",
        "create": "cri crie adicion salv ger agend instal",
        "change": "mud alter atualiz modific corrij substitu renome mov",
        "read": "lê leia ler mostr procur busc encontr abr verific consult list diga",
        "share": "compartilh convid conced autoriz",
        "run": "execut inici lanç implant",
    },
    "dutch": {
        "delete": "verwijder wis annuleer annuler schrap opzeg",
        "pay": "betaal betal overmaak maak stort terugbetaal",
        "buy": "koop kop bestel boek reserveer huur",
        "send": "stuur verstuur verzend zend mail schrijf antwoord publiceer informeer meld",
        "create": "maak creëer voeg sla bewaar genereer plan installeer",
        "change": "wijzig verander pas werk zet corrigeer vervang hernoem verplaats",
        "read": "lees toon zoek vind open controleer bekijk laat haal geef",
        "share": "deel nodig verleen",
        "run": "voer start draai uitvoer",
    },
    "chinese": {
        "delete": "删除 刪除 移除 清空 清除 取消 注销 删掉 销毁",
        "pay": "支付 付款 转账 轉帳 汇款 退款 打款 捐",
        "buy": "购买 買 买 预订 订购 下单",
        "send": "发送 發送 发给 发到 寄 转发 回复 通知 告诉 发布 发邮件 传给",
        "create": "创建 新建 添加 写入 保存 生成 安排 安装",
        "change": "修改 更改 更新 变更 替换 设置 重置 改成 改为",
        "read": "查看 查询 查 读取 阅读 打开 搜索 显示 检查 找 看",
        "share": "分享 共享 邀请 授权 授予",
        "run": "执行 运行 启动 部署",
    },
    "japanese": {
        "delete": "削除 消して 消去 取り消 キャンセル 解約",
        "pay": "支払 払って 振り込 振込 送金 返金",
        "buy": "購入 買って 予約 注文",
        "send": "送信 送って 送付 転送 返信 連絡 通知 公開 投稿 メールして",
        "create": "作成 作って 追加 保存 登録",
        "change": "変更 更新 修正 書き換え 設定 リセット",
        "read": "読んで 読み 見せて 表示 確認 調べ 検索 開いて 教えて",
        "share": "共有 招待 許可 付与",
        "run": "実行 起動 デプロイ",
    },
}
SPACELESS = ("chinese", "japanese")
"""Languages whose words no space divides."""

_PREFIXES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    name: {kind: tuple(sorted(stems.split())) for kind, stems in kinds.items()}
    for name, kinds in _STEMS.items()
}
_LATIN = tuple(name for name in _STEMS if name not in SPACELESS)

_HAN = re2.compile(r"\p{Han}")
_KANA = re2.compile(r"[\p{Hiragana}\p{Katakana}]")
_OTHER_SCRIPT = re2.compile(
    r"[\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Hangul}\p{Devanagari}\p{Thai}\p{Greek}\p{Bengali}"
    r"\p{Tamil}\p{Telugu}\p{Georgian}\p{Armenian}\p{Ethiopic}\p{Khmer}\p{Lao}\p{Myanmar}]"
)
_WINDOW = 4_000
_FEW = 6
_PROSE = 5
_STRANGE = word_set(
    "nie jest się tego które proszę wszystkie na usuń wyślij i w z że to och att det är som för på"
    " inte jag ska har till en ett og ikke jeg skal på til den det er på ja ei se että joka tämä"
    " kaikki poista lähetä ve bir bu için ile tüm sil gönder lütfen bütün hesap hesapları değil a"
    " az"
    " és hogy nem egy összes töröld küldd și să nu este toate șterge trimite vă rog je že se"
    " všechny"
    " smaž pošli prosím yang dan untuk dengan semua hapus kirim tolong ini tidak và của là cho tất"
    " cả"
    " xóa gửi vui lòng không các futa zote tuma kwa na ya wa tafadhali slet radera alla skicka"
    " vänligen ta bort izbriši sve pošalji molim i u je su svi visi"
    " ištrinti visus siųsti prašau"
)
"""Common words of languages that are not understood, to know them by."""


@lru_cache(maxsize=1024)
def languages_in(text: str) -> tuple[str, ...]:
    """The languages besides English whose verbs may stand in a text."""
    plain = well_formed(text[:_WINDOW])
    if not plain.isascii() and _KANA.search(plain):
        return ("japanese",)
    if not plain.isascii() and _HAN.search(plain):
        return SPACELESS
    hinted, english = hinted_languages(plain), names_an_act(words_of(plain))
    if english and (not hinted or "english" in hinted):
        return ()
    named = hinted - {"english"}
    return tuple(name for name in _LATIN if name in named) if named else _LATIN


@lru_cache(maxsize=4096)
def kinds_named(text: str, names: tuple[str, ...] | None = None) -> frozenset[str]:
    """The kinds of acts that the words of a text name, in any language that is understood.

    `names` are the languages of the whole of which the text is a part, where that is known.
    """
    words = words_of(text)
    found = kinds_of(words)
    names = languages_in(text) if names is None else names
    for name in names:
        for kind, stems in _PREFIXES[name].items():
            if name in SPACELESS:
                found |= {kind} if any(stem in text for stem in stems) else set()
            elif any(word.startswith(stems) for word in words):
                found |= {kind}
    return found


@lru_cache(maxsize=2048)
def is_understood(text: str) -> bool:
    """Whether a text is in a language whose verbs are known, or has next to no words.

    Another script, or common words of another language and of none that is known.
    """
    plain = well_formed(text[:_WINDOW])
    letters = sum(map(str.isalpha, plain))
    others = 0 if plain.isascii() else len(_OTHER_SCRIPT.findall(plain))
    if letters and others * 3 > letters:
        return False
    if letters < _FEW or _HAN.search(plain) or _KANA.search(plain):
        return True
    words = [word for word in words_of(plain) if word.isalpha()]
    known = sum(word in common_words() for word in words)
    strange = sum(word in _STRANGE and word not in common_words() for word in words)
    if strange >= 2 and strange > known:
        return False
    plain_words = [word for word in words if len(word) > 2]
    if len(plain_words) >= _PROSE and known == 0 and strange:
        return not (strange and not kinds_named(text))
    return True
