use super::{Tags, decoded, unescaped};

type Found = Vec<(String, Vec<(String, String)>)>;

fn tags(page: &str) -> Found {
    let mut tags = Tags::of(page);
    let mut found = Vec::new();
    while let Some(tag) = tags.next() {
        let attributes = tag.attributes.iter();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        found.push((tag.name.to_owned(), attributes.map(own).collect()));
    }
    found
}

fn tag(name: &str, attributes: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    (name.to_owned(), attributes.iter().map(own).collect())
}

#[test]
fn tags_and_attributes() {
    let page = "<!DOCTYPE html><html><a href=\"x\" class='b c' data-yanked HREF=y>t</a><br/>\
                <A\thref = z\n data-x=\"a>b\"/><a href=u/v>< a href=no></ a><a\n>";
    assert_eq!(
        tags(page),
        [
            tag("html", &[]),
            tag(
                "a",
                &[
                    ("href", "x"),
                    ("class", "b c"),
                    ("data-yanked", ""),
                    ("HREF", "y")
                ]
            ),
            tag("br", &[]),
            tag("A", &[("href", "z"), ("data-x", "a>b")]),
            tag("a", &[("href", "u/v")]),
            tag("a", &[]),
        ]
    );
}

#[test]
fn what_holds_no_tags() {
    let page = "<!-- <a href=x> --><script>'<a href=y>'</SCRIPT><title><a></title><b>";
    assert_eq!(
        tags(page),
        [tag("script", &[]), tag("title", &[]), tag("b", &[])]
    );
}

#[test]
fn what_is_cut_off_is_no_tag() {
    for page in [
        "<",
        "<a",
        "<a ",
        "<a href",
        "<a href=",
        "<a href=\"x",
        "<a x",
        "<a =",
        "<!--",
    ] {
        assert_eq!(tags(page), [], "{page}");
    }
    assert_eq!(tags("<a =x>"), [tag("a", &[("=x", "")])]);
    assert_eq!(tags("<script>"), []);
}

#[test]
fn references() {
    for (text, wanted) in [
        ("a", "a"),
        ("&gt;=3&amp;&#62;&#x3E;&#X3e", ">=3&>>>"),
        ("&gt=3", "&gt=3"),
        ("a&ltd", "a&ltd"),
        ("&amp ;", "& ;"),
        ("&unknown;&#;&#x;&#1114112;&", "&unknown;&#;&#x;&#1114112;&"),
        ("&quot;&apos;&#39;", "\"''"),
    ] {
        assert_eq!(unescaped(text), wanted, "{text}");
    }
}

#[test]
fn percent_signs() {
    for (text, wanted) in [
        ("a-1%2Bx.whl", "a-1+x.whl"),
        ("%", "%"),
        ("%2", "%2"),
        ("%+1", "%+1"),
        ("%zz%41", "%zzA"),
        ("%ff", "\u{fffd}"),
        ("%é", "%é"),
    ] {
        assert_eq!(decoded(text), wanted, "{text}");
    }
}
