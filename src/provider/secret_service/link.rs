//! One connection to the bus, the owner of the service's name, and one session with it.

use std::rc::Rc;

use secret_service::{Collection, EncryptionType, Item, SecretService};
use serde::Serialize;
use tokio::sync::OnceCell;
use zbus::names::OwnedUniqueName;
use zbus::zvariant::{DynamicDeserialize, DynamicType, OwnedObjectPath, OwnedValue};

use super::address::Places;
use super::signals::{Generation, Watch, listen};
use super::trouble::Trouble;

/// The name that every Secret Service owns.
pub(super) const NAME: &str = "org.freedesktop.secrets";
/// The service's own object, and the root of all others.
pub(super) const ROOT: &str = "/org/freedesktop/secrets";
pub(super) const SERVICE: &str = "org.freedesktop.Secret.Service";
pub(super) const COLLECTION: &str = "org.freedesktop.Secret.Collection";
pub(super) const ITEM: &str = "org.freedesktop.Secret.Item";

pub(super) const BUS: &str = "org.freedesktop.DBus";
pub(super) const BUS_PATH: &str = "/org/freedesktop/DBus";

/// Whether a service that does not run may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// For what a user asked for.
    Allowed,
    /// For everything else: the bus starts a service in its own environment, which need not be
    /// the user's.
    Never,
}

/// The connection.
pub(super) struct Link {
    bus: zbus::Connection,
    /// Our own calls go to the owner, not to the name: they never start another service, and
    /// nobody who takes the name over later is sent anything. Those of `secret_service` go to the
    /// name, but in a session that the owner alone knows.
    owner: OwnedUniqueName,
    session: OnceCell<SecretService<'static>>,
    client: Option<String>,
    watch: Rc<Watch>,
}

impl Link {
    /// Connects, finds the service and checks whose it is.
    pub(super) async fn open(
        places: &Places,
        client: Option<&str>,
        start: Start,
        generation: &Generation,
    ) -> Result<Self, Trouble> {
        let reached = places.connect(client).await?;
        let failed =
            || Trouble::Broken("cannot log in to the session bus that is there".to_owned());
        let bus = zbus::connection::Builder::unix_stream(reached.stream)
            .build()
            .await
            .map_err(|_| failed())?;
        let messages = listen(&bus).await?;
        let owner = owner(&bus, start).await?;
        let watch = Rc::new(Watch::start(messages, &owner, generation.clone()));
        Ok(Self {
            bus,
            owner,
            session: OnceCell::new(),
            client: reached.client,
            watch,
        })
    }

    /// What listens, for who wants to hear more after the end of this connection.
    pub(super) fn watch(&self) -> Rc<Watch> {
        Rc::clone(&self.watch)
    }

    /// Whether it can still be used for this client.
    pub(super) async fn serves(&self, places: &Places, client: Option<&str>) -> bool {
        if !self.watch.alive() || self.bus.is_closed() {
            return false;
        }
        // A client's own bus is another client's, or ours, only by chance.
        match &self.client {
            None => true,
            Some(address) => Some(address.as_str()) == client && !places.has_own().await,
        }
    }

    /// Calls a method of the service.
    pub(super) async fn call<B, R>(
        &self,
        object: &OwnedObjectPath,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<R, Trouble>
    where
        B: Serialize + DynamicType,
        R: for<'d> DynamicDeserialize<'d>,
    {
        let reply = self
            .bus
            .call_method(Some(&self.owner), object, Some(interface), method, body)
            .await
            .map_err(|error| Trouble::of_call(&error, object, method))?;
        reply
            .body()
            .deserialize()
            .map_err(|_| Trouble::unclear(method))
    }

    /// Reads a property.
    pub(super) async fn property<T: TryFrom<OwnedValue>>(
        &self,
        object: &OwnedObjectPath,
        interface: &str,
        name: &str,
    ) -> Result<T, Trouble> {
        let properties = "org.freedesktop.DBus.Properties";
        let value: OwnedValue = self
            .call(object, properties, "Get", &(interface, name))
            .await?;
        T::try_from(value).map_err(|_| Trouble::unclear(name))
    }

    /// The encrypted session; opened when the first secret is to travel.
    async fn session(&self) -> Result<&SecretService<'static>, Trouble> {
        let open = async || {
            let bus = self.bus.clone();
            let opened = SecretService::connect_with_existing(EncryptionType::Dh, bus).await;
            let session = self.judge(opened, &root(), "OpenSession").await?;
            // Whoever had the name has opened it: it has to be the owner that was checked. Unique
            // names are never given twice (D-Bus specification, "Message Bus Names"), so the uid
            // is the one that was checked too.
            if self.owns_the_name().await? {
                Ok(session)
            } else {
                Err(Trouble::Lost)
            }
        };
        self.session.get_or_try_init(open).await
    }

