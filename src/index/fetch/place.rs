//! Whose credential goes to a URL that a source's page names.
//!
//! On the source's own origin it is the source's, because indexes keep files where they like, unless
//! the path lies in the scope of another repository that is known: then that one's. On another
//! origin it is the source's inside the extra scopes that the user configured, and nobody's
//! elsewhere: a page must not be able to say where a secret goes.

use std::sync::Arc;

use url::Url;

use super::asking::{Bound, Inquiry};
use crate::domain::name::same_stored_name;
use crate::domain::url::RepositoryUrl;
use crate::index::source::Source;

/// Whose credential it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The source's own.
    Own(Inquiry),
    /// Another repository's.
    Other(Inquiry),
    /// Nobody's.
    Nobody,
}

/// What is asked for the pages of a source.
pub(super) fn own(source: &Source) -> Inquiry {
    let userinfo = source.userinfo.as_ref();
    let account = userinfo.map(|userinfo| userinfo.username.clone());
    Inquiry {
        name: source.credential_name().map(str::to_owned),
        url: source.url.as_str().to_owned(),
        username: account.filter(|account| !account.is_empty()),
    }
}

/// Whether two URLs surely have one origin.
pub(super) fn same_place(one: &Url, other: &Url) -> bool {
    let host = |url: &Url| {
        url.host_str()
            .map(|host| host.trim_end_matches('.').to_owned())
    };
    one.scheme() == other.scheme()
        && one.port_or_known_default() == other.port_or_known_default()
        && one.has_host()
        && host(one) == host(other)
}

/// Whose credential goes to `url`.
pub(super) fn owner(source: &Source, url: &Url, all: &[Arc<Source>], bound: &[Bound]) -> Owner {
    // Nearly always, and for hundreds of files: nobody else is there.
    let others = all.iter().filter(|other| other.url != source.url);
    let mut bound_there = bound.iter().map(|bound| Url::parse(&bound.url));
    if same_place(&source.url, url)
        && !others.clone().any(|other| same_place(&other.url, url))
        && bound_there.all(|other| other.is_ok_and(|other| !same_place(&other, url)))
    {
        return Owner::Own(own(source));
    }
    let parse = |url: &str| RepositoryUrl::parse(url).ok().map(|(url, _)| url);
    let (Some(index), Some(target)) = (parse(source.url.as_str()), parse(url.as_str())) else {
        return Owner::Nobody;
    };
    let is_own = |name: Option<&str>| match (name, source.credential_name()) {
        (Some(name), Some(own)) => same_stored_name(name, own),
        _ => false,
    };
    if index.origin() != target.origin() {
        let extra = bound.iter().find(|bound| {
            let within = parse(&bound.url).is_some_and(|url| url.scope().covers(&target));
            bound.extra && is_own(Some(&bound.name)) && within
        });
        return match extra {
            Some(bound) => Owner::Own(Inquiry {
                url: bound.url.clone(),
                ..own(source)
            }),
            None => Owner::Nobody,
        };
    }
    let reach = |url: &RepositoryUrl| {
        let scopes = url.scopes();
        let within = scopes.iter().filter(|scope| scope.covers(&target));
        within.map(|scope| scope.segments.len()).max()
    };
    let extra = bound.iter().filter(|bound| is_own(Some(&bound.name)));
    let own_reach = extra
        .filter_map(|bound| reach(&parse(&bound.url)?))
        .chain(reach(&index))
        .max();
    let sources = all.iter().map(|other| {
        let same = other.url == source.url || is_own(other.credential_name());
        (same, own(other))
    });
    let names = bound.iter().map(|bound| {
        let inquiry = Inquiry {
            name: Some(bound.name.clone()),
            url: bound.url.clone(),
            username: None,
        };
        (is_own(Some(&bound.name)), inquiry)
    });
    let mut best: Option<(usize, Inquiry)> = None;
    for (_, inquiry) in sources.chain(names).filter(|(same, _)| !same) {
        if let Some(length) = parse(&inquiry.url).as_ref().and_then(reach)
            && own_reach.is_none_or(|own| length > own)
            && best.as_ref().is_none_or(|(best, _)| length > *best)
        {
            best = Some((length, inquiry));
        }
    }
    match best {
        Some((_, inquiry)) => Owner::Other(inquiry),
        None => Owner::Own(own(source)),
    }
}
