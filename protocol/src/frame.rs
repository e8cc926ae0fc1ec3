//! Messages on the wire: JSON ended by a NUL byte, read and written through wiped buffers.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::INTERFACE_NAME;
use crate::code::{ErrorCode, Failure};

/// A call as it travels.
#[derive(Serialize, Deserialize)]
pub struct Call<P> {
    /// Interface and method: `io.credentialhelper.Agent1.Get`.
    pub method: String,
    /// The parameters.
    pub parameters: P,
    /// The client wants no reply.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oneway: bool,
}

/// A reply as it travels: either parameters, or an error with its own.
#[derive(Serialize, Deserialize)]
pub struct Reply<P> {
    /// The error's whole name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The result, or what there is to say about the error.
    pub parameters: P,
}

/// A call of our interface, ended by NUL, in a buffer that is wiped.
pub fn encode_call<P: Serialize>(method: &str, parameters: P) -> io::Result<Zeroizing<Vec<u8>>> {
    encode(&Call {
        method: format!("{INTERFACE_NAME}.{method}"),
        parameters,
        oneway: false,
    })
}

/// A reply, ended by NUL.
pub fn encode_reply<P: Serialize>(parameters: P) -> io::Result<Zeroizing<Vec<u8>>> {
    encode(&Reply {
        error: None,
        parameters,
    })
}

/// An error of our interface, ended by NUL.
pub fn encode_failure(failure: &Failure) -> io::Result<Zeroizing<Vec<u8>>> {
    let error = Some(format!("{INTERFACE_NAME}.{}", failure.code.varlink()));
    encode(&Reply {
        error,
        parameters: failure,
    })
}

/// Any message, ended by NUL.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for any ordinary message, so that the buffer does not move while a secret is in it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048));
    serde_json::to_writer(&mut *bytes, message)?;
    bytes.push(0);
    Ok(bytes)
}

/// Reads a reply to one of our calls. The parser's own words are never passed on: they quote.
pub fn decode_reply<P: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<P, Failure> {
    #[derive(Deserialize)]
    struct Head {
        error: Option<String>,
    }
    let broken = || {
        Failure::new(
            ErrorCode::Malformed,
            "the agent's reply could not be understood",
        )
        .hint("client and agent may be of different versions: run `helper agent stop`")
    };
    let head: Head = serde_json::from_slice(bytes).map_err(|_| broken())?;
    let Some(error) = head.error else {
        return serde_json::from_slice::<Reply<P>>(bytes)
            .map(|reply| reply.parameters)
            .map_err(|_| broken());
    };
    let Some(code) = error
        .starts_with(INTERFACE_NAME)
        .then(|| ErrorCode::from_varlink(&error))
        .flatten()
    else {
        let message = match error.as_str() {
            "org.varlink.service.MethodNotFound" | "org.varlink.service.InterfaceNotFound" => {
                "the agent does not know this call"
            }
            "org.varlink.service.InvalidParameter" => "the agent refused the call's parameters",
            _ => "the agent answered with an unknown error",
        };
        return Err(Failure::new(ErrorCode::Unavailable, message)
            .hint("client and agent may be of different versions: run `helper agent stop`"));
    };
    let reply: Reply<Failure> = serde_json::from_slice(bytes).map_err(|_| broken())?;
    Err(Failure {
        code,
        ..reply.parameters
    })
}

/// Reads one message without its NUL; `None` where the peer has closed between messages.
///
/// # Errors
/// `InvalidData` for more than `limit` bytes, `UnexpectedEof` for half a message.
pub fn read(from: &mut impl Read, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(vec![0_u8; 2048]);
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            if filled >= limit {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut larger = Zeroizing::new(vec![0_u8; (filled * 4).min(limit)]);
            larger[..filled].copy_from_slice(&bytes);
            bytes = larger;
        }
        let count = match from.read(&mut bytes[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if count == 0 {
            return if filled == 0 {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        // One call has one reply: what follows the NUL cannot be ours.
        if let Some(end) = bytes[filled..filled + count]
            .iter()
            .position(|byte| *byte == 0)
        {
            bytes.truncate(filled + end);
            return Ok(Some(bytes));
        }
        filled += count;
    }
}

/// Writes one whole message.
pub fn write(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    to.write_all(message)?;
    to.flush()
}