    /// An item, for its secret.
    pub(super) async fn item(&self, path: &OwnedObjectPath) -> Result<Item<'_>, Trouble> {
        let item = self.session().await?.get_item_by_path(path.clone()).await;
        item.map_err(|error| Trouble::of_session(&error, path, "GetSecret"))
    }

    /// A collection, to make an item in it.
    pub(super) async fn collection(
        &self,
        path: &OwnedObjectPath,
    ) -> Result<Collection<'_>, Trouble> {
        let session = self.session().await?;
        let collection = session.get_collection_by_path(path.clone()).await;
        collection.map_err(|error| Trouble::of_session(&error, path, "CreateItem"))
    }

    /// What a call in the session came to. Such a call goes to the name: what somebody else says
    /// who has it by now is no answer to what the owner was asked.
    pub(super) async fn judge<T>(
        &self,
        result: Result<T, secret_service::Error>,
        object: &OwnedObjectPath,
        method: &str,
    ) -> Result<T, Trouble> {
        match result {
            Ok(value) => Ok(value),
            Err(error) if self.owns_the_name().await? => {
                Err(Trouble::of_session(&error, object, method))
            }
            Err(_) => Err(Trouble::Lost),
        }
    }

    async fn owns_the_name(&self) -> Result<bool, Trouble> {
        Ok(read_owner(&self.bus).await?.as_ref() == Some(&self.owner))
    }

    /// The collection with the alias `default`, where Python keyring keeps everything. A service
    /// that shows no collection at all cannot be asked.
    pub(super) async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, Trouble> {
        let path: OwnedObjectPath = self
            .call(&root(), SERVICE, "ReadAlias", &("default",))
            .await?;
        if path.as_str() != "/" {
            return Ok(Some(path));
        }
        // oo7 takes its name before it has read its files, and tells nobody when it has: what is
        // not there yet is not absent. gnome-keyring always shows the collection of its session.
        let collections: Vec<OwnedObjectPath> =
            self.property(&root(), SERVICE, "Collections").await?;
        if collections.is_empty() {
            return Err(Trouble::Empty);
        }
        Ok(None)
    }

    /// Whether a collection or an item is locked.
    pub(super) async fn locked(
        &self,
        object: &OwnedObjectPath,
        interface: &str,
    ) -> Result<bool, Trouble> {
        self.property(object, interface, "Locked").await
    }

    /// The connection and the owner, for what else has to be heard.
    pub(super) fn bus(&self) -> (&zbus::Connection, &OwnedUniqueName) {
        (&self.bus, &self.owner)
    }
}

/// The service's own object.
pub(super) fn root() -> OwnedObjectPath {
    zbus::zvariant::ObjectPath::from_static_str_unchecked(ROOT).into()
}

/// Who owns the service's name; it has to be one of our own processes, since anybody on the bus
/// may take a name that is free.
async fn owner(bus: &zbus::Connection, start: Start) -> Result<OwnedUniqueName, Trouble> {
    if let Some(owner) = read_owner(bus).await? {
        return check(bus, owner).await;
    }
    if start == Start::Never {
        return Err(nobody());
    }
    let started = bus
        .call_method(
            Some(BUS),
            BUS_PATH,
            Some(BUS),
            "StartServiceByName",
            &(NAME, 0_u32),
        )
        .await;
    match started {
        Ok(_) => {}
        Err(zbus::Error::MethodError(name, ..))
            if name.as_str() == "org.freedesktop.DBus.Error.ServiceUnknown" =>
        {
            return Err(nobody());
        }
        Err(zbus::Error::MethodError(name, ..)) => {
            return Err(Trouble::Broken(format!(
                "the session bus could not start a keyring ({name})"
            )));
        }
        Err(_) => return Err(Trouble::Lost),
    }
    match read_owner(bus).await? {
        Some(owner) => check(bus, owner).await,
        None => Err(Trouble::Lost),
    }
}

fn nobody() -> Trouble {
    Trouble::Absent(format!("nothing on the session bus provides {NAME}"))
}

async fn read_owner(bus: &zbus::Connection) -> Result<Option<OwnedUniqueName>, Trouble> {
    let answer = bus
        .call_method(Some(BUS), BUS_PATH, Some(BUS), "GetNameOwner", &(NAME,))
        .await;
    match answer {
        Ok(reply) => {
            let owner = reply.body().deserialize();
            owner
                .map(Some)
                .map_err(|_| Trouble::unclear("GetNameOwner"))
        }
        Err(zbus::Error::MethodError(name, ..))
            if name.as_str() == "org.freedesktop.DBus.Error.NameHasNoOwner" =>
        {
            Ok(None)
        }
        Err(_) => Err(Trouble::Lost),
    }
}

async fn check(bus: &zbus::Connection, owner: OwnedUniqueName) -> Result<OwnedUniqueName, Trouble> {
    let uid: u32 = bus
        .call_method(
            Some(BUS),
            BUS_PATH,
            Some(BUS),
            "GetConnectionUnixUser",
            &(owner.as_str(),),
        )
        .await
        .map_err(|_| Trouble::Lost)?
        .body()
        .deserialize()
        .map_err(|_| Trouble::unclear("GetConnectionUnixUser"))?;
    if uid == rustix::process::geteuid().as_raw() {
        return Ok(owner);
    }
    Err(Trouble::Refused(format!(
        "{NAME} is owned by a process of another user (uid {uid})"
    )))
}

/// Whether the bus could start a service that does not run.
pub(super) async fn can_be_started(places: &Places, client: Option<&str>) -> Result<bool, Trouble> {
    let reached = places.connect(client).await?;
    let bus = zbus::connection::Builder::unix_stream(reached.stream)
        .build()
        .await
        .map_err(|_| Trouble::Lost)?;
    let names: Vec<String> = bus
        .call_method(Some(BUS), BUS_PATH, Some(BUS), "ListActivatableNames", &())
        .await
        .map_err(|_| Trouble::Lost)?
        .body()
        .deserialize()
        .map_err(|_| Trouble::unclear("ListActivatableNames"))?;
    Ok(names.iter().any(|name| name == NAME))
}
