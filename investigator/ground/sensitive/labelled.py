"""Secrets that only their label gives away: a name, an option, a header, words of a sentence."""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.sensitive.accepting import (
    digit_and_letter,
    is_basic,
    is_bearer,
    is_header_value,
    is_named_value,
    is_option,
    is_token,
    is_told,
    is_value,
)
from investigator.ground.sensitive.kind import Candidate, Kind, hexes, lower, mixed

_PASSWORD = (
    r"pass[_ -]?(?:word|wd|phrase|code|wort)|passwd|kennwort|pwd|[_-]pass|wachtwoord|senha|parola"
    r"|mot[_ -]de[_ -]passe|contrase(?:ñ|n|n\x{303}|\\+u00f1)a|has(?:ł|l)o|пароль"
    r"|密码|密碼|パスワード|비밀번호"
)
_KEY = (
    r"secret(?:[_ -]?(?:key|access[_ -]?key))?|(?:api|access|account|private|signing|encryption"
    r"|subscription|functions|auth|master|shared|app|client|service|host|storage)[_ -]?key"
    r"|sas[_-]?token|connection[_-]?secret|webhook[_-]?secret|client[_-]?secret|credentials?"
)
_NAME = rf"(?:{_PASSWORD}|{_KEY})"
FIELD_NAME = re2.compile(
    rf"(?i)(?:^|[._ -])(?:[\w-]*(?:{_NAME}|_token|-token|[a-z]token)|authorization"
    rf"|(?:set-)?cookie|token)$"
)
"""Names of fields all of whose text is a secret; the part after the last dot counts."""

_TO = r"\\*[\"']?\s*(?:=>|:=|[=:])\s*"
"""From a name to its value, in code, JSON (escaped any number of times), YAML and addresses."""

_VALUE = (
    r"(?:\\{3}\"((?:[^\"\\\n]|\\{1,3}[^\"\\\n]|\\{4,}[^\\\n]){3,})"
    r"|\\\"((?:[^\"\\\n]|\\[^\"\\\n]|\\{2,}[^\\\n]){3,})"
    r"|\\+\"((?:[^\"\\\n]|\\+[^\"\\\n]){3,})|\\+'((?:[^'\\\n]|\\+[^'\\\n]){3,})"
    r"|\"((?:[^\"\\\n]|\\.){3,})|'((?:[^'\\\n]|\\.){3,})|([^\s\"'&,;<>(){}\[\]\\]{4,}))"
)
"""Quoted to its closing quote; else up to what ends a word in code or in an address."""

_SAID = r"(?:\s+(?:for|of|to|von|für|pour|de|para|del)\s+[^.\n]{1,60}?)?"
_IS = (
    r"(?:\s+(?:is|was|are|should be|will be|ist|lautet|est|es|é|is set to|set to)|\s*:)(?:\s+(?:now"
    r"|still|just|jetzt|maintenant|ahora))?\s*:?\s*"
)
_TOLD = (
    r"(?:\\*[\"'`“«*]{1,3}([^\s\"'`”»\\*]{3,})"
    r"|([^\s\"'`“«\\,;\[({<][^\s\"'`“«\\,;]{2,}[^\s\"'`“«\\,;.:]))"
)


def _is_short_code(candidate: Candidate) -> bool:
    return 4 <= sum(c.isdigit() for c in candidate.secret) <= 8


