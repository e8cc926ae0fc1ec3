use super::{Check, IDS, Outcome, Report};

#[test]
fn what_failed_is_counted() {
    let report = Report::of(vec![
        Check::ok("agent", "a"),
        Check::failed("memory", "b"),
        Check::not_here("core", "c"),
    ]);
    assert_eq!(report.failed(), 1);
    let words = report.checks.iter().map(|check| check.result);
    assert!(words.eq([Outcome::Ok, Outcome::Failed, Outcome::NotHere]));
}

#[test]
fn where_it_was_is_told() {
    let report = Report::of(Vec::new());
    assert_eq!(report.version, env!("CARGO_PKG_VERSION"));
    assert!(
        report.date.ends_with('Z') && report.date.len() == 20,
        "{}",
        report.date
    );
    assert!(
        report.system.ends_with(std::env::consts::ARCH),
        "{}",
        report.system
    );
    let mut ids = IDS.to_vec();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), IDS.len());
}
