"""Keys that are known by their own form: a provider's prefix, and what follows it.

Forms are those that the providers publish or that their keys have; a family of prefixes of one
provider is one kind. Lengths are lower bounds, since providers lengthen their keys.
"""

from __future__ import annotations

from collections.abc import Callable

from investigator.ground.sensitive.accepting import (
    digit_and_letter,
    has_digit,
    mixed_case,
)
from investigator.ground.sensitive.kind import (
    Candidate,
    Kind,
    Marker,
    anything,
    digits,
    hexes,
    letters,
    lower,
    mixed,
    upper,
)

_START = r"(?:\b|\\[nrt])"
"""Where a word begins; in JSON text the letter of an escaped line break is no part of it."""


def _key(
    name: str,
    pattern: str,
    *finds: str,
    accept: Callable[[Candidate], bool] = anything,
    marker: Marker = "api_key",
    spares: tuple[str, ...] = (),
) -> Kind:
    return Kind(name, marker, f"{_START}({pattern})", accept, finds, spares)


_HUGGING_FACE_CHARS = 37
"""A name in small letters is shorter; a token may have no capital letter by chance."""

_UUID = f"{hexes(8)}-{hexes(4)}-{hexes(4)}-{hexes(4)}-{hexes(12)}"

MODEL_KEYS: tuple[Kind, ...] = (
    _key(
        "openai",
        r"sk-[\w-]{16,}",
        "key: «sk-proj-" + mixed(40) + "»",
        "«sk-" + mixed(48) + "»",
        accept=has_digit,
        spares=("sk-learn-like-models-are-many", "task-specific-multilingual-tokenization"),
    ),
    _key(
        "anthropic",
        r"sk-ant-[\w-]{16,}",
        "«sk-ant-api03-" + mixed(60) + "-" + letters(6) + "AA»",
    ),
    _key("google_api", r"AIza[\w-]{30,}", "«AIza" + mixed(35) + "»"),
    _key("google_oauth", r"ya29\.[\w-]{20,}", "«ya29." + mixed(60) + "»"),
    _key("google_refresh", r"1//0[\w-]{30,}", "refresh «1//0" + mixed(50) + "»"),
    _key("google_client", r"GOCSPX-[\w-]{20,}", "«GOCSPX-" + mixed(28) + "»"),
    _key(
        "hugging_face",
        r"(?:hf|api_org)_[A-Za-z0-9]{20,}",
        "login with «hf_" + letters(34) + "»",
        "«api_org_" + letters(34) + "»",
        "«hf_" + letters(34).lower() + "»",
        accept=lambda c: mixed_case(c) or len(c.secret) >= _HUGGING_FACE_CHARS,
        spares=("hf_model_name_or_path", "hf_inferenceendpointsavailable"),
    ),
    _key("groq", r"gsk_[A-Za-z0-9]{30,}", "«gsk_" + mixed(52) + "»"),
    _key("replicate", r"r8_[A-Za-z0-9]{30,}", "«r8_" + mixed(37) + "»"),
    _key(
        "model_hosts",
        r"(?:pplx|xai|tvly|nvapi|csk|jina|fc|exa)-[\w-]{20,}",
        "«pplx-" + mixed(48) + "»",
        "«xai-" + mixed(80) + "»",
        "«nvapi-" + mixed(64) + "»",
        accept=digit_and_letter,
        spares=("fc-unexpectedly-long-words-joined",),
    ),
    _key(
        "model_services",
        r"(?:tgp_v1|pcsk|lsv2_(?:pt|sk)|wandb_v1|jina|fw|cpk)_[\w-]{20,}",
        "«lsv2_pt_" + hexes(32) + "_" + hexes(10) + "»",
        "«pcsk_" + mixed(60) + "»",
        "«jina_" + mixed(60) + "»",
        accept=digit_and_letter,
        spares=("fw_bw_pass_with_checkpointing",),
    ),
)

