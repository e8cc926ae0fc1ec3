//! How far it is, on a terminal; how each file ended, everywhere.

use std::time::Duration;

use credential_helper_protocol::Secret;

use super::hide::hide;
use crate::cli::output::Output;
use crate::cli::progress::Line;
use crate::cli::table::Style;
use crate::domain::text::shown;
use crate::publish::distribution::Distribution;
use crate::publish::outcome::{Ended, Outcome};
use crate::publish::upload::Watch;

pub(super) struct Progress<'a> {
    out: &'a mut Output,
    /// What the line begins with.
    label: String,
    line: Line,
    tenths: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(out: &'a mut Output) -> Self {
        Self {
            out,
            label: String::new(),
            line: Line::default(),
            tenths: u64::MAX,
        }
    }

    fn line(&mut self, text: &str) {
        self.line.show(self.out, text);
    }

    /// Takes the unfinished line away.
    pub(super) fn clear(&mut self) {
        self.line.clear(self.out);
    }
}

impl Watch for Progress<'_> {
    fn begins(&mut self, at: usize, of: usize, one: &Distribution) {
        self.label = format!("[{at}/{of}] {}", shown(&one.filename));
        self.tenths = u64::MAX;
        let label = self.label.clone();
        self.line(&label);
    }

    fn sent(&mut self, bytes: u64, of: u64) {
        let tenths = bytes.saturating_mul(1000).checked_div(of).unwrap_or(1000);
        if tenths != self.tenths {
            self.tenths = tenths;
            let text = format!(
                "{}  {}.{}% of {}",
                self.label,
                tenths / 10,
                tenths % 10,
                size(of)
            );
            self.line(&text);
        }
    }

    fn waits(&mut self, why: &str, time: Duration) {
        self.clear();
        let time = humantime::format_duration(Duration::from_millis(
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        ));
        self.out.warning(&format!("{why}; again in {time}"));
    }

    fn minted(&mut self, tokens: Vec<Secret>) {
        self.clear();
        hide(self.out, tokens);
    }

    fn ended(&mut self, outcome: &Outcome) {
        self.clear();
        // The object has them all; a failure is told as one.
        if self.out.is_json() || outcome.result == Ended::Failed {
            return;
        }
        let text = line(outcome, self.out.colours());
        // A closed pipe is no reason to stop an upload.
        let _ = self.out.text(&text);
    }
}

/// A file and how it ended.
pub(super) fn line(outcome: &Outcome, colours: bool) -> String {
    let style = match outcome.result {
        Ended::Uploaded | Ended::AlreadyThere => Style::Good,
        Ended::Skipped | Ended::NotSent => Style::Warning,
        Ended::Failed => Style::Problem,
    };
    let word = style.paint(&format!("{:<13}", outcome.result.word()), colours);
    let mut text = format!("{word} {}", shown(&outcome.filename));
    if let Some(message) = &outcome.message {
        text.push_str(": ");
        text.push_str(&shown(message));
    }
    text.push('\n');
    text
}

/// A size for people.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.iter().find(|(_, bits)| bytes >> bits > 0);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(unit, bits)| {
            format!(
                "{}.{} {unit}",
                bytes >> bits,
                (bytes >> (bits - 10)) % 1024 * 10 / 1024
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
