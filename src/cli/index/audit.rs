//! `helper index audit`: could somebody else's package take the place of one of the project's?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};

use crate::cli::args_index::AuditArgs;
use crate::cli::args_scan::ScanFormat;
use crate::cli::lookups::{self, Desk, Ground, folder};
use crate::cli::resolve::{PROJECT, indexes, is_project};
use crate::cli::table::Style;
use crate::cli::{Session, scan};
use crate::domain::text::shown;
use crate::index::audit::{Answer, Finding, Report, Skipped, Subject, Tool, ask, is_public, judge};
use crate::index::locked::Kind;
use crate::index::lookup::Lookups;
use crate::index::offers::Rule;
use crate::index::source::address::Address;
use crate::index::source::{Authenticate, Form, PYPI, Priority, Source};
use crate::resolve::input::{Around, Asked, Chosen, Disk, Role, Subjects, pins};

/// The project's own file, and the lock files that may stand beside it.
const LOCKS: [&str; 3] = ["uv.lock", "poetry.lock", "pylock.toml"];

/// How many names are looked at at once: each asks every source.
const AT_ONCE: usize = 24;

/// What was found, and what else there is to say.
struct Outcome {
    report: Report,
    code: Option<ErrorCode>,
    kept: usize,
    looked_at: usize,
}

/// Prints what is wrong; status 1 where something is, 3 or 5 where a source could not tell.
pub(super) fn run(session: &mut Session<'_>, args: &AuditArgs) -> Result<u8, Failure> {
    let format = scan::format(session, args.format)?;
    let folder = folder(session)?;
    let (asked, subjects, is_whole) = subjects(args.file.as_deref(), &folder)?;
    if !is_whole && format == ScanFormat::Text {
        session
            .out
            .note("there is no lock file: what the dependencies need in turn was not looked at");
    }
    let mut desk = Desk::default();
    let given = indexes(&args.sources, &asked.indexes);
    let ground = Ground::find(session, &mut desk, &given, &args.sources)?;
    let tool = match ground.sources.rule {
        _ if args.file.as_deref().is_some_and(is_list) => Tool::Pip,
        Rule::VersionPriority => Tool::Poetry,
        Rule::IndexPriority => Tool::Uv,
    };
    let ask_public = args.ask_public;
    let work = async move |tools: lookups::Tools<Outcome>| {
        let lookups = ground.lookups(&tools);
        let progress = |count| tools.watch.packages(count);
        let outcome = audit(&lookups, subjects, tool, ask_public, &progress).await;
        tools.done(outcome);
        lookups.flush();
    };
    lookups::run(session, desk, work, |session, outcome| {
        tell(session, &outcome, format, &folder)
    })
}

/// Whether this is a requirements file: neither a project nor a lock file.
fn is_list(file: &Path) -> bool {
    !is_project(file) && Kind::of(file).is_none()
}

/// What is to be audited, and whether that is all, also what dependencies need in turn.
fn subjects(file: Option<&Path>, folder: &Path) -> Result<(Asked, Vec<Subject>, bool), Failure> {
    let around = Around {
        files: &Disk,
        variable: &|name| std::env::var(name).ok(),
        folder,
    };
    let path = folder.join(file.unwrap_or(Path::new(PROJECT)));
    let beside = path.parent().unwrap_or(folder);
    let mut asked = Asked::default();
    let mut found = Subjects::default();
    if is_list(&path) {
        asked.requirements_file(&path, Role::Requirements, &around)?;
        found.add(&asked, &path, folder);
        return Ok((asked, found.all(), true));
    }
    let project = beside.join(PROJECT);
    // A lock file counts without its project, too; with it, it is known what is pinned.
    if is_project(&path) || project.is_file() {
        asked.project(&project, &Chosen::everything(), &around)?;
        found.add(&asked, &project, folder);
    }
    let locks: Vec<PathBuf> = if is_project(&path) {
        LOCKS.iter().map(|name| beside.join(name)).collect()
    } else {
        vec![path.clone()]
    };
    let mut is_whole = false;
    for lock in locks {
        match pins(&lock, &around)? {
            Some(locked) => {
                is_whole = true;
                found.add_locked(locked, &lock);
            }
            None if lock == path => {
                let message = format!("there is no file {}", shown(&path.to_string_lossy()));
                return Err(Failure::new(ErrorCode::NotFound, message));
            }
            None => {}
        }
    }
    Ok((asked, found.all(), is_whole))
}

