//! `helper list`: what is stored or set.

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{Asked, Failure};

use super::Session;
use super::table::{Cell, table};

/// Prints a table.
pub(crate) fn run(session: &mut Session<'_>) -> Result<u8, Failure> {
    let asked = Asked {
        context: session.context(About::All)?,
    };
    let listing = session.agent()?.list(&asked)?;
    if session.out.is_json() {
        session.out.object(&listing)?;
        return Ok(0);
    }
    if listing.credentials.is_empty() {
        session.out.note("nothing is stored or set");
    } else {
        let rows: Vec<Vec<Cell>> = listing
            .credentials
            .iter()
            .map(|one| {
                vec![
                    // A locked collection has neither: it is told by its place.
                    Cell::new(match (&one.name, &one.url) {
                        (Some(name), _) => name,
                        (None, Some(url)) => url,
                        (None, None) => &one.location,
                    }),
                    Cell::maybe(one.username.as_deref()),
                    Cell::new(&one.provider),
                    Cell::maybe(one.origin.as_deref()),
                    Cell::maybe(one.expires.as_deref()),
                    Cell::word(&one.state),
                    one.shadowed_by
                        .as_deref()
                        .map(|by| Cell::new(&format!("by {by}")))
                        .unwrap_or_default(),
                ]
            })
            .collect();
        let headings = [
            "NAME", "USERNAME", "PROVIDER", "ORIGIN", "EXPIRES", "STATE", "",
        ];
        session
            .out
            .text(&table(&headings, &rows, session.out.colours()))?;
    }
    for warning in listing.credentials.iter().flat_map(|one| &one.warnings) {
        session.out.warning(warning);
    }
    for skipped in &listing.skipped {
        session.out.warning(&format!(
            "{} could not be listed: {}",
            skipped.provider, skipped.reason
        ));
    }
    Ok(0)
}
