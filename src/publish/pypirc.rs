//! `~/.pypirc`, read for URLs and accounts; a password in it is left alone.

/// What a section says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The upload URL.
    pub repository: Option<String>,
    /// The account.
    pub username: Option<String>,
}

/// The section of a name; `None` where there is none.
pub fn section(text: &str, name: &str) -> Option<Section> {
    let (mut found, mut inside) = (None, false);
    for line in text.lines() {
        // A line that is indented goes on with the value before it.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        let line = line.trim_end();
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            inside = header == name;
            if inside && found.is_none() {
                found = Some(Section::default());
            }
            continue;
        }
        let (Some(section), true, Some((key, value))) =
            (&mut found, inside, line.split_once(['=', ':']))
        else {
            continue;
        };
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match key.trim().to_ascii_lowercase().as_str() {
            "repository" => section.repository = value,
            "username" => section.username = value,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn sections() {
        let text = "[distutils]\nindex-servers =\n    foo\n    bar\n\n[foo]\n# x\nrepository = https://h/a=b/\n\
                    Username: u\npassword = sentinel\n[bar]\nusername =\n";
        let foo = section(text, "foo").unwrap();
        assert_eq!(foo.repository.as_deref(), Some("https://h/a=b/"));
        assert_eq!(foo.username.as_deref(), Some("u"));
        assert!(!format!("{foo:?}").contains("sentinel"));
        assert_eq!(section(text, "bar"), Some(super::Section::default()));
        assert_eq!(section(text, "other"), None);
    }
}
