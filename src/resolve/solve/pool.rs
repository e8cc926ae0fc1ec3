//! What there is to choose from: the versions of a project over all listings that count.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use credential_helper_protocol::Failure;
use url::Url;

use super::need::Facts;
use super::range::Range;
use super::rules::{Hidden, Pick, Pre, Rules};
use crate::index::offers::Listing;
use crate::index::project::File;
use crate::index::source::Cutoff;
use crate::package::{MarkerTree, PackageName, Version};

/// Where a project may come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Whatever the sources offer.
    Any,
    /// One source.
    Pin(Arc<str>),
    /// A direct URL.
    Url(Url),
}

/// A project at a place. The cells are filled once, by the fetcher.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) name: PackageName,
    pub(super) place: Place,
    pub(super) first: Layer,
}

/// One tier of sources, and those behind it.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) asked: AtomicBool,
    pub(super) answer: OnceLock<Result<Option<Arc<Tier>>, Failure>>,
    next: OnceLock<Box<Self>>,
}

impl Layer {
    /// The layer at this depth.
    pub(super) fn at(&self, depth: usize) -> &Self {
        (0..depth).fold(self, |layer, _| layer.next.get_or_init(Box::default))
    }
}

/// The versions of one tier, the lowest first.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) listings: Arc<[Listing]>,
    /// Where the one version is, when it is a direct URL.
    pub(super) direct: Option<Url>,
    pub(super) entries: Vec<Entry>,
}

/// One version.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) version: Version,
    /// The listings that have it, the likelier first.
    listings: Listings,
    chosen: OnceLock<Result<(u16, Pick), Hidden>>,
    pub(super) asked: AtomicBool,
    pub(super) facts: OnceLock<Result<Arc<Facts>, Failure>>,
}

#[derive(Debug)]
enum Listings {
    One(u16),
    Many(Box<[u16]>),
}

impl Entry {
    fn new(version: Version, listings: Listings) -> Self {
        Self {
            version,
            listings,
            chosen: OnceLock::new(),
            asked: AtomicBool::new(false),
            facts: OnceLock::new(),
        }
    }
}

impl Tier {
    /// The versions of these listings.
    pub(super) fn new(listings: Arc<[Listing]>) -> Self {
        let entries = if let [one] = &*listings {
            one.project
                .versions()
                .map(|version| Entry::new(version.clone(), Listings::One(0)))
                .collect()
        } else {
            let mut all = BTreeMap::<&Version, Vec<u16>>::new();
            for (place, listing) in (0_u16..).zip(listings.iter()) {
                for version in listing.project.versions() {
                    all.entry(version).or_default().push(place);
                }
            }
            all.into_iter()
                .map(|(version, places)| {
                    let listings = match *places {
                        [one] => Listings::One(one),
                        _ => Listings::Many(places.into()),
                    };
                    Entry::new(version.clone(), listings)
                })
                .collect()
        };
        Self {
            listings,
            direct: None,
            entries,
        }
    }

    /// The one version that a direct URL leads to.
    pub(super) fn direct(url: Url, facts: Arc<Facts>) -> Self {
        let entry = Entry::new(
            facts.metadata.version.clone(),
            Listings::Many(Box::default()),
        );
        let pick = Pick {
            file: 0,
            yanked: None,
            least: None,
        };
        let _ = entry.chosen.set(Ok((0, pick)));
        let _ = entry.facts.set(Ok(facts));
        Self {
            listings: Arc::new([]),
            direct: Some(url),
            entries: vec![entry],
        }
    }

    /// Which file of which listing stands for a version, or why none does.
    pub(super) fn usable(
        &self,
        name: &PackageName,
        rules: &Rules,
        entry: &Entry,
    ) -> Result<(u16, Pick), Hidden> {
        self.check(name, rules, entry).clone()
    }

    fn check<'a>(
        &'a self,
        name: &PackageName,
        rules: &Rules,
        entry: &'a Entry,
    ) -> &'a Result<(u16, Pick), Hidden> {
        entry.chosen.get_or_init(|| {
            let places: &[u16] = match &entry.listings {
                Listings::One(place) => std::slice::from_ref(place),
                Listings::Many(places) => places,
            };
            let mut hidden = None;
            for &place in places {
                let listing = &self.listings[usize::from(place)];
                let files = listing.project.files(&entry.version);
                let cutoff = Cutoff::over(listing.cutoff, rules.cutoff);
                match rules.pick(name, &entry.version, files, cutoff) {
                    Ok(pick) => return Ok((place, pick)),
                    Err(reason) => hidden = hidden.max(Some(reason)),
                }
            }
            Err(hidden.unwrap_or(Hidden::Tags))
        })
    }

    /// The listing and file that an entry's metadata are read from.
    pub(super) fn source(&self, entry: usize) -> Option<(&Listing, &File)> {
        let entry = self.entries.get(entry)?;
        let (place, pick) = entry.chosen.get()?.as_ref().ok()?;
        let listing = self.listings.get(usize::from(*place))?;
        let file = listing.project.files(&entry.version).get(pick.file)?;
        Some((listing, file))
    }

    /// What was chosen for an entry.
    pub(super) fn pick(&self, entry: usize) -> Option<&Pick> {
        let (_, pick) = self.entries.get(entry)?.chosen.get()?.as_ref().ok()?;
        Some(pick)
    }
}