CLOUD_KEYS: tuple[Kind, ...] = (
    _key(
        "aws_access_key",
        r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}",
        "«AKIAIOSFODNN7EXAMPLE»",
        "«ASIA" + upper(16) + "»",
    ),
    _key(
        "azure_client_secret",
        r"[\w.~-]{3}\dQ~[\w.~-]{31,34}",
        "«abc8Q~" + mixed(34) + "»",
    ),
    _key(
        "other_clouds",
        r"(?:LTAI|AKID)[A-Za-z0-9]{16,36}",
        "«LTAI" + mixed(20) + "»",
        accept=digit_and_letter,
    ),
    _key("digitalocean", r"do[opr]_v1_[0-9a-f]{40,}", "«dop_v1_" + hexes(64) + "»"),
    _key("heroku", r"HRKU-[\w-]{30,}", "«HRKU-" + _UUID + "»"),
    _key(
        "cloudflare",
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}",
        "«v1.0-" + hexes(24) + "-" + hexes(146) + "»",
    ),
    _key(
        "fly",
        r"(?:fo1_[\w-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=]{40,})",
        "«fo1_" + mixed(43) + "»",
        "FlyV1 «fm2_" + mixed(80) + "»",
    ),
    _key("databricks", r"dapi[0-9a-f]{32}(?:-\d+)?", "«dapi" + hexes(32) + "-2»"),
    _key("vault", r"hv[sbr]\.[\w-]{20,}", "«hvs." + mixed(90) + "»"),
    _key(
        "vault_before_1_10",
        r"s\.[A-Za-z0-9]{24}\b",
        "«s." + mixed(24) + "»",
        accept=lambda c: mixed_case(c) and has_digit(c),
        spares=("s.removesuffixAndStripAllOf(x)",),
    ),
    _key(
        "terraform",
        r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,}",
        "«" + mixed(14) + ".atlasv1." + mixed(67) + "»",
    ),
    _key("pulumi", r"pul-[0-9a-f]{40}", "«pul-" + hexes(40) + "»"),
    _key(
        "doppler",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,}",
        "«dp.st.prd." + mixed(43) + "»",
    ),
    _key(
        "one_password",
        r"ops_eyJ[\w+/=-]{50,}|A3-[A-Z0-9]{6}-[A-Z0-9]{6}(?:-[A-Z0-9]{5}){4}",
        "«ops_eyJ" + mixed(120) + "»",
        f"«A3-{upper(6)}-{upper(6)}-{upper(5)}-{upper(5)}-{upper(5)}-{upper(5)}»",
    ),
    _key(
        "age",
        r"AGE-SECRET-KEY-1[0-9A-Z]{50,}",
        "«AGE-SECRET-KEY-1" + upper(58) + "»",
    ),
    _key(
        "tailscale",
        r"tskey-[a-z]+-\w+-\w+",
        "«tskey-auth-" + mixed(12) + "-" + mixed(32) + "»",
    ),
    _key(
        "planetscale",
        r"pscale_(?:tkn|pw|oauth)_[\w.=-]{30,}",
        "«pscale_pw_" + mixed(43) + "»",
    ),
    _key(
        "hosts",
        r"(?:nfp_[A-Za-z0-9]{36,}|sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,}"
        r"|vc[pkcari]_[A-Za-z0-9]{40,})",
        "«nfp_" + mixed(40) + "»",
        "«sbp_" + hexes(40) + "»",
    ),
)

CODE_KEYS: tuple[Kind, ...] = (
    _key(
        "github",
        r"gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}",
        "push with «ghp_" + mixed(36) + "».",
        "«github_pat_" + mixed(22) + "_" + mixed(59) + "»",
    ),
    _key(
        "gitlab",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[\w.-]{16,}|GR1348941[\w-]{16,}",
        "«glpat-" + mixed(20) + "»",
        "«glrt-" + mixed(20) + "»",
    ),
    _key("npm", r"npm_[A-Za-z0-9]{30,}", "«npm_" + mixed(36) + "»"),
    _key("pypi", r"pypi-[\w-]{30,}", "«pypi-AgEIcHlwaS5vcmc" + mixed(80) + "»"),
    _key("rubygems", r"rubygems_[0-9a-f]{40,}", "«rubygems_" + hexes(48) + "»"),
    _key("docker_hub", r"dckr_(?:pat|oat)_[\w-]{20,}", "«dckr_pat_" + mixed(27) + "»"),
    _key(
        "build_services",
        r"(?:CCIPAT_\w{30,}|bkua_[0-9a-f]{40}|AKCp[A-Za-z0-9]{60,}|sqp_[0-9a-f]{40})",
        "«bkua_" + hexes(40) + "»",
        "«AKCp" + mixed(69) + "»",
    ),
    _key(
        "atlassian",
        r"AT(?:ATT|CTT|BB)3?[\w=-]{30,}",
        "«ATATT3xFfGF0" + mixed(170) + "=1A2B3C4D»",
    ),
    _key(
        "linear",
        r"lin_(?:api|oauth)_\w{32,}",
        "«lin_api_" + mixed(40) + "»",
    ),
    _key(
        "notion",
        r"ntn_\w{40,}|secret_[A-Za-z0-9]{40,}",
        "«ntn_" + mixed(46) + "»",
        "«secret_" + mixed(43) + "»",
    ),
    _key(
        "office_services",
        r"(?:figd_[\w-]{40,}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}"
        r"|tfp_\w{40,})",
        "«figd_" + mixed(40) + "»",
        "«pat" + mixed(14) + "." + hexes(64) + "»",
        "«PMAK-" + hexes(24) + "-" + hexes(34) + "»",
    ),
)