LABELLED: tuple[Kind, ...] = (
    Kind(
        "bearer",
        "bearer_token",
        r"(?i)(?:\b|\\[nrt])bearer(?:\s+|%20|:\s*|=)([\w.~+/=|-]{16,})",
        is_bearer,
        finds=("Authorization: Bearer «abcDEF0123456789xyz»", "bearer «" + mixed(40) + "»"),
        spares=("bearer of unexpectedlylongwords", "Bearer <your-token>"),
    ),
    Kind(
        "authorization",
        "password",
        r"(?i)(?:\b|\\[nrt])authorization\\*[\"']?\s*(?:=>|:="
        r"|[=:,])\s*(?:\[\s*)?\\*[\"']?(?:basic|bearer|token|digest"
        r"|api-?key|key|bot|ssws|oauth|negotiate|ntlm|splunk|genie-?key|hmac|aws4-hmac-sha256"
        r"|apikey|private)(?:\s+|%20|=)(?:token=)?\\*[\"']?([^\s\"'\\;,<>]{6,})",
        is_header_value,
        finds=(
            "authorization: Basic «dXNlcjpwYXNzd29yZA==»",
            "Authorization: Token «" + hexes(40) + "»",
            '{"Authorization": "Token «' + hexes(40) + '»"}',
            '{\\"Authorization\\": \\"ApiKey «' + mixed(30) + '»\\"}',
        ),
        spares=("Authorization: Token required", "authorization = basic authentication"),
    ),
    Kind(
        "authorization_plain",
        "password",
        r"(?i)(?:\b|\\[nrt])authorization\\*[\"']?\s*(?:=>|:="
        r"|[=:])\s*(?:\[\s*)?\\*[\"']?([\w.~+/=-]{16,})",
        digit_and_letter,
        finds=("Authorization: «" + mixed(32) + "»",),
        spares=("authorization: implemented-by-the-gateway",),
    ),
    Kind(
        "basic",
        "password",
        r"(?:\b|\\[nrt])(?i:basic)(?:\s+|%20)([A-Za-z0-9+/]{8,}={0,2})",
        is_basic,
        finds=("curl -H 'Basic «dXNlcjpwYXNz»'",),
        spares=("basic authentication of users", "Basic informationabout"),
    ),
    Kind(
        "cookie",
        "cookie",
        r"(?i)(?:\b|\\[nrt])(?:set-)?cookie2?\\*[\"']?\s*(?:=>|[=:,])\s*(?:\[\s*)?\\*[\"']?"
        r"([\w.!#$%&*+^`|~-]{1,80}=[^\n\r\"\\]+)",
        finds=(
            "Cookie: «session=abc123; theme=dark»\nHost: x",
            "Set-Cookie: «sid=" + mixed(24) + "; Path=/; HttpOnly»",
            '{"Cookie": "«_gh_sess=' + mixed(30) + '»", "n": 1}',
            '["set-cookie", "«id=a3fWa; Max-Age=2592000»"]',
        ),
        spares=("cookie: a small baked good", "cookie = document.cookie"),
    ),
    Kind(
        "session_cookie",
        "cookie",
        r"(?i)(?:\b|\\[nrt])(?:PHPSESSID|JSESSIONID|ASP\.NET_SessionId|connect\.sid"
        r"|laravel_session|csrftoken"
        r"|xsrf-token|wordpress_logged_in_\w+"
        r"|sessionid)\\*[\"']?\s*[=:]\s*\\*[\"']?([\w%.~+/-]{12,})",
        lambda c: digit_and_letter(c) and c.label.rstrip("\"' ").endswith("="),
        finds=("PHPSESSID=«" + lower(26) + "»",),
    ),
    Kind(
        "url_password",
        "password",
        r"\b[A-Za-z][\w+.-]*:\\?/\\?/[^\s/:@\"'<>]*:([^\s/\"'<>]+)@",
        is_value,
        finds=(
            "postgres://app:«hunter22»@db/prod",
            "redis://:«p4ssw0rd»@cache:6379/0",
            "mongodb+srv://u:«pa@ss»@cluster.example.net/db",
            "amqps://guest:«guess7»@mq:5671/",
            "https://user:«hunter22»@example.com/repo.git",
        ),
        spares=("https://example.com:8080/a@b", "postgres://${USER}:${PASSWORD}@db/prod"),
    ),
    Kind(
        "url_user",
        "password",
        r"\b[A-Za-z][\w+.-]*:\\?/\\?/([^\s/:@\"'<>]{20,})@",
        digit_and_letter,
        finds=("https://«" + mixed(32) + "»@o1.ingest.example.io/42",),
        spares=("https://someone@example.com/",),
    ),
    Kind(
        "oracle_url",
        "password",
        r"(?i)jdbc:oracle:\w+:[^\s/@:]+/([^\s/@\"']{3,})@",
        finds=("jdbc:oracle:thin:scott/«tiger»@//db:1521/orcl",),
    ),
    Kind(
        "named_secret",
        "password",
        rf"(?i){_NAME}\d?{_TO}{_VALUE}",
        is_named_value,
        finds=(
            "login?password=«hunter22»&x=1",
            '{"api_key": "«a b c d»", "n": 1}',
            r'"{\"password\": \"«hunter2!»\"}"',
            "DB_PASSWORD='«correct horse»'",
            "Server=db;User Id=sa;Password=«P@ssw0rd1»;Encrypt=yes",
            "jdbc:mysql://db/x?user=a&password=«hunter2»",
            "X-Api-Key: «" + mixed(32) + "»",
            "aws_secret_access_key = «" + mixed(40) + "»",
            "AccountKey=«" + mixed(86) + "==»;EndpointSuffix=core.windows.net",
            "password=«strongpass1»",
            "password: «getin2024!»",
            "Passwort: «Geheim123»",
            "mot de passe : «Secret!9»",
            "contraseña: «Clave#77»",
            '{"clientSecret":"«' + mixed(40) + '»"}',
            r'{"password": "«ab\"cd12»"}',
            "PGPASSWORD=«hunter22» psql -h db",
        ),
        spares=(
            "api_key = os.environ['OPENAI_API_KEY'] or self.api_key",
            "password: str | None = None, api_key=get_key(), token_count: 1234",
            'the "secret" to it, key: value, a password is needed',
            "api_key=api_key, password=user_password",
            "password: must be at least eight characters",
            'password="<your password>" api_key: "${API_KEY}"',
            "password=[REDACTED:password]",
            "password: ********",
        ),
    ),
    Kind(
        "line_secret",
        "password",
        rf"(?im)^[ \t-]*(?:export[ \t]+|set[ \t]+|\$env:)?[\"']?[\w.]*{_NAME}[\"']?[ \t]*:[ \t]+"
        r"([^\s#\"'{}\[\],]{4,})[ \t]*\r?$",
        is_told,
        finds=("db:\n  user: app\n  password: «hunter»\n  port: 1",),
        spares=("password: required\nname: x", "  password: string"),
    ),
    Kind(
        "xml_secret",
        "password",
        rf"(?i)<[\w:.-]*{_NAME}(?:\s[^<>]*)?>\s*([^<\s][^<]{{2,}})</",
        is_value,
        finds=("<db><password>«hunter»</password></db>",),
    ),
    Kind(
        "named_pair",
        "password",
        rf"(?i)\\*[\"'](?:name|key|field|header|id)\\*[\"']\s*:\s*\\*[\"'][\w. -]*(?:{_NAME}|token"
        r"|authorization|cookie)\\*[\"']\s*,\s*\\*[\"'](?:value|val|text|content"
        r"|default)\\*[\"']\s*:\s*" + _VALUE,
        is_value,
        finds=(
            '[{"name": "password", "value": "«hunter»"}]',
            '{"key":"X-Auth-Token","value":"«abc123»"}',
        ),
    ),
    Kind(
        "named_token",
        "bearer_token",
        rf"(?i)(?:\b|\\[nrt])[\w-]*token{_TO}{_VALUE}",
        is_token,
        finds=(
            "CI_JOB_TOKEN=«some-opaque-value»",
            "export SLACK_TOKEN='«opaquevalue»'",
            "PRIVATE-TOKEN: «" + mixed(20) + "»",
            '{"access_token": "«' + mixed(30) + '»"}',
            "X-Vault-Token: «" + lower(24) + "»",
            "//registry.example.com/:_authToken=«" + mixed(36) + "»",
            "    token: «" + mixed(40) + "»",
        ),
        spares=(
            "max_token=40960000a, eos_token: '</s>', next_page_token=abc123def456",
            "token: playing1, tokens: 1234, prompt_tokens: 100",
            "API_TOKEN=$TOKEN",
            "the placeholder 'YOUR_ACCESS_TOKEN': nobody had obtained one",
        ),
    ),
    Kind(
        "session_token",
        "bearer_token",
        rf"(?i)(?:\b|\\[nrt])(?:session|user|auth|login|sso)[_-]?(?:key|ticket|jwt"
        rf"|secret){_TO}{_VALUE}",
        lambda c: is_value(c) and len(c.secret) >= 8 and digit_and_letter(c),
        finds=("session_key=«" + mixed(24) + "»",),
    ),
    Kind(
        "docker_auth",
        "password",
        r"\\*\"_?auth\\*\"\s*:\s*\\*\"([A-Za-z0-9+/]{8,}={0,2})\\*\"|(?:\b"
        r"|\\[nrt])_auth\s*=\s*\"?([A-Za-z0-9+/]{8,}={0,2})",
        is_basic,
        finds=('{"auths": {"r.io": {"auth": "«dXNlcjpodW50ZXIy»"}}}', "_auth=«dXNlcjpodW50ZXIy»"),
        spares=('{"auth": "disabledfornow"}',),
    ),
    Kind(
        "netrc",
        "password",
        r"(?i)(?:\b|\\[nrt])login\s+\S+\s+password\s+(\S+)",
        finds=("machine api.example.com login bob password «hunter»\n",),
    ),
    Kind(
        "pgpass",
        "password",
        r"\b[\w.-]+:(?:5432|5433|6432):[^:\s]*:[^:\s]+:([^\s:]+)",
        finds=("db.internal:5432:prod:app:«hunter»\n",),
    ),
    Kind(
        "option",
        "password",
        r"(?i)(?:^|[\s\"'`(,\[])--?(?:[a-z][\w-]*-)?(?:pass(?:word|wd|phrase|code)?|pwd|secret"
        r"|token|api-?key|access-?key"
        r"|secret-?key|auth-?key|auth|credentials?|client-?secret)\\*[\"']?(?:\s*,\s*|[ \t]+|=)\\*"
        r"(?:\"([^\"\\\n]+)|'([^'\\\n]+)|([^\s\"'<>\[\]|`,\\]{3,}))",
        is_option,
        finds=(
            "deploy --user bob --password «hunter» --yes",
            '["deploy", "--password", "«hunter2»"]',
            "tool --api-key «abc123def» run",
            "gh auth login --token '«opaque value»'",
        ),
        spares=(
            "--password is deprecated; use --token <TOKEN>",
            "use --password for the login, --secret --verbose",
        ),
    ),
    Kind(
        "mysql_option",
        "password",
        r"(?i)(?:\b|\\[nrt])(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump"
        r"|sshpass|mongo(?:sh|dump"
        r"|export)?)\b[^\n|;&]*?\s-p\s?\\*(?:\"([^\"\\\n]+)|'([^'\\\n]+)"
        r"|([^\s\"'\\-][^\s\"'\\]{2,}))",
        lambda c: is_value(c) and (c.label[-1:] != " " or "mysql" not in c.label.lower()),
        finds=(
            "mysql -u root -p«hunter» prod",
            "mysqldump -h db -u app -p'«hun ter2»' x",
            "sshpass -p «hunter» ssh bob@example.com".replace("bob@example.com", "host"),
        ),
        spares=("mysql -u root -p prod",),
    ),
    Kind(
        "login_option",
        "password",
        r"(?i)(?:\b|\\[nrt])(?:docker|podman|helm|az|oc"
        r"|skopeo)\b[^\n|;&]*?\blogin\b[^\n|;&]*?\s-p\s*\\*[\"']?([^\s\"'\\-][^\s\"'\\]+)",
        is_value,
        finds=("docker login -u bob -p «hunter» registry.example.com",),
    ),
    Kind(
        "redis_option",
        "password",
        r"(?i)(?:\b|\\[nrt])redis-cli\b[^\n|;&]*?\s(?:-a"
        r"|--pass)\s+\\*[\"']?([^\s\"'\\-][^\s\"'\\]+)",
        is_value,
        finds=("redis-cli -h cache -a «hunter» ping",),
    ),
    Kind(
        "curl_user",
        "password",
        r"(?i)(?:\b|\\[nrt])(?:curl|wget|lftp|smbclient)\b[^\n|;]*?\s(?:-u|-U|--user"
        r"|--proxy-user|-a|--auth)"
        r"[ =]?\\*[\"']?[^\s:%\"'\\]+[:%]([^\s\"'\\]+)",
        is_value,
        finds=("curl -s -u bob:«hunter» https://api.example.com/", "curl --user 'bob:«hunter2»' x"),
        spares=("curl -s https://api.example.com:8080/a",),
    ),
    Kind(
        "configured",
        "password",
        rf"(?i)(?:\b|\\[nrt])config(?:ure)?\s+set\s+\S*(?:{_NAME}"
        rf"|token)\s+\\*[\"']?([^\s\"'\\]{{4,}})",
        is_value,
        finds=(
            "npm config set //registry.example.com/:_authToken «abcdef»",
            "aws configure set aws_secret_access_key «" + mixed(40) + "»",
        ),
    ),
    Kind(
        "piped_password",
        "password",
        r"(?:\b|\\[nrt])echo\s+(?:-n\s+)?\\*[\"']?([^\s\"'\\|]{3,})(?:\\*[\"'])?\s*\|\s*(?:sudo\s+-S|passwd"
        r"|docker login)",
        is_value,
        finds=("echo «hunter» | sudo -S ls", "echo '«hunter»' | docker login --password-stdin"),
        spares=("echo $PASSWORD | sudo -S ls",),
    ),
    Kind(
        "net_use",
        "password",
        r"(?i)(?:\b|\\[nrt])net use\s+\S+\s+/user:\S+\s+([^\s/][^\s]+)",
        is_value,
        finds=("net use \\\\srv\\x /user:bob «hunter»",),
    ),
    Kind(
        "openssl_pass",
        "password",
        r"(?i)-pass(?:in|out)?\s+pass:([^\s\"'\\]+)",
        finds=("openssl rsa -passin pass:«hunter» -in k.pem",),
    ),
    Kind(
        "told_password",
        "password",
        rf"(?i)(?:{_PASSWORD}|passcode|api[ -]?key|access key|secret key|secret|access token"
        rf"|\bclave|\bgeheimnis){_SAID}{_IS}{_TOLD}",
        is_told,
        finds=(
            "the password is «hunter22».",
            "the password is «hunter».",
            "My password was '«swordfish»', keep it.",
            "the password for the admin account is «S3cret!»",
            "Das Passwort lautet «Geheim99»",
            "le mot de passe est «Soleil12»",
            "la contraseña es «Clave123»",
            "The API key is «" + mixed(20) + "»",
        ),
        spares=(
            "the password is wrong, the password is required.",
            "Your password was reset. The password is too short",
            "the secret is to keep going",
            "a password is needed",
        ),
    ),
    Kind(
        "pin",
        "code",
        r"(?:(?:\b|\\[nrt])(?:PIN|Pin|pin)(?: ?(?:code|number|Nummer))?|(?:\b|\\[nrt])(?i:cvv2?"
        r"|cvc2?|csc|card security code|security code))" + _IS + r"\\*[\"']?(\d{3,8})\b",
        finds=("my PIN is «4821»", "cvv: «739»"),
        spares=("pin 4 is connected to ground", "the pin is 12 mm long"),
    ),
    Kind(
        "one_time_code",
        "code",
        r"(?i)(?:\b|\\[nrt])(?:otp(?:[ _-]?code)?|one[- ]?time[- ]?(?:pass)?(?:word|code|pin)"
        r"|(?:verification|2fa|mfa|totp|two-factor"
        r"|authentication|auth|login|sign-?in|access|sms|recovery|backup|activation|security"
        r"|reset)[_ -]?code|einmal(?:code|passwort|kennwort)|(?-i:TAN)"
        r"|bestätigungscode|sicherheitscode|code de (?:vérification|sécurité|confirmation)"
        r"|código de (?:verificación|seguridad)"
        r"|(?:your|dein|ihr|votre|tu|su|use|use the|enter|enter the|type) code)\\*[\"']?"
        + r"(?:\s+(?:for|to|von|für|pour|de|para)\s+[^.\n\d]{1,40}?)?"
        + rf"(?:{_IS}|\s*=\s*|\s+)"
        + r"\\*[\"'`*]{0,3}((?:[A-Z]{1,2}-)?\d{2,4}[ -]?\d{2,4})\b",
        _is_short_code,
        finds=(
            "OTP: «482071»",
            "Your verification code is «482 071»",
            "one-time code «93561204»",
            '{"otp": "«482071»"}',
            "Google: your code is «G-482071»",
            "Ihr Code lautet «482071»",
            "Use code «482071» to sign in",
            "otp_code=«482071»",
        ),
        spares=("error code 404", "status code: 50012", "the code is 3 lines", "exit code is 1234"),
    ),
    Kind(
        "one_time_code_before",
        "code",
        r"(?i)(?:\b|\\[nrt])(\d{4,8}|\d{3}[ -]\d{3}) (?:is|as|ist) (?:your|dein|ihr|votre"
        r"|tu)\b[^.\n]{0,40}\b(?:code|otp|pin|passcode)\b",
        finds=(
            "«482071» is your Acme verification code",
            "Enter «482071» as your one-time code",
        ),
        spares=("2024 is the year of the code",),
    ),
)
"""What a label gives away; earlier kinds name a place that two find."""
