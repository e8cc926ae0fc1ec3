//! What the manual pages say beyond the help: exit statuses, variables, files and examples, as data.
//!
//! The examples are parsed by a test here and run by `tests/clients/pages.py`, so that they stay
//! what can be typed.

/// Entries of a section: a term, and what is said of it.
pub(super) type Entries = &'static [(&'static str, &'static str)];

const ANSWER: Entries = &[
    ("0", "Done, or found."),
    ("1", "Not found; nothing is printed on standard output."),
    ("2", "Wrong usage."),
    (
        "3",
        "It could not be answered: locked, unavailable, timed out, or a broken file.",
    ),
    ("4", "Refused: another origin, a rule, or plain http."),
    ("5", "The server has refused this credential."),
];
const REPORT: Entries = &[
    ("0", "Nothing was found."),
    ("1", "Something was found."),
    ("2", "Wrong usage."),
    ("3", "It could not be looked at."),
];
const DONE: Entries = &[
    ("0", "Done."),
    ("2", "Wrong usage."),
    (
        "3",
        "It could not be done: locked, unavailable, timed out, or a broken file.",
    ),
    ("4", "Refused by a rule."),
];
const LOOKUP: Entries = &[
    ("0", "Found."),
    ("1", "No source has it."),
    ("2", "Wrong usage."),
    ("3", "A source could not be asked."),
    ("4", "Refused: another origin, or plain http."),
    ("5", "A source has refused the credential."),
];

/// The exit statuses of a command, by the name of its page.
pub(super) fn statuses(page: &str) -> Entries {
    match page.trim_start_matches("helper-") {
        "doctor" | "scan" | "index-audit" => REPORT,
        "selftest" => &[
            ("0", "Every rule that could be tried out holds."),
            ("1", "One does not."),
            ("2", "Wrong usage."),
            ("3", "Nothing could be tried out."),
        ],
        "exec" => &[
            (
                "N",
                "That of the command; 128 and the number of the signal that ended it.",
            ),
            (
                "1, 2, 3, 4",
                "As in helper(1), where the command was not started.",
            ),
        ],
        "resolve" => &[
            ("0", "Solved."),
            ("1", "There is no solution."),
            ("2", "Wrong usage."),
            ("3", "A source could not be asked."),
            ("4", "Refused: another origin, or plain http."),
            ("5", "A source has refused the credential."),
        ],
        "publish" => &[
            ("0", "Uploaded, or there already."),
            (
                "1",
                "A file is bad, and nothing was sent; or there is no credential.",
            ),
            ("2", "Wrong usage."),
            ("3", "The server could not be asked."),
            ("4", "Refused: another origin, or plain http."),
            ("5", "The server has refused."),
            ("130, 143", "Interrupted."),
        ],
        "import" => &[
            (
                "0",
                "Everything that was found is, or would be, in the keyring.",
            ),
            ("1", "Something is left for you."),
            ("2", "Wrong usage."),
            ("3", "The keyring could not be used."),
        ],
        "agent-status" => &[
            ("0", "An agent is running."),
            ("1", "None is."),
            ("3", "One is, and does not answer."),
        ],
        "index" | "index-versions" | "index-files" | "index-metadata" | "index-explain" => LOOKUP,
        "completions" | "man" | "setup" | "agent" | "agent-run" | "agent-start" | "agent-stop"
        | "agent-lock" | "agent-unlock" | "agent-reload" | "agent-socket" | "cache"
        | "cache-list" | "cache-clear" | "source" | "source-add" | "source-remove"
        | "source-show" => DONE,
        _ => ANSWER,
    }
}

/// The helper's own variables, and those of others that it reads.
pub(super) const VARIABLES: Entries = &[
    (
        "CREDENTIAL_HELPER_SOCKET",
        "The agent's socket, as an absolute path.",
    ),
    ("CREDENTIAL_HELPER_CONFIG_DIR", "The folder of config.toml."),
    (
        "CREDENTIAL_HELPER_LOG",
        "Logs to standard error: info or debug.",
    ),
    ("CREDENTIAL_HELPER_NO_AGENT", "Works as with --no-agent."),
    (
        "POETRY_HTTP_BASIC_NAME_USERNAME, POETRY_HTTP_BASIC_NAME_PASSWORD",
        "A credential, as Poetry reads it.",
    ),
    (
        "POETRY_PYPI_TOKEN_NAME",
        "A token for uploads, as Poetry reads it.",
    ),
    (
        "UV_INDEX_NAME_USERNAME, UV_INDEX_NAME_PASSWORD",
        "A credential, as uv reads it.",
    ),
    (
        "POETRY_REPOSITORIES_NAME_URL, POETRY_KEYRING_ENABLED, POETRY_CONFIG_DIR",
        "Poetry's own settings.",
    ),
    (
        "DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR",
        "Where the keyring and the agent's socket are.",
    ),
    ("CI", "Where set, nothing is asked at the terminal."),
    ("NO_COLOR", "Where set, no colours are used."),
];

/// What is read and written.
pub(super) const FILES: Entries = &[
    ("~/.config/credential-helper/config.toml", "Settings."),
    (
        "~/.local/state/credential-helper/trust.toml",
        "Which name belongs to which origin.",
    ),
    (
        "~/.config/pypoetry/auth.toml, ~/.config/pypoetry/config.toml",
        "Poetry's credentials and settings.",
    ),
    (
        "~/.local/share/uv/credentials/credentials.toml",
        "uv's own store, read only.",
    ),
    ("~/.cache/credential-helper", "What indexes answered."),
    (
        "$XDG_RUNTIME_DIR/credential-helper/agent.sock",
        "The agent's socket.",
    ),
];