SERVICE_KEYS: tuple[Kind, ...] = (
    _key(
        "stripe",
        r"[spr]k_(?:live|test)_\w{10,}",
        "stripe «sk_live_" + mixed(24) + "»",
        accept=has_digit,
        spares=("sk_test_case_without_any",),
    ),
    _key("stripe_webhook", r"whsec_[A-Za-z0-9+/=]{16,}", "«whsec_" + mixed(32) + "»"),
    _key(
        "slack",
        r"xox[abceoprs](?:\.xox[bp])?-[\w-]{10,}|xapp-[\w-]{10,}",
        "«xoxb-" + digits(12) + "-" + mixed(24) + "»",
        "«xapp-1-" + upper(11) + "-" + digits(13) + "-" + hexes(64) + "»",
    ),
    _key(
        "telegram",
        r"(?:bot)?[0-9]{8,10}:[A-Za-z0-9_-]{32,40}",
        "«" + digits(10) + ":AA" + mixed(33) + "»",
        "https://api.telegram.org/«bot" + digits(9) + ":AA" + mixed(33) + "»/getMe",
        accept=lambda c: mixed_case(Candidate(c.secret.removeprefix("bot"), "", "")),
        spares=("1700000000:AA" + upper(33), "1700000000:" + hexes(35)),
    ),
    _key(
        "discord_bot",
        r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}",
        "«M" + mixed(25) + "." + mixed(6) + "." + mixed(38) + "»",
        accept=lambda c: mixed_case(c) and has_digit(c),
    ),
    _key(
        "twilio",
        r"(?:AC|SK)[0-9a-f]{32}\b",
        "«AC" + hexes(32) + "»",
        "«SK" + hexes(32) + "»",
        accept=digit_and_letter,
    ),
    _key(
        "sendgrid",
        r"SG\.[\w-]{16,}\.[\w-]{16,}",
        "«SG." + mixed(22) + "." + mixed(43) + "»",
    ),
    _key(
        "mailgun",
        r"(?:key|pubkey)-[0-9a-f]{32}\b|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b",
        "«key-" + hexes(32) + "»",
        "«" + hexes(32) + "-" + hexes(8) + "-" + hexes(8) + "»",
        accept=has_digit,
    ),
    _key(
        "mail_services",
        r"[0-9a-f]{32}-us\d{1,2}\b|xkeysib-[0-9a-f]{60,}-\w{12,}"
        r"|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}",
        "«" + hexes(32) + "-us21»",
        "«xkeysib-" + hexes(64) + "-" + mixed(16) + "»",
        "«re_" + mixed(8) + "_" + mixed(24) + "»",
        accept=digit_and_letter,
    ),
    _key(
        "grafana",
        r"glc_[A-Za-z0-9+/=]{32,}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|eyJrIjoi[A-Za-z0-9+/=]{40,}",
        "«glsa_" + mixed(32) + "_" + hexes(8) + "»",
        "«glc_" + mixed(60) + "»",
        "«eyJrIjoi" + mixed(70) + "»",
    ),
    _key(
        "new_relic",
        r"NRAK-[A-Z0-9]{20,}|NRJS-[0-9a-f]{19}|NRI[IQ]-[\w-]{25,}|[0-9a-f]{36}NRAL",
        "«NRAK-" + upper(27) + "»",
        "«" + hexes(36) + "NRAL»",
    ),
    _key("sentry", r"sntr[yu]s_[\w=+/-]{40,}", "«sntrys_" + mixed(100) + "»"),
    _key(
        "shopify",
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
        "«shpat_" + hexes(32) + "»",
    ),
    _key(
        "square",
        r"sq0(?:atp|csp|idp)-[\w-]{22,}|EAAA[\w-]{56,}",
        "«sq0atp-" + mixed(22) + "»",
        "«EAAA" + mixed(60) + "»",
        accept=lambda c: mixed_case(c) and has_digit(c),
    ),
    _key(
        "paypal",
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
        "«access_token$production$" + lower(16) + "$" + hexes(32) + "»",
    ),
    _key("facebook", r"EAA[A-Z][A-Za-z0-9]{80,}", "«EAAC" + mixed(120) + "»"),
    _key("razorpay", r"rzp_(?:live|test)_\w{14,}", "«rzp_live_" + mixed(14) + "»"),
    _key("hubspot", r"pat-(?:na|eu|ap)\d-[0-9a-f-]{36}", "«pat-na1-" + _UUID + "»"),
    _key("easypost", r"EZ[AT]K[A-Za-z0-9]{50,}", "«EZAK" + mixed(54) + "»"),
    _key("dropbox", r"sl\.[\w-]{100,}", "«sl." + mixed(130) + "»"),
)

