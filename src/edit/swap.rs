//! One text in the place of another, for who has shown what will change: on this thread, and only
//! where the file still holds what was read.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use credential_helper_protocol::{ErrorCode, Failure};

use super::folder::{Folder, remove_leftovers};
use super::write::{Mode, Place};

/// Whether a file may be changed at all.
///
/// # Errors
/// `policy` for a file of somebody else or a read-only one, `unavailable` where it cannot be found.
pub fn check(path: &Path) -> Result<(), Failure> {
    let place = Place(path.to_owned());
    let meta = std::fs::metadata(path).map_err(|error| place.io("cannot look at it", &error))?;
    place.check_owner(&meta)
}

/// Puts the new text in the place of the old one; the file keeps its group and its mode.
///
/// # Errors
/// Where it cannot be done, or the file has changed; the file is then as it was.
pub fn swap(path: &Path, old: &str, new: &str) -> Result<(), Failure> {
    check(path)?;
    let place = Place(path.to_owned());
    let target = place.target()?;
    let mut folder =
        Folder::open(target.folder).map_err(|error| place.io("cannot open its folder", &error))?;
    let locked = folder
        .try_lock()
        .map_err(|error| place.io("cannot lock its folder", &error))?;
    if !locked {
        return Err(place
            .fail(ErrorCode::Unavailable, "another program is changing it")
            .hint("try again when that program has ended"));
    }
    remove_leftovers(&folder);
    let now = place.read(&folder, &target.name)?;
    let is_old = now.as_ref().is_some_and(|now| *now.text == *old);
    let nobody_gives_up = AtomicBool::new(false);
    if is_old
        && place.replace(
            &folder,
            &target.name,
            now.as_ref(),
            new,
            Mode::Kept,
            &nobody_gives_up,
        )?
    {
        return Ok(());
    }
    Err(place
        .fail(
            ErrorCode::Unavailable,
            "another program has changed it meanwhile",
        )
        .hint("run the same again"))
}
