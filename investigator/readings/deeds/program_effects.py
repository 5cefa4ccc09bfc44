"""What programs of a command line do: tables of well-known ones, and the words of the others.

A program that no table has is judged by the words of its arguments ("db:reset", "deploy",
"--dry-run"); where they say nothing either, its effect is not known.
"""

from __future__ import annotations

from collections.abc import Mapping

from investigator.readings.deeds.deed import DeedEffect
from investigator.readings.languages import word_set

READING_PROGRAMS = word_set(
    ": ls cat head tail grep egrep fgrep zgrep rg ag ack wc sort uniq cut tr diff cmp comm file"
    " stat"
    " du"
    " df pwd whoami id uname date cal printf echo which type whereis printenv ps top htop free"
    " uptime"
    " lsof netstat ss ping dig nslookup host traceroute tree less more man history test [ [[ true"
    " false sleep cd pushd popd dirs export set unset alias jq yq xxd od hexdump strings md5sum"
    " sha1sum sha256sum shasum cksum base64 basename dirname realpath readlink seq expr bc column"
    " nl"
    " tac rev fold fmt paste join look locate getent groups who w last lscpu lsblk lsusb lspci"
    " vmstat"
    " iostat dmesg journalctl wait read local declare typeset return exit break continue shift trap"
    " hostname arch nproc env locale tput clear zcat bzcat xzcat view cloc tokei pytest tox nox"
    " unittest mypy ruff flake8 pylint black eslint tsc jest vitest mocha rspec phpunit ctest"
    " shellcheck"
    " dir findstr where ver systeminfo tasklist ipconfig ifconfig whois md5 sum test-path"
    " pg_isready nvidia-smi"
)
"""Tests and linters among them: they look at what is there, and leave it."""

DELETING_PROGRAMS = word_set(
    "rm rmdir unlink shred dropdb dropuser wipefs userdel groupdel del erase rd deltree srm trash"
    " mkfs mkfs.ext4 mkfs.xfs format fdisk parted"
)
WRITING_PROGRAMS = word_set(
    "cp mv touch mkdir ln tee install patch unzip gzip gunzip bzip2 xz zip make cmake ninja gcc g++"
    " cc clang javac go cargo rustc createdb pg_restore pg_dump mysqldump split csplit rename move"
    " copy xcopy robocopy ren md mount umount swapon ldconfig update-alternatives nano vim vi ed"
    " mktemp mkfifo logrotate brew apt apt-get yum dnf apk pacman snap choco winget pip pip3 uv"
    " poetry bundle gem composer nuget dotnet mvn gradle webpack vite"
)
GRANTING_PROGRAMS = word_set(
    "chmod chown chgrp setfacl useradd adduser usermod passwd visudo groupadd gpasswd setcap icacls"
    " takeown chpasswd ssh-keygen ssh-copy-id"
)
STOPPING_PROGRAMS = word_set(
    "kill pkill killall shutdown reboot halt poweroff init taskkill crontab at iptables nft ufw"
)
"""They stop or schedule what others rely on."""

SENDING_PROGRAMS = word_set(
    "scp sftp ftp nc ncat netcat telnet mail mailx sendmail mutt swaks socat rclone rsync"
)
SHELLS = word_set("sh bash zsh dash ksh fish ash csh tcsh")
INTERPRETERS = word_set("python python3 python2 perl ruby node nodejs php lua deno bun osascript")
CODE_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(("python", "python3", "python2"), "-c"),
    **dict.fromkeys(("perl", "ruby", "node", "nodejs", "lua", "osascript"), "-e"),
    "php": "-r",
}
SQL_CLIENTS: Mapping[str, tuple[str, ...]] = {
    "psql": ("-c", "--command"),
    "mysql": ("-e", "--execute"),
    "mariadb": ("-e", "--execute"),
    "sqlcmd": ("-Q", "-q"),
    "snowsql": ("-q", "--query"),
    "clickhouse-client": ("-q", "--query"),
    "cqlsh": ("-e", "--execute"),
    "bq": ("query",),
    "duckdb": ("-c", "-s"),
    "sqlplus": (),
    "sqlite3": (),
    "sqlite": (),
}
BUILD_TOOLS = word_set(
    "make npm yarn pnpm cargo mvn gradle go dotnet just rake task bazel meson ninja cmake"
)
"""Where `clean` takes away only what a build makes again."""

WRAPPERS: Mapping[str, int] = {
    **dict.fromkeys(
        ("sudo", "doas", "env", "nohup", "time", "nice", "ionice", "command", "exec", "builtin",
         "stdbuf", "setsid", "unbuffer", "xargs", "npx", "bunx", "strace", "then", "do", "else",
         "&",
         "parallel", "start", "call", "pnpx", "!"),
        0,
    ),
    **dict.fromkeys(("timeout", "ssh", "chroot", "watch"), 1),
}  # fmt: skip
"""Programs that run the command behind them, and how many words of their own stand before it."""

OPTIONS_WITH_VALUE = word_set("-u -g -n -p -i -k -s -l -o -h -C --user --group -I -L -P -a -d")