async fn audit(
    lookups: &Lookups,
    mut subjects: Vec<Subject>,
    tool: Tool,
    ask_public: bool,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Outcome, Failure> {
    let mut sources = lookups.sources().all.clone();
    if ask_public && !sources.iter().any(|source| is_public(source)) {
        sources.push(pypi()?);
    }
    let mut outcome = Outcome {
        report: Report::default(),
        code: None,
        kept: 0,
        looked_at: subjects.len(),
    };
    for subject in &mut subjects {
        if subject.pin.is_none() {
            let mut pins = lookups.sources().pins_of(&subject.name);
            subject.pin = pins.next().map(|pin| pin.source.clone());
        }
    }
    let mut count = 0;
    for some in subjects.chunks(AT_ONCE) {
        for (subject, said) in some
            .iter()
            .zip(ask::all(lookups, &sources, some, ask_public).await)
        {
            let kept = said.iter().any(|one| matches!(one.answer, Answer::Kept));
            outcome.kept += usize::from(kept);
            for one in &said {
                if let Answer::Failed(failure) = &one.answer {
                    // A refusal says more than silence.
                    if outcome.code != Some(ErrorCode::Rejected) {
                        outcome.code = Some(failure.code);
                    }
                    outcome.report.skipped.push(Skipped {
                        project: subject.name.to_string(),
                        source: one.source.label().to_owned(),
                        reason: failure.message.clone(),
                    });
                }
            }
            outcome.report.findings.extend(judge(subject, &said, tool));
        }
        count += some.len();
        progress(count);
    }
    Ok(outcome)
}

/// PyPI, where the project has no public index of its own.
fn pypi() -> Result<Arc<Source>, Failure> {
    let address = Address::parse(PYPI, None)
        .map_err(|why| Failure::new(ErrorCode::Internal, format!("the URL of PyPI {why}")))?;
    let mut source = address.index(Form::BuiltIn, "built in".to_owned());
    source.name = Some("PyPI".to_owned());
    source.priority = Priority::Explicit;
    source.authenticate = Authenticate::Never;
    Ok(Arc::new(source))
}

fn tell(
    session: &mut Session<'_>,
    outcome: &Outcome,
    format: ScanFormat,
    folder: &Path,
) -> Result<u8, Failure> {
    let report = &outcome.report;
    match format {
        ScanFormat::Json => session.out.object(report)?,
        ScanFormat::Sarif => session.out.object(&report.sarif(Some(folder)))?,
        ScanFormat::Text => {
            let colours = session.out.colours();
            let text: String = report
                .findings
                .iter()
                .map(|finding| text(finding, folder, colours))
                .collect();
            session.out.text(&text)?;
            for one in &report.skipped {
                let line = format!(
                    "{} could not say whether it has {}: {}",
                    shown(&one.source),
                    one.project,
                    one.reason
                );
                session.out.warning(&line);
            }
            if outcome.kept > 0 {
                session.out.note(&format!(
                    "{} of {} names were not told to a public index; --ask-public asks there too",
                    outcome.kept, outcome.looked_at
                ));
            }
            let counted = |count: usize, one: &str, more: &str| match count {
                1 => format!("1 {one}"),
                count => format!("{count} {more}"),
            };
            let findings = counted(report.findings.len(), "finding", "findings");
            let names = counted(outcome.looked_at, "dependency", "dependencies");
            session.out.note(&format!("{findings} in {names}"));
        }
    }
    Ok(match outcome.code {
        _ if !report.findings.is_empty() => 1,
        Some(code) => code.exit_status(),
        None => 0,
    })
}

fn text(finding: &Finding, folder: &Path, colours: bool) -> String {
    let path = finding.path.strip_prefix(folder).unwrap_or(&finding.path);
    let place = format!("{}:{}", path.to_string_lossy(), finding.line);
    let mut text = Style::Strong.paint(&shown(&place), colours);
    text.extend(["  ", finding.severity.word(), "  ", finding.kind.id()]);
    text.extend(["\n  ", &shown(&finding.message)]);
    text.extend(["\n  ", &Style::Strong.paint("fix:", colours), "\n"]);
    for line in finding.fix.lines() {
        text.extend(["    ", &shown(line), "\n"]);
    }
    text
}
