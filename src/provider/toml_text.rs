//! Reading TOML without quoting it.
