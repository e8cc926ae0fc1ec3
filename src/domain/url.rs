//! URLs of repositories, their origins and scopes.
//!
//! One parser (WHATWG, crate `url`) both decides where a secret may go and is used to go there.

use std::fmt;

use credential_helper_protocol::{ErrorCode, Failure, Secret, limits};
use url::Url;

use super::text::has_control;

/// Scheme, host and port, normalised: lower case, ACE form, default port and trailing dot removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Whether secrets would travel in the clear.
    pub fn is_http(&self) -> bool {
        self.scheme == "http"
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }

    /// `host` or `host:port`, as tools name a host in keyrings.
    pub fn host_port(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The host alone, as netrc files name it.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host_port())
    }
}

/// Account and secret that stood in a URL.
#[derive(Clone)]
pub struct Userinfo {
    /// The account, percent-decoded; may be empty.
    pub username: String,
    /// The secret, percent-decoded; unset without a colon.
    pub password: Option<Secret>,
}

/// An http or https URL without userinfo, query or fragment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RepositoryUrl {
    url: Url,
    origin: Origin,
}

impl RepositoryUrl {
    /// A URL whose userinfo does not matter; nothing where it is none.
    pub fn bare(text: &str) -> Option<Self> {
        Self::parse(text).ok().map(|(url, _)| url)
    }

    /// Reads a URL and takes the userinfo out of it.
    ///
    /// # Errors
    /// `usage` for anything that two parsers could read differently: control characters, white
    /// space, backslashes, a `%` in the host, an empty host, or a scheme other than http(s). The
    /// message never repeats the URL: it may hold a secret.
    pub fn parse(text: &str) -> Result<(Self, Option<Userinfo>), Failure> {
        let wrong = |why: &str| {
            Failure::new(ErrorCode::Usage, format!("the URL {why}"))
                .hint("give it as https://host/path/")
        };
        if text.len() > limits::URL {
            return Err(wrong(&format!("is longer than {} bytes", limits::URL)));
        }
        if has_control(text) || text.chars().any(char::is_whitespace) || text.contains('\\') {
            return Err(wrong(
                "holds a control character, white space or a backslash",
            ));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("has no scheme"));
        };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(wrong("is neither http nor https"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (raw_userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') || host.contains('%') {
            return Err(wrong("has no plain host"));
        }
        let mut url = Url::parse(text).map_err(|_| wrong("cannot be understood"))?;
        // What is kept has to be read again, and grows where letters become percent codes.
        if url.as_str().len() > limits::URL {
            return Err(wrong(&format!("is longer than {} bytes", limits::URL)));
        }
        // Encoded control characters would come back as line ends in line-based protocols.
        if decode(url.path()).is_none_or(|path| has_control(&path)) {
            return Err(wrong("holds an encoded control character"));
        }
        let userinfo = match raw_userinfo {
            None => None,
            Some(raw) => {
                let (user, password) = match raw.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (raw, None),
                };
                let decoded = |part: &str| {
                    decode(part)
                        .filter(|text| !has_control(text))
                        .ok_or_else(|| wrong("has userinfo that cannot be understood"))
                };
                Some(Userinfo {
                    username: decoded(user)?,
                    password: password.map(decoded).transpose()?.map(Secret::new),
                })
            }
        };
        url.set_query(None);
        url.set_fragment(None);
        // Both only fail for URLs without a host, which were refused above.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let host = url.host_str().unwrap_or_default();
        let plain = host.strip_suffix('.').unwrap_or(host).to_owned();
        if plain.is_empty() || plain.ends_with('.') {
            return Err(wrong("has no plain host"));
        }
        if plain != host {
            url.set_host(Some(&plain))
                .map_err(|_| wrong("has no plain host"))?;
        }
        let origin = Origin {
            scheme: url.scheme().to_owned(),
            host: plain,
            port: url.port(),
        };
        Ok((Self { url, origin }, userinfo))
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Its origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its path as decoded segments, without empty ones at the end.
    pub fn segments(&self) -> Vec<String> {
        let mut segments: Vec<String> = self
            .url
            .path_segments()
            .map(|parts| {
                parts
                    .map(|part| decode(part).unwrap_or_else(|| part.to_owned()))
                    .collect()
            })
            .unwrap_or_default();
        while segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        segments
    }

    /// Its text with and without the last slash: tools store under either.
    pub fn slash_forms(&self) -> [String; 2] {
        let bare = self.as_str().trim_end_matches('/').to_owned();
        [format!("{bare}/"), bare]
    }

    /// The scope of the index at this URL: its path without a last segment `simple`, `+simple` or
    /// `*.htm(l)`, because indexes keep their files beside it.
    pub fn scope(&self) -> Scope {
        let mut segments = self.segments();
        let page = segments.last().is_some_and(|last| {
            let lower = last.to_ascii_lowercase();
            lower == "simple"
                || lower == "+simple"
                || [".htm", ".html"].iter().any(|end| lower.ends_with(end))
        });
        if page {
            segments.pop();
        }
        Scope {
            origin: self.origin.clone(),
            segments,
        }
    }

    /// All scopes of the index at this URL: [`Self::scope`], and where the kind of index is known
    /// to keep files elsewhere (GitLab's group index, an Azure feed), those places.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes = vec![self.scope()];
        let segments = self.segments();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let extra = if let Some(at) = words
            .windows(3)
            .position(|w| w[0] == "api" && w[1] == "v4" && w[2] == "groups")
            && words.ends_with(&["-", "packages", "pypi", "simple"])
        {
            let mut path = segments[..at + 2].to_vec();
            path.push("projects".to_owned());
            Some(path)
        } else if words.contains(&"_packaging") {
            match self.origin.host.as_str() {
                "pkgs.dev.azure.com" => Some(segments[..1].to_vec()),
                host if host.ends_with(".pkgs.visualstudio.com") => Some(Vec::new()),
                _ => None,
            }
        } else {
            None
        };
        scopes.extend(extra.map(|segments| Scope {
            origin: self.origin.clone(),
            segments,
        }));
        scopes
    }
}

impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An origin and a path prefix of whole segments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The origin.
    pub origin: Origin,
    /// The decoded segments of the prefix.
    pub segments: Vec<String>,
}

impl Scope {
    /// Whether the URL lies within. A `.git` at the end of the scope makes no difference: servers
    /// answer for a repository of git under both names.
    pub fn covers(&self, url: &RepositoryUrl) -> bool {
        let bare = |segment: &str| segment.strip_suffix(".git").unwrap_or(segment).to_owned();
        let wanted = url.segments();
        let within = match self.segments.split_last() {
            None => true,
            Some((last, above)) => {
                wanted.starts_with(above)
                    && wanted.get(above.len()).map(|own| bare(own)) == Some(bare(last))
            }
        };
        self.origin == url.origin && within
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.origin)?;
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, "{segment}/"))
    }
}

/// Percent-decodes; `None` where the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::Secret;

    use super::RepositoryUrl;

    fn url(text: &str) -> RepositoryUrl {
        RepositoryUrl::parse(text).unwrap().0
    }

    #[test]
    fn origins_are_normalised() {
        for (text, origin) in [
            ("https://H.Example:443/simple/", "https://h.example"),
            ("http://h.example.:80/", "http://h.example"),
            ("https://h:8443/x", "https://h:8443"),
            ("https://[::1]:8443/x", "https://[::1]:8443"),
            (
                "https://b\u{fc}cher.example/",
                "https://xn--bcher-kva.example",
            ),
        ] {
            assert_eq!(url(text).origin().to_string(), origin, "{text}");
        }
    }

    #[test]
    fn the_text_is_that_of_the_origin() {
        for (text, kept) in [
            ("https://u:p@H.example./x/?a=b#c", "https://h.example/x/"),
            ("https://h.example:443/x", "https://h.example/x"),
        ] {
            let url = url(text);
            assert_eq!(
                (url.to_string(), format!("{url:?}")),
                (kept.into(), kept.into())
            );
        }
    }

    #[test]
    fn this_machine() {
        for (text, loopback) in [
            ("http://localhost:80/", true),
            ("http://a.localhost/", true),
            ("http://127.0.0.1/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]/", true),
            ("http://localhost.example/", false),
            ("http://notlocalhost/", false),
            ("http://10.0.0.1/", false),
            ("http://[::2]/", false),
        ] {
            assert_eq!(url(text).origin().is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        for text in [
            "https:///x",
            "//h/x",
            ":foo",
            "ftp://h/",
            "https://h\\@evil/",
            "https://h\n/",
            "https://h/%0aurl=x",
            "https://h%2eevil/",
            "https://a b/",
            "https://h/a b",
            "https://h/a\u{a0}b",
            "https://h/a\u{7f}b",
            "https://h/a\tb",
            "https://:80/",
            "https://h../",
            "https://u:%0a@h/",
            "https://h/%00",
            "file:///etc/passwd",
        ] {
            assert!(RepositoryUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_no_longer_than_what_is_read() {
        let path = "\u{e9}".repeat(2000);
        assert!(RepositoryUrl::parse(&format!("https://h/{path}")).is_err());
        let (long, _) = RepositoryUrl::parse(&format!("https://h/{}", "x".repeat(8182))).unwrap();
        assert!(RepositoryUrl::parse(long.as_str()).is_ok());
        assert!(RepositoryUrl::parse(&format!("https://h/{}", "x".repeat(8183))).is_err());
    }

    #[test]
    fn userinfo_is_taken_out() {
        for (text, user, password) in [
            ("https://u%40x:p%3Aw@h/", "u@x", Some("p:w")),
            ("https://u@h/", "u", None),
            ("https://a@b:c@h/", "a@b", Some("c")),
            ("https://u:@h/", "u", Some("")),
        ] {
            let (url, userinfo) = RepositoryUrl::parse(text).unwrap();
            let userinfo = userinfo.unwrap();
            assert_eq!(url.as_str(), "https://h/");
            assert_eq!(userinfo.username, user);
            assert_eq!(userinfo.password.as_ref().map(Secret::expose), password);
        }
    }

    #[test]
    fn scopes_hold_whole_segments() {
        let scope = url("https://h/foo/simple/").scope();
        assert!(scope.covers(&url("https://h/foo/packages/x.whl")));
        assert!(scope.covers(&url("https://h/foo")));
        assert!(!scope.covers(&url("https://h/foobar/")));
        assert!(!scope.covers(&url("http://h/foo/")));
        for (own, other) in [("one", "one.git"), ("one.git", "one")] {
            let scope = url(&format!("https://h/org/{own}")).scope();
            assert!(scope.covers(&url(&format!("https://h/org/{other}"))));
            assert!(!scope.covers(&url("https://h/org/onerous")));
            assert!(!scope.covers(&url("https://h/org/")));
        }
        assert_eq!(url("https://h/links.html").scope().segments.len(), 0);
        assert_eq!(
            url("https://h/a/+simple").scope().to_string(),
            "https://h/a/"
        );
    }

    #[test]
    fn known_indexes_have_more_scopes() {
        let group = url("https://gl/api/v4/groups/7/-/packages/pypi/simple").scopes();
        assert!(
            group
                .iter()
                .any(|s| s.covers(&url("https://gl/api/v4/projects/77/packages/x")))
        );
        let feed = url("https://pkgs.dev.azure.com/org/p/_packaging/f/pypi/simple/").scopes();
        assert!(
            feed.iter()
                .any(|s| s.covers(&url("https://pkgs.dev.azure.com/org/1234/x")))
        );
        assert!(
            !feed
                .iter()
                .any(|s| s.covers(&url("https://pkgs.dev.azure.com/other/x")))
        );
        let feed = url("https://org.pkgs.visualstudio.com/_packaging/f/pypi/simple/").scopes();
        let file = url("https://org.pkgs.visualstudio.com/1234/x");
        assert!(feed.iter().any(|scope| scope.covers(&file)));
    }

    #[test]
    fn what_looks_like_a_known_index_has_its_own_scope_only() {
        for text in [
            "https://gl/x/y/groups/-/packages/pypi/simple",
            "https://gl/api/v9/x/-/packages/pypi/simple",
            "https://gl/api/v4/x/-/packages/pypi/simple",
            "https://gl/x/v4/groups/-/packages/pypi/simple",
            "https://gl/api/v4/groups/7/simple",
            "https://h/org/_packaging/f/pypi/simple/",
            "https://pkgs.dev.azure.com/org/f/pypi/simple/",
        ] {
            assert_eq!(url(text).scopes().len(), 1, "{text}");
        }
    }
}