STRUCTURED: tuple[Kind, ...] = (
    Kind(
        "private_key",
        "private_key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)"
        # One that was cut off before its end, in a text that goes on:
        r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s]|\\+[nrt])*",
        finds=(
            "before\n«-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/IBAAKCAQEA\n"
            "-----END RSA PRIVATE KEY-----»\nafter",
            "«-----BEGIN PRIVATE KEY-----\nMIIEow»",
            r"«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"
            "-----END OPENSSH PRIVATE KEY-----»",
            "«-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQVYBF\n"
            "-----END PGP PRIVATE KEY BLOCK-----»",
        ),
        spares=("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",),
    ),
    Kind(
        "putty_key",
        "private_key",
        r"(?s)Private-Lines: \d+(?:\s|\\+[rn])+.*?(?:Private-MAC: *[0-9a-f]+|\z)",
        finds=("PuTTY\n«Private-Lines: 2\nAAAAgQ\nBBBB\nPrivate-MAC: 3fa9c0»",),
    ),
    Kind(
        "jwt",
        "jwt",
        _START + r"(eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*(?:\.[\w-]+\.[\w-]+)?)",
        finds=(
            "cookie «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N»;",
        ),
    ),
    Kind(
        "slack_webhook",
        "webhook",
        r"(?i)hooks\.slack(?:-gov)?\.com\\?/(?:services|workflows|triggers)\\?/([\w/\\+-]{16,})",
        finds=(
            "post to https://hooks.slack.com/services/«T"
            + upper(8)
            + "/B"
            + upper(8)
            + "/"
            + mixed(24)
            + "» now",
        ),
        spares=("https://hooks.slack.com/services/<team>/<bot>/<key>",),
    ),
    Kind(
        "discord_webhook",
        "webhook",
        r"(?i)discord(?:app)?\.com\\?/api\\?/(?:v\d+\\?/)?webhooks\\?/(\d+\\?/[\w-]{20,})",
        finds=("https://discord.com/api/webhooks/«" + digits(18) + "/" + mixed(68) + "»",),
    ),
    Kind(
        "office_webhook",
        "webhook",
        r"(?i)\.(?:office|logic\.azure)\.com(?::443)?\\?/webhookb?2?\\?/([\w@/\\.-]{30,})",
        finds=(
            "https://acme.webhook.office.com/webhookb2/«"
            + _UUID
            + "@"
            + _UUID
            + "/IncomingWebhook/"
            + hexes(32)
            + "/"
            + _UUID
            + "»",
        ),
    ),
    Kind(
        "chat_webhook",
        "webhook",
        r"(?i)(?:chat\.googleapis\.com\\?/v1\\?/spaces\\?/[^\s?]+\?key=|hooks\.zapier\.com\\?/hooks"
        r"\\?/catch\\?/|open\.feishu\.cn\\?/open-apis\\?/bot\\?/v2\\?/hook\\?/)([^\s\"'<>]{12,})",
        finds=("https://hooks.zapier.com/hooks/catch/«1234567/b2v4xyz/»",),
    ),
    Kind(
        "signed_url",
        "api_key",
        r"(?i)[?&;](?:amp;)?(?:sig|signature|x-amz-signature|x-goog-signature|x-amz-security-token"
        r"|se_?sig|hmac|awsaccesskeyid)=([\w%+/=.~-]{16,})",
        finds=(
            "https://acct.blob.core.windows.net/c/f?sv=2022-11-02&sr=b&sig=«" + mixed(43) + "%3D»",
            "https://b.s3.amazonaws.com/k?X-Amz-Signature=«" + hexes(64) + "»",
        ),
        accept=digit_and_letter,
    ),
    Kind(
        "url_key",
        "api_key",
        r"(?i)[?&;](?:amp;)?(?:key|auth|code|token|access|apikey)=([\w%+/=.~-]{20,})",
        finds=("GET https://api.example.com/v1?key=«" + mixed(32) + "»&q=1",),
        accept=lambda c: mixed_case(c) and has_digit(c) and "%20" not in c.secret,
        spares=("https://shop.example.com/?key=summer-sale-of-the-year-2024",),
    ),
)
"""What is known by where it stands in an address or by its armour."""
