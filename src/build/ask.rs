//! A question to the interpreter: a script of ours, what it reads, and what it says.
//!
//! A script in an argument finds modules in the working folder, which is a project's: a `json.py` there
//! would be run. So it is asked in an empty folder of ours, and told not to look there (by the variable:
//! the option `-P` stops a Python before 3.11, and `-I` would also hide what the user installed).

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Builder, Made, run};

/// Python puts no working folder among the folders of modules (since 3.11).
pub(super) const SAFE_PATH: &str = "PYTHONSAFEPATH";
/// More than an answer has.
const LONGEST: u64 = 4 * 1024 * 1024;

impl Builder {
    /// What this script says to this input; `None` where there is no interpreter. It is run in the
    /// environment of a build, because it may load whatever is installed.
    ///
    /// # Errors
    /// Why there is no answer, in our own words.
    pub async fn asked(
        &self,
        script: &str,
        input: &[u8],
        time: Duration,
    ) -> Result<Option<Vec<u8>>, String> {
        let Some(python) = &self.python else {
            return Ok(None);
        };
        let made = Made::new(&std::env::temp_dir()).map_err(|failure| failure.message)?;
        let mut command = run::command(python, &self.environment);
        command
            .args(["-c", script])
            .env(SAFE_PATH, "1")
            .current_dir(&made.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let all = async {
            let failed = |error: std::io::Error| error.kind().to_string();
            let mut child = command.spawn().map_err(failed)?;
            let (to, from) = (child.stdin.take(), child.stdout.take());
            let (Some(mut to), Some(from)) = (to, from) else {
                return Err("it has no pipes".to_owned());
            };
            let tell = async move {
                // One that ends early says by its status whether that is an answer.
                let _ = to.write_all(input).await;
            };
            let mut answer = Vec::new();
            let mut from = from.take(LONGEST);
            let ((), read) = tokio::join!(tell, from.read_to_end(&mut answer));
            read.map_err(failed)?;
            let status = child.wait().await.map_err(failed)?;
            if status.success() {
                Ok(Some(answer))
            } else {
                Err("it failed".to_owned())
            }
        };
        tokio::time::timeout(time, all)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", time.as_secs())))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use super::Builder;
    use crate::test_programs;

    /// What an interpreter that is this shell script says to `input`.
    fn said(script: &str, input: &[u8], time: Duration) -> Result<Option<Vec<u8>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("#!/bin/sh\n{script}\n");
        let python = test_programs::script(folder.path(), "python3", &script);
        let path = std::env::var_os("PATH").unwrap();
        let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let environment = [
            (OsString::from("PATH"), path),
            pair("TWINE_PASSWORD", "secret"),
            pair("KEPT", "here"),
        ];
        let builder = Builder::new(Some(python), None, environment);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(builder.asked("the script", input, time))
    }

    const TIME: Duration = Duration::from_mins(1);

    #[test]
    fn what_comes_back() {
        let text = |said: Result<Option<Vec<u8>>, String>| {
            said.map(|said| String::from_utf8(said.unwrap()).unwrap())
        };
        // More than a pipe holds, both ways.
        let long = vec![b'a'; 300_000];
        assert_eq!(said("cat", &long, TIME).unwrap().unwrap(), long);
        let shown = text(said("echo \"$1 $2 $KEPT $TWINE_PASSWORD.\"", b"", TIME));
        assert_eq!(shown.unwrap(), "-c the script here .\n");
        // It does not have to read.
        assert_eq!(text(said("exit 0", &long, TIME)).unwrap(), "");
        assert_eq!(said("exit 3", b"", TIME).unwrap_err(), "it failed");
        let late = said("exec tail -f /dev/null", b"", Duration::from_millis(50));
        assert_eq!(late.unwrap_err(), "no answer within 0 s");
    }

    #[test]
    fn without_an_interpreter() {
        let builder = Builder::new(None, None, []);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let said = runtime.block_on(builder.asked("", b"", TIME));
        assert_eq!(said.unwrap(), None);
    }
}
