//! Finding, writing and removing entries exactly as Python keyring 25.7 does
//! (`keyring/backends/SecretService.py` on secretstorage 3.5): its attributes, its label, its
//! collection. Then neither program makes a second entry beside the other's.

use std::collections::HashMap;
use std::time::Duration;

use credential_helper_protocol::Secret;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use zbus::zvariant::{OwnedObjectPath, Value};
use zeroize::Zeroizing;

use super::guarded::guarded;
use super::link::{COLLECTION, ITEM, Link, SERVICE, root};
use super::trouble::Trouble;
use super::unlock::{Asked, ask};
use crate::domain::credential::{EMPTY_USERNAME, Halves, TOKEN_USERNAME};
use crate::domain::service::{POETRY, Service};
use crate::domain::text::shown;
use crate::provider::{Entry, value};

const SERVICE_ATTRIBUTE: &str = "service";
const USERNAME_ATTRIBUTE: &str = "username";
/// What Python keyring writes beside service and username. An entry without it is not replaced by
/// Python, but doubled.
const APPLICATION: (&str, &str) = ("application", "Python keyring library");
/// The content type that Python keyring and secret-tool write.
const CONTENT_TYPE: &str = "text/plain";
/// Calls of a listing that are under way at once: enough to hide the round trips.
const PIPELINE: usize = 32;

type Query<'a> = HashMap<&'a str, &'a str>;

fn query<'a>(service: &'a str, username: Option<&'a str>) -> Query<'a> {
    let account = username.map(|username| (USERNAME_ATTRIBUTE, username));
    [(SERVICE_ATTRIBUTE, service)]
        .into_iter()
        .chain(account)
        .collect()
}

/// The parts of an object's path behind `/org/freedesktop/secrets/collection/`.
fn below(object: &OwnedObjectPath) -> impl Iterator<Item = &str> {
    let parts = object.as_str().split('/');
    parts.skip_while(|part| *part != "collection").skip(1)
}

/// Where an object lies, for people.
pub(super) fn place(object: &OwnedObjectPath) -> String {
    match below(object).next() {
        Some(collection) => format!("collection {}", shown(collection)),
        None => "the keyring".to_owned(),
    }
}

/// What an object is, by its path (Secret Service specification, "Object paths").
pub(super) fn interface(object: &OwnedObjectPath) -> &'static str {
    if below(object).nth(1).is_some() {
        ITEM
    } else {
        COLLECTION
    }
}

/// Whether two items lie in the same collection.
fn siblings(item: &OwnedObjectPath, other: &OwnedObjectPath) -> bool {
    below(item).next() == below(other).next()
}

async fn search_in(
    link: &Link,
    collection: &OwnedObjectPath,
    query: &Query<'_>,
) -> Result<Vec<OwnedObjectPath>, Trouble> {
    link.call(collection, COLLECTION, "SearchItems", &(query,))
        .await
}

/// Unlocked and locked hits of all collections.
async fn search(
    link: &Link,
    query: &Query<'_>,
) -> Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>), Trouble> {
    link.call(&root(), SERVICE, "SearchItems", &(query,)).await
}

/// The entry that Python would find; then one of another collection. Never asks the user.
pub(super) async fn find(
    link: &Link,
    service: &str,
    username: Option<&str>,
) -> Result<Option<Halves>, Trouble> {
    let query = query(service, username);
    let default = link.default_collection().await?;
    if let Some(collection) = &default {
        let hits = search_in(link, collection, &query).await?;
        if let Some(found) = read(link, &hits, service, username).await? {
            return Ok(Some(found));
        }
        // oo7 finds nothing in a locked collection: that is not "has none".
        if link.locked(collection, COLLECTION).await? {
            return Err(Trouble::Locked(collection.clone()));
        }
    }
    let (unlocked, locked) = search(link, &query).await?;
    match locked.into_iter().next() {
        Some(hit) if unlocked.is_empty() => Err(Trouble::Locked(hit)),
        _ => read(link, &unlocked, service, username).await,
    }
}

/// The first of some hits. More hits for one account are told, never an error.
async fn read(
    link: &Link,
    hits: &[OwnedObjectPath],
    service: &str,
    username: Option<&str>,
) -> Result<Option<Halves>, Trouble> {
    let Some(first) = hits.first() else {
        return Ok(None);
    };
    let secret = secret(link, first).await?;
    let count = |hits: &[OwnedObjectPath]| hits.iter().filter(|hit| siblings(hit, first)).count();
    let (username, same) = if let Some(username) = username {
        (Some(username.to_owned()), count(hits))
    } else {
        let account = attributes(link, first).await?.remove(USERNAME_ATTRIBUTE);
        let same = match &account {
            // Other accounts of the service are no duplicates.
            Some(username) if hits.len() > 1 => {
                count(&search(link, &query(service, Some(username))).await?.0)
            }
            Some(_) => 1,
            None => count(hits),
        };
        (account, same)
    };
    let mut notes = Vec::new();
    if same > 1 {
        let account = username
            .as_deref()
            .map(|name| format!(" user {}", shown(name)));
        notes.push(format!(
            "{same} entries for {}{} in {}: the first is used, as Python keyring does",
            shown(service),
            account.unwrap_or_default(),
            place(first)
        ));
    }
    Ok(Some(Halves {
        username,
        secret: Some(secret),
        location: place(first),
        notes,
        ..Halves::default()
    }))
}

