use super::super::{Put, Take};
use super::{
    Made, indexes_without, put, put_element, put_in_index, take, take_element, take_from_index,
};

fn way(text: &str) -> Vec<String> {
    text.split('.')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_text_goes_in_and_out() {
    for (table, old, new) in [
        ("", "", "k = \"v\"\n"),
        ("", "# a\nb = 1 # c\n", "# a\nb = 1 # c\nk = \"v\"\n"),
        (
            "",
            "# a\n[t] # b\nc = 1\n",
            "k = \"v\"\n# a\n[t] # b\nc = 1\n",
        ),
        ("t", "[t] # b\nc = 1\n", "[t] # b\nc = 1\nk = \"v\"\n"),
        ("t", "a = 1\n", "a = 1\n\n[t]\nk = \"v\"\n"),
    ] {
        let table = way(table);
        let Put::New(text, made) = put(old, &table, "k", "v").unwrap() else {
            panic!("{old}")
        };
        assert_eq!(text, new);
        assert_eq!(put(&text, &table, "k", "v").unwrap(), Put::Already);
        let back = take(&text, &table, "k", "v", &made).unwrap();
        assert_eq!(back, Take::New(old.to_owned()));
        assert_eq!(take(old, &table, "k", "v", &made).unwrap(), Take::Gone);
        let theirs = new.replace("\"v\"", "\"w\"");
        let taken = put(&theirs, &table, "k", "v").unwrap();
        assert_eq!(taken, Put::Taken("k = \"w\"".to_owned()));
        assert_eq!(
            take(&theirs, &table, "k", "v", &made).unwrap(),
            Take::Changed
        );
    }
}

#[test]
fn an_element_goes_in_and_out() {
    let first = vec!["f".to_owned()];
    for (table, old, new) in [
        ("", "", "k = [\"f\", \"v\"]\n"),
        ("t", "", "[t]\nk = [\"f\", \"v\"]\n"),
        ("", "k = []\n", "k = [\"v\"]\n"),
        ("", "k = ['a']\n", "k = ['a', \"v\"]\n"),
        (
            "",
            "k = [\n  'a', # a\n  'b',\n]\n",
            "k = [\n  'a', # a\n  'b',\n  \"v\",\n]\n",
        ),
        (
            "",
            "k = [\n  'a', # a\n]\n",
            "k = [\n  'a', # a\n  \"v\",\n]\n",
        ),
        ("", "k = [\n  'a'\n]\n", "k = [\n  'a',\n  \"v\"\n]\n"),
        ("t", "[t]\nk = ['a']\n", "[t]\nk = ['a', \"v\"]\n"),
    ] {
        let table = way(table);
        let Put::New(text, made) = put_element(old, &table, "k", "v", &first).unwrap() else {
            panic!("{old}")
        };
        assert_eq!(text, new);
        let again = put_element(&text, &table, "k", "v", &first).unwrap();
        assert_eq!(again, Put::Already);
        let back = take_element(&text, &table, "k", "v", &first, &made).unwrap();
        assert_eq!(back, Take::New(old.to_owned()));
        let gone = take_element(old, &table, "k", "v", &first, &made).unwrap();
        assert_eq!(gone, Take::Gone);
    }
    // What the user added to our list keeps it.
    let made = Made {
        list: true,
        ..Made::default()
    };
    let theirs = "k = [\"f\", \"v\", \"w\"]\n";
    let left = take_element(theirs, &[], "k", "v", &first, &made).unwrap();
    assert_eq!(left, Take::New("k = [\"f\", \"w\"]\n".to_owned()));
    let taken = put_element("k = 1\n", &[], "k", "v", &first).unwrap();
    assert_eq!(taken, Put::Taken("k is no list".to_owned()));
}

#[test]
fn an_index_is_found_by_its_url() {
    let url = "https://h/simple";
    for (list, old, new) in [
        (
            "index",
            "[[index]]\nurl = \"https://a/simple\"\n\n[[index]] # b\nurl = \"https://h/simple\"\n# c\n",
            "[[index]]\nurl = \"https://a/simple\"\n\n[[index]] # b\nurl = \"https://h/simple\"\nk = \"v\"\n# c\n",
        ),
        (
            "tool.uv.index",
            "[tool.uv]\nindex = [{ url = \"https://h/simple\" }]\n",
            "[tool.uv]\nindex = [{ url = \"https://h/simple\" , k = \"v\" }]\n",
        ),
    ] {
        let list = way(list);
        assert!(
            indexes_without(old, &list, "k")
                .unwrap()
                .contains(&url.to_owned())
        );
        let Put::New(text, _) = put_in_index(old, &list, url, "k", "v").unwrap() else {
            panic!("{old}")
        };
        assert_eq!(text, new);
        let again = put_in_index(&text, &list, url, "k", "v").unwrap();
        assert_eq!(again, Put::Already);
        let back = take_from_index(&text, &list, url, "k", "v").unwrap();
        assert_eq!(back, Take::New(old.to_owned()));
        assert!(
            !indexes_without(&text, &list, "k")
                .unwrap()
                .contains(&url.to_owned())
        );
    }
    let gone = take_from_index("a = 1\n", &way("index"), url, "k", "v").unwrap();
    assert_eq!(gone, Take::Gone);
}

#[test]
fn what_is_no_toml_is_refused_without_quoting_it() {
    let failure = put("a = \"hunter2\nb = 1\n", &[], "k", "v").unwrap_err();
    assert!(!failure.message.contains("hunter2"), "{failure}");
    assert!(put("t = 1\n", &way("t"), "k", "v").is_err());
}
