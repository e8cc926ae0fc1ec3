//! `helper man`: manual pages, generated from the same definitions as the help.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use credential_helper_protocol::{ErrorCode, Failure};

use super::Session;
use super::args::{Cli, ManArgs};
use super::man_text::{Entries, FILES, VARIABLES, examples, statuses};

/// The date of this version: a page has one, and the same source gives the same page.
const DATE: &str = "2026-11-26";

/// Prints the page of `helper`, or writes one page a command.
pub(crate) fn run(session: &mut Session<'_>, args: &ManArgs) -> Result<u8, Failure> {
    let mut root = Cli::command();
    root.build();
    let Some(folder) = &args.dir else {
        let page = page(&root, "helper")?;
        session.out.text(&page)?;
        return Ok(0);
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    write(&root, "helper", folder)?;
    Ok(0)
}

fn write(command: &Command, name: &str, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(command, name)?).map_err(|error| failed(&path, &error))?;
    for next in command.get_subcommands().filter(|next| !next.is_hide_set()) {
        write(next, &format!("{name}-{}", next.get_name()), folder)?;
    }
    Ok(())
}

/// The page of a command, without what `mandoc -Tlint` finds fault with.
fn page(command: &Command, name: &str) -> Result<String, Failure> {
    let body = rendered(command)
        .map_err(|_| Failure::new(ErrorCode::Internal, "making the manual page failed"))?;
    let body = String::from_utf8_lossy(&body).replace("\n.br\n\n.br\n", "\n.sp\n");
    // What stands behind the options in the help.
    let mut body = body.replace("\n.SH EXTRA\n", "\n.SH NOTES\n");
    section("EXIT STATUS", statuses(name), &mut body);
    if name == "helper" {
        section("ENVIRONMENT", VARIABLES, &mut body);
        section("FILES", FILES, &mut body);
    }
    section("EXAMPLES", examples(name), &mut body);
    if name != "helper" {
        body.push_str(".SH SEE ALSO\nhelper(1): environment, files, and the other commands\n");
    }
    let mut page = String::with_capacity(body.len());
    for line in body.lines().map(str::trim_end) {
        if line.starts_with(".TH ") {
            let title = name.to_uppercase();
            let version = env!("CARGO_PKG_VERSION");
            page.extend([".TH ", &title, " 1 ", DATE, " \"helper ", version, "\"\n"]);
        } else if line.starts_with('.') {
            page.extend([line, "\n"]);
        } else {
            fold(line, &mut page);
        }
    }
    Ok(page)
}

/// The parts that come from the definitions.
fn rendered(command: &Command) -> std::io::Result<Vec<u8>> {
    let man = clap_mangen::Man::new(command.clone());
    let mut body = Vec::new();
    man.render_title(&mut body)?;
    man.render_name_section(&mut body)?;
    man.render_synopsis_section(&mut body)?;
    man.render_description_section(&mut body)?;
    man.render_options_section(&mut body)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut body)?;
    }
    if command.get_after_help().is_some() {
        man.render_extra_section(&mut body)?;
    }
    Ok(body)
}

/// Adds a section of terms, each with what is said of it.
fn section(title: &str, entries: Entries, body: &mut String) {
    if entries.is_empty() {
        return;
    }
    body.extend([".SH ", &quoted(title), "\n"]);
    for (term, text) in entries {
        body.extend([".TP\n.B ", &roff(term), "\n", &roff(text), "\n"]);
    }
}

fn quoted(title: &str) -> String {
    if title.contains(' ') {
        format!("\"{title}\"")
    } else {
        title.to_owned()
    }
}

/// Text as `roff` prints it as it is.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('\'', "\\(aq").replace('"', "\\(dq");
    // A line that starts with a dot would be a request.
    if text.starts_with('.') {
        format!("\\&{text}")
    } else {
        text
    }
}

/// Adds a line of text in lines of at most 80 bytes: the formatter joins them again.
fn fold(line: &str, page: &mut String) {
    let mut length = 0;
    for word in line.split(' ') {
        // A line that starts with one of these would be a request.
        let starts = !word.starts_with(['.', '\'']);
        if length > 0 {
            let fits = length + 1 + word.len() <= 80;
            page.push(if fits || !starts { ' ' } else { '\n' });
            length = if fits || !starts { length + 1 } else { 0 };
        }
        page.push_str(word);
        length += word.len();
    }
    page.push('\n');
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!(
            "writing the manual pages to {} failed ({})",
            path.display(),
            error.kind()
        ),
    )
    .hint("give `--dir` a directory that you may write to")
}