/// A version of a tier.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    pub(super) tier: Arc<Tier>,
    pub(super) entry: usize,
}

impl Picked {
    /// The version.
    pub(super) fn version(&self) -> &Version {
        &self.tier.entries[self.entry].version
    }

    /// The listing it was taken from; none for a direct URL.
    pub(super) fn listing(&self) -> Option<&Listing> {
        let (place, _) = self.entry().chosen.get()?.as_ref().ok()?;
        self.tier.listings.get(usize::from(*place))
    }

    /// The cell of its metadata.
    pub(super) fn entry(&self) -> &Entry {
        &self.tier.entries[self.entry]
    }
}

/// What a choice goes by.
pub(super) struct Want<'a> {
    pub(super) rules: &'a Rules,
    pub(super) name: &'a PackageName,
    /// The lowest version instead of the highest.
    pub(super) lowest: bool,
    /// What other parts of a universal resolution have.
    pub(super) earlier: &'a [Version],
    /// The environment of a universal resolution, with its least Python.
    pub(super) environment: Option<(&'a MarkerTree, &'a Option<Version>)>,
}

/// A choice.
pub(super) enum Choice {
    /// This version.
    Entry(usize),
    /// A version that needs a later Python than the least of the environment, but not than all.
    Later(Version),
    /// None.
    Nothing,
}

enum Check {
    Good,
    Later(Version),
    Bad,
}

impl Want<'_> {
    /// The version of a tier that is taken from a range.
    pub(super) fn choose(&self, tier: &Tier, range: &Range) -> Choice {
        for version in self.rules.preferred(self.name).iter().chain(self.earlier) {
            if !range.contains(version)
                || version.any_prerelease() && self.rules.pre(self.name) == Pre::Never
            {
                continue;
            }
            let place = tier
                .entries
                .binary_search_by(|entry| entry.version.cmp(version));
            if let Ok(place) = place
                && matches!(self.check(tier, place), Check::Good)
            {
                return Choice::Entry(place);
            }
        }
        let Some((low, high)) = range.bounding_range() else {
            return Choice::Nothing;
        };
        let start = tier.entries.partition_point(|entry| match low {
            Bound::Included(low) => entry.version < *low,
            Bound::Excluded(low) => entry.version <= *low,
            Bound::Unbounded => false,
        });
        let end = tier.entries.partition_point(|entry| match high {
            Bound::Included(high) => entry.version <= *high,
            Bound::Excluded(high) => entry.version < *high,
            Bound::Unbounded => true,
        });
        let mut places = start..end.max(start);
        let pre = self.rules.pre(self.name);
        let mut fallback = None;
        loop {
            let next = if self.lowest {
                places.next()
            } else {
                places.next_back()
            };
            let Some(place) = next else { break };
            let entry = &tier.entries[place];
            let early = entry.version.any_prerelease();
            if early && (pre == Pre::Never || pre == Pre::Last && fallback.is_some())
                || !range.contains(&entry.version)
            {
                continue;
            }
            match (self.check(tier, place), early && pre == Pre::Last) {
                (Check::Bad, _) => {}
                (Check::Good, true) => fallback = Some(Choice::Entry(place)),
                (Check::Later(least), true) => fallback = Some(Choice::Later(least)),
                (Check::Good, false) => return Choice::Entry(place),
                (Check::Later(least), false) => return Choice::Later(least),
            }
        }
        fallback.unwrap_or(Choice::Nothing)
    }

    fn check(&self, tier: &Tier, place: usize) -> Check {
        match tier.check(self.name, self.rules, &tier.entries[place]) {
            Err(_) => Check::Bad,
            Ok((_, pick)) => match (self.environment, &pick.least) {
                (Some((environment, floor)), Some(least)) => {
                    needs_later(environment, floor.as_ref(), least)
                }
                _ => Check::Good,
            },
        }
    }
}

fn needs_later(environment: &MarkerTree, floor: Option<&Version>, least: &Version) -> Check {
    if floor.is_none_or(|floor| least <= floor) {
        Check::Good
    } else if super::marker::reaches_python(environment, least) {
        Check::Later(least.clone())
    } else {
        Check::Bad
    }
}