SUBCOMMANDS: Mapping[str, Mapping[DeedEffect, str]] = {
    "git": {
        DeedEffect.READ: "status log diff show ls-files ls-tree blame rev-parse grep describe"
        " shortlog"
        " fetch remote config reflog cat-file rev-list version help whatchanged bisect branch tag"
        " stash worktree submodule ls-remote",
        DeedEffect.WRITE: "add commit checkout switch merge rebase pull clone init apply am"
        " cherry-pick"
        " restore revert mv push reset notes gc",
        DeedEffect.DELETE: "rm clean filter-branch filter-repo prune",
    },
    "docker": {
        DeedEffect.READ: "ps images logs inspect info version stats top port diff history events"
        " search",
        DeedEffect.WRITE: "build pull push tag commit cp load save import create network volume"
        " login"
        " compose run start buildx",
        DeedEffect.EXECUTE: "stop kill restart pause",
        DeedEffect.DELETE: "rm rmi prune",
    },
    "kubectl": {
        DeedEffect.READ: "get describe logs top explain version config api-resources cluster-info"
        " diff auth",
        DeedEffect.WRITE: "apply create patch edit label annotate set expose run cp replace",
        DeedEffect.EXECUTE: "scale rollout drain cordon uncordon taint",
        DeedEffect.DELETE: "delete",
    },
    "systemctl": {
        DeedEffect.READ: "status list-units is-active show cat is-enabled list-unit-files",
        DeedEffect.EXECUTE: "stop restart kill disable mask reload start enable isolate reboot"
        " poweroff",
    },
    "terraform": {
        DeedEffect.READ: "plan show validate output fmt version graph providers init workspace"
        " console",
        DeedEffect.EXECUTE: "apply import taint",
        DeedEffect.DELETE: "destroy",
    },
    "helm": {
        DeedEffect.READ: "list status get show template lint history search version repo",
        DeedEffect.EXECUTE: "install upgrade rollback",
        DeedEffect.DELETE: "uninstall delete",
    },
    "npm": {
        DeedEffect.READ: "test t ls list view info outdated audit help config why ping whoami"
        " search",
        DeedEffect.WRITE: "install i ci add update uninstall link init version rebuild dedupe",
        DeedEffect.SEND: "publish",
        DeedEffect.DELETE: "unpublish",
    },
    "crontab": {DeedEffect.READ: "-l", DeedEffect.DELETE: "-r"},
    "redis-cli": {
        DeedEffect.READ: "get mget keys scan ping info ttl exists type hget hgetall lrange smembers"
        " zrange"
        " dbsize llen scard strlen monitor",
        DeedEffect.WRITE: "set mset hset lpush rpush sadd zadd incr decr expire append config"
        " rename",
        DeedEffect.DELETE: "del unlink flushall flushdb hdel lrem srem zrem getdel",
        DeedEffect.EXECUTE: "shutdown eval",
    },
}
for _alias, _of in (("podman", "docker"), ("oc", "kubectl"), ("yarn", "npm"), ("pnpm", "npm")):
    SUBCOMMANDS = {**SUBCOMMANDS, _alias: SUBCOMMANDS[_of]}

CMDLETS: Mapping[str, DeedEffect] = {
    **dict.fromkeys(
        ("get", "test", "select", "where", "foreach", "sort", "measure", "format", "compare",
         "find",
         "search", "show", "resolve", "join", "split", "convertto", "convertfrom", "group", "out",
         "write", "read", "wait"),
        DeedEffect.READ,
    ),
    **dict.fromkeys(
        ("set", "new", "add", "copy", "move", "rename", "export", "import", "update", "install",
         "register", "save", "edit", "expand", "compress", "mount", "push"),
        DeedEffect.WRITE,
    ),
    **dict.fromkeys(("remove", "clear", "uninstall", "unregister", "disable"), DeedEffect.DELETE),
    **dict.fromkeys(("stop", "restart", "suspend", "start", "enable"), DeedEffect.EXECUTE),
    "send": DeedEffect.SEND,
    "grant": DeedEffect.GRANT,
    "revoke": DeedEffect.GRANT,
}  # fmt: skip
"""The verbs of PowerShell's cmdlets, which all of them begin with."""

CMDLET_ALIASES: Mapping[str, str] = {
    "iex": "invoke-expression", "iwr": "invoke-webrequest", "irm": "invoke-restmethod",
    "gci": "get-childitem", "gc": "get-content", "sls": "select-string", "ri": "remove-item",
    "ni": "new-item", "cpi": "copy-item", "mi": "move-item", "spps": "stop-process",
    "sasv": "start-service", "%": "foreach-object", "?": "where-object",
}  # fmt: skip

HARMLESS_OPTIONS = word_set("--dry-run --dryrun --check --help --version -n=dry --what-if -whatif")
LOOKING_WORDS = word_set(
    "check status list ls show get describe info version help plan lint test tests validate verify"
    " diff inspect view print read search query history doctor audit health ping whoami outdated"
    " dry preview analyze analyse stat stats typecheck type-check coverage explain logs"
)
DESTROYING_WORDS = word_set(
    "drop reset wipe flush destroy purge delete remove erase truncate clean downgrade uninstall"
    " terminate rm del nuke teardown unpublish rb unlink dataloss data-loss dropall rollback"
    " deprovision"
)
DEPLOYING_WORDS = word_set(
    "deploy release publish migrate push apply promote restart shutdown stop kill reboot upgrade"
    " rollout provision scale disable seed"
)
WRITING_WORDS = word_set(
    "create add update set put write install build generate init copy upload import sync save make"
    " start run dev serve compile bundle format fix edit patch insert upsert configure enable"
)