/// What may be typed, by the name of the page.
pub(super) fn examples(page: &str) -> Entries {
    match page.trim_start_matches("helper-") {
        "helper" => &[
            (
                "helper set foo alice --url https://pypi.example.org/simple/",
                "Stores a password, and binds foo to that origin.",
            ),
            ("helper get foo", "Prints it."),
            ("helper explain foo", "Tells where it was looked for."),
        ],
        "get" => &[
            ("helper get foo --format password", "The secret alone."),
            (
                "helper get https://pypi.example.org/files/x.whl --json",
                "That of the repository in whose scope the URL lies.",
            ),
            (
                "helper get foo --operation upload",
                "The one for uploads: a token comes first.",
            ),
        ],
        "set" => &[
            ("helper set foo alice", "Asks for the password."),
            (
                "printf secret | helper set pypi --token",
                "Reads a token from standard input.",
            ),
        ],
        "delete" => &[("helper delete foo alice", "Only this account.")],
        "list" => &[(
            "helper list --json",
            "Names, accounts and places, without secrets.",
        )],
        "explain" => &[(
            "helper explain https://pypi.example.org/simple/",
            "The whole search for a URL.",
        )],
        "config" => &[
            (
                "helper config http-basic.foo alice",
                "Asks for the password.",
            ),
            (
                "helper config repositories.foo https://pypi.example.org/legacy/",
                "Names an upload URL.",
            ),
            (
                "helper config --list",
                "Everything that is set, without secrets.",
            ),
        ],
        "trust" => &[
            (
                "helper trust foo https://files.example.net/simple/",
                "One more origin that may get the secret of foo.",
            ),
            ("helper trust --list", "All bindings."),
        ],
        "exec" => &[(
            "helper exec foo --only --mask -- sh -c 'echo $UV_INDEX_FOO_PASSWORD'",
            "Prints three asterisks.",
        )],
        "env" => &[(
            "helper env foo --only --format dotenv",
            "The variables of foo as a .env file.",
        )],
        "source" | "source-show" => &[("helper source show", "What the project declares.")],
        "source-add" => &[(
            "helper source add bar https://pypi.example.org/bar/simple/ --priority explicit",
            "Declares a source for what names it.",
        )],
        "source-remove" => &[("helper source remove foo", "Takes it out again.")],
        "index" | "index-versions" => &[(
            "helper index versions acme-core --all",
            "Also what is not chosen from, and why not.",
        )],
        "index-files" => &[(
            "helper index files acme-core==1.3",
            "The files of a version, with their digests.",
        )],
        "index-metadata" => &[(
            "helper index metadata acme-core==1.3",
            "What the version says of itself.",
        )],
        "index-explain" => &[(
            "helper index explain acme-core",
            "Which source serves it, and why.",
        )],
        "index-audit" => &[(
            "helper index audit requirements.txt",
            "Looks for names that two sources have.",
        )],
        "resolve" => &[
            (
                "helper resolve acme-core --python-version 3.12",
                "Exact versions for one Python.",
            ),
            (
                "helper resolve --universal -o pylock.toml",
                "For all platforms, from the project's file.",
            ),
        ],
        "publish" => &[
            (
                "helper publish --check",
                "What a server would refuse, before it does.",
            ),
            (
                "helper publish dist/* -r foo",
                "Uploads to foo; what is there already is no error.",
            ),
        ],
        "agent" | "agent-status" => &[(
            "helper agent start && helper agent status",
            "Version, socket, providers, cache and memory.",
        )],
        "agent-start" => &[(
            "helper agent start",
            "Also keeps the variables of this moment.",
        )],
        "agent-run" => &[("helper agent run -v", "In the foreground, with a log.")],
        "agent-stop" => &[("helper agent stop", "Ends it, and all that it keeps.")],
        "agent-lock" => &[("helper agent lock", "For an unattended screen.")],
        "agent-unlock" => &[(
            "helper agent unlock --password-stdin",
            "Without a window: over SSH, or without a display.",
        )],
        "agent-reload" => &[("helper agent reload", "After a change by hand.")],
        "agent-socket" => &[(
            "mkdir -m 700 \"$XDG_RUNTIME_DIR/box\" && helper agent socket --path \"$XDG_RUNTIME_DIR/box/agent.sock\" --names foo --ttl 1h",
            "Gives a container one credential, for an hour.",
        )],
        "doctor" => &[(
            "helper doctor --offline",
            "Without a request to any repository.",
        )],
        "selftest" => &[
            ("helper selftest", "What can be tried out as this user."),
            (
                "helper selftest --keyring --json",
                "Also with the keyring, as an object.",
            ),
        ],
        "setup" => &[
            ("helper setup git --dry-run", "Shows what would be changed."),
            ("helper setup git --undo", "Takes it back."),
        ],
        "scan" => &[(
            "helper scan . --format sarif",
            "A project, for a code host.",
        )],
        "import" => &[(
            "helper import",
            "Shows what would be moved; --apply moves it.",
        )],
        "token" | "token-inspect" => &[(
            "helper token inspect pypi",
            "Server, projects and end of a token; asks nobody.",
        )],
        "cache" | "cache-list" => &[("helper cache list", "What is kept, and until when.")],
        "cache-clear" => &[("helper cache clear", "Removes all of it.")],
        "bridge" => &[(
            "helper bridge keyring get https://pypi.example.org/simple/ alice",
            "The password, as a tool that runs the program keyring gets it.",
        )],
        "completions" => &[(
            "helper completions bash > helper.bash",
            "To be read by the shell.",
        )],
        "man" => &[("helper man --dir man1", "One page for each command.")],
        _ => &[],
    }
}