async fn attributes(
    link: &Link,
    item: &OwnedObjectPath,
) -> Result<HashMap<String, String>, Trouble> {
    link.property(item, ITEM, "Attributes").await
}

async fn secret(link: &Link, item: &OwnedObjectPath) -> Result<Secret, Trouble> {
    let got = link.item(item).await?.get_secret().await;
    let bytes = Zeroizing::new(link.judge(got, item, "GetSecret").await?);
    // KWallet gives an empty secret for an item of a wallet that was closed, and no error.
    if bytes.is_empty() && link.locked(item, ITEM).await? {
        return Err(Trouble::Locked(item.clone()));
    }
    text(&bytes).map_err(|wrong| {
        Trouble::Malformed(format!("the secret of an entry in {} {wrong}", place(item)))
    })
}

/// Python decodes secrets as UTF-8.
fn text(bytes: &[u8]) -> Result<Secret, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())?;
    value::secret(text)
}

/// Stores a secret in the default collection, in the entry that is there or in a new one, and
/// reads it back. Says where.
pub(super) async fn store(
    link: &Link,
    service: &str,
    username: &str,
    secret: &Secret,
) -> Result<String, Trouble> {
    let Some(collection) = link.default_collection().await? else {
        return Err(no_default());
    };
    if link.locked(&collection, COLLECTION).await? {
        return Err(Trouble::Locked(collection));
    }
    let query = query(service, Some(username));
    let bytes = secret.expose().as_bytes();
    match search_in(link, &collection, &query).await?.first() {
        Some(item) => {
            let set = link.item(item).await?.set_secret(bytes, CONTENT_TYPE).await;
            link.judge(set, item, "SetSecret").await?;
            own(link, item).await?;
        }
        None => create(link, &collection, query.clone(), bytes).await?,
    }
    let stored = match search_in(link, &collection, &query).await?.first() {
        Some(item) => self::secret(link, item).await?,
        None => Secret::default(),
    };
    if stored.same(secret) {
        Ok(place(&collection))
    } else {
        Err(Trouble::Broken(format!(
            "{} does not give back what was stored",
            place(&collection)
        )))
    }
}

/// Makes an entry in an open collection.
///
/// `KeePassXC` answers with a prompt that shows nothing and has to be run all the same; who runs it
/// is `create_item`, and its deadline is the call's, with which the connection goes.
async fn create(
    link: &Link,
    path: &OwnedObjectPath,
    mut attributes: Query<'_>,
    bytes: &[u8],
) -> Result<(), Trouble> {
    let part = |name| attributes.get(name).copied().unwrap_or_default();
    let label = format!(
        "Password for '{}' on '{}'",
        part(USERNAME_ATTRIBUTE),
        part(SERVICE_ATTRIBUTE)
    );
    attributes.insert(APPLICATION.0, APPLICATION.1);
    let collection = link.collection(path).await?;
    let making = collection.create_item(&label, attributes, bytes, true, CONTENT_TYPE);
    let made = guarded(making).await;
    link.judge(made.map(drop), path, "CreateItem").await
}

/// Gives an entry of another program the attribute without which Python would make a second one.
async fn own(link: &Link, item: &OwnedObjectPath) -> Result<(), Trouble> {
    let mut attributes = attributes(link, item).await?;
    if attributes.contains_key(APPLICATION.0) {
        return Ok(());
    }
    attributes.insert(APPLICATION.0.to_owned(), APPLICATION.1.to_owned());
    let properties = "org.freedesktop.DBus.Properties";
    let body = (ITEM, "Attributes", Value::from(attributes));
    link.call(item, properties, "Set", &body).await
}

/// There is a service, but nothing to store in; to make a collection is the user's decision.
pub(super) fn no_default() -> Trouble {
    Trouble::Absent("the keyring has no default collection".to_owned())
}

/// Removes every entry of the service, or of one account of it. Nothing is removed while some of
/// them are locked. A service that asks first (`KeePassXC`) waits for its user no longer than
/// `patience`.
pub(super) async fn erase(
    link: &Link,
    service: &str,
    username: Option<&str>,
    patience: Duration,
) -> Result<Vec<String>, Trouble> {
    if let Some(collection) = link.default_collection().await?
        && link.locked(&collection, COLLECTION).await?
    {
        return Err(Trouble::Locked(collection));
    }
    let (unlocked, locked) = search(link, &query(service, username)).await?;
    if let Some(item) = locked.into_iter().next() {
        return Err(Trouble::Locked(item));
    }
    let mut removed = Vec::new();
    for item in unlocked {
        let prompt: OwnedObjectPath = link.call(&item, ITEM, "Delete", &()).await?;
        if ask(link, &prompt, patience).await? != Asked::Accepted {
            return Err(Trouble::Broken(format!(
                "the keyring's question whether to remove an entry from {} was not answered with yes",
                place(&item)
            )));
        }
        removed.push(place(&item));
    }
    Ok(removed)
}

