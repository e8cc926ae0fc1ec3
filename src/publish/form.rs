//! The legacy upload form (PyPI's "Legacy upload API"): its fields, and its bytes in pieces.

use std::io;

use super::distribution::{Distribution, open};
use crate::http::Body;

/// What is sent for one file.
pub struct Form {
    boundary: String,
    before: Vec<u8>,
    behind: Vec<u8>,
}

/// Every field but the file itself, by its name in the form.
pub fn fields(one: &Distribution) -> Vec<(&str, &str)> {
    let mut fields = vec![
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("filetype", one.name.kind.word()),
        ("pyversion", &one.name.python),
        ("sha256_digest", &one.digests.sha256),
        ("blake2_256_digest", &one.digests.blake2),
    ];
    fields.extend(one.metadata.values());
    if let Some(attestations) = &one.attestations {
        fields.push(("attestations", attestations));
    }
    // GitLab refuses a form without it, also where there is nothing to say.
    if one.metadata.one("requires_python").is_none() {
        fields.push(("requires_python", ""));
    }
    fields
}

impl Form {
    /// The form of a file.
    pub fn new(one: &Distribution) -> Self {
        // Nothing that goes into the file can know the digest of the whole.
        let boundary = format!("----{}", one.digests.sha256);
        let mut before = String::new();
        for (name, value) in fields(one) {
            before.extend([
                "--",
                &boundary,
                "\r\nContent-Disposition: form-data; name=\"",
                name,
                "\"\r\n\r\n",
                value,
                "\r\n",
            ]);
        }
        before.extend([
            "--",
            &boundary,
            "\r\nContent-Disposition: form-data; name=\"content\"; filename=\"",
            &one.filename.replace('"', "%22"),
            "\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        ]);
        Self {
            behind: format!("\r\n--{boundary}--\r\n").into_bytes(),
            before: before.into_bytes(),
            boundary,
        }
    }

    /// The type of the body.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The body, made anew for each attempt.
    ///
    /// # Errors
    /// Where the file is no longer what it was.
    pub fn body(&self, one: &Distribution) -> Result<Body, String> {
        let file = open(&one.path)?;
        let size = file.metadata().map(|meta| meta.len());
        let size =
            size.map_err(|error: io::Error| format!("reading it failed ({})", error.kind()))?;
        if size != one.digests.size {
            return Err("it was changed since it was looked at".to_owned());
        }
        Ok(Body::new(
            self.before.clone(),
            file,
            size,
            self.behind.clone(),
        ))
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