/// What is there for package repositories: Poetry's entries, and those under a URL.
pub(super) async fn list(link: &Link) -> Result<Vec<Entry>, Trouble> {
    let default = link.default_collection().await?;
    let collections: Vec<OwnedObjectPath> = link.property(&root(), SERVICE, "Collections").await?;
    let mut entries = Vec::new();
    for collection in collections {
        let locked = link.locked(&collection, COLLECTION).await?;
        let items: Vec<OwnedObjectPath> = link.property(&collection, COLLECTION, "Items").await?;
        let all: Vec<HashMap<String, String>> = stream::iter(&items)
            .map(|item| attributes(link, item))
            .buffered(PIPELINE)
            .try_collect()
            .await?;
        // A collection that was never open shows no item, or items without their attributes.
        let hidden = locked && !all.iter().any(|item| item.contains_key(SERVICE_ATTRIBUTE));
        if hidden && default.as_ref() == Some(&collection) {
            return Err(Trouble::Locked(collection));
        }
        let location = place(&collection);
        if hidden {
            // Of whom its entries are cannot be told, but that there may be some.
            entries.push(Entry {
                locked: true,
                location,
                ..Entry::default()
            });
            continue;
        }
        entries.extend(
            all.into_iter()
                .filter_map(|item| entry(item, locked, &location)),
        );
    }
    Ok(entries)
}

fn entry(mut attributes: HashMap<String, String>, locked: bool, location: &str) -> Option<Entry> {
    let service = attributes.remove(SERVICE_ATTRIBUTE)?;
    let name = service.strip_prefix(POETRY).map(str::to_owned);
    // Many programs name their entries like a host; those of tools that ask us are Python's.
    let host = || {
        let python = attributes.get(APPLICATION.0).map(String::as_str) == Some(APPLICATION.1);
        python && Service::parse(&service).is_ok_and(|service| service.is_host())
    };
    if name.is_none() && !service.contains("://") && !host() {
        return None;
    }
    let mut username = attributes.remove(USERNAME_ATTRIBUTE);
    if let Some(name) = &mut username
        && name == EMPTY_USERNAME
    {
        // How Poetry spells that there is none.
        name.clear();
    }
    Some(Entry {
        url: name.is_none().then_some(service),
        name,
        is_token: username.as_deref() == Some(TOKEN_USERNAME),
        username,
        has_secret: true,
        locked,
        location: location.to_owned(),
        expires: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{COLLECTION, ITEM, entry, interface, place, siblings, text};
    use std::collections::HashMap;
    use zbus::zvariant::OwnedObjectPath;

    fn path(below: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from(format!("/org/freedesktop/secrets{below}")).unwrap()
    }

    #[test]
    fn objects_by_their_path() {
        let (login, item) = (path("/collection/login"), path("/collection/login/7"));
        assert_eq!((interface(&login), interface(&item)), (COLLECTION, ITEM));
        assert_eq!(place(&item), "collection login");
        assert_eq!(place(&path("/prompt/1")), "the keyring");
        assert!(siblings(&item, &path("/collection/login/8")));
        assert!(!siblings(&item, &path("/collection/log/7")));
    }

    #[test]
    fn only_entries_of_repositories_are_listed() {
        let of = |service: &str, username: &str| {
            let attributes = [("service", service), ("username", username)];
            let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
            entry(HashMap::from(attributes), false, "collection login")
        };
        let token = of("poetry-repository-foo", "__token__").unwrap();
        assert_eq!((token.name.as_deref(), token.is_token), (Some("foo"), true));
        let url = of("https://a.example/simple/", "ci").unwrap();
        assert_eq!(url.url.as_deref(), Some("https://a.example/simple/"));
        assert_eq!(url.name, None);
        let nobody = of("poetry-repository-foo", "__poetry_source_empty_username__").unwrap();
        assert_eq!(nobody.username.as_deref(), Some(""));
        assert!(of("mail", "ci").is_none());
        assert!(of("mail.example.org", "ci").is_none());
        let docker = [
            ("service", "ghcr.io"),
            ("username", "ci"),
            ("application", "Python keyring library"),
        ];
        let docker = docker.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let docker = entry(HashMap::from(docker), false, "collection login").unwrap();
        assert_eq!(docker.url.as_deref(), Some("ghcr.io"));
        assert!(entry(HashMap::new(), true, "").is_none());
    }

    #[test]
    fn secrets_are_text() {
        assert_eq!(text("p\u{e4}ss".as_bytes()).unwrap().expose(), "p\u{e4}ss");
        for (bytes, wrong) in [
            (&b"\xff\xfe"[..], "is no UTF-8 text"),
            (&vec![b'x'; 32 * 1024 + 1], "is longer than 32768 bytes"),
            (b"p\x1b[2J", "holds a control character"),
        ] {
            assert_eq!(text(bytes).err().as_deref(), Some(wrong));
        }
    }
}
