//! Why there was no answer, in our own words: a library's text may repeat a URL or a header.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use super::Reply;

/// Sorts the error of a request.
pub(super) fn reply(error: &reqwest::Error) -> Reply {
    if error.is_timeout() {
        return Reply::TimedOut;
    }
    let mut connect = None;
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(tls) = tls_error(current) {
            return Reply::Tls(tls_words(tls));
        }
        if let Some(io) = current.downcast_ref::<io::Error>() {
            connect = io_words(io.kind()).or(connect);
        }
        // The marker that hyper-util puts before the resolver's error.
        if current.to_string() == "dns error" {
            connect = Some("the host's name cannot be resolved");
        }
        next = current.source();
    }
    let words = connect.unwrap_or(if error.is_connect() {
        "there is no connection"
    } else {
        "the server does not answer in HTTP"
    });
    Reply::Connect(words.to_owned())
}

/// The error of rustls, which hides inside one of I/O that does not name it as its source.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    tls_error(inner)
}

fn io_words(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "the connection was cut"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "the host cannot be reached"
        }
        io::ErrorKind::UnexpectedEof => "the server closed the connection",
        _ => return None,
    })
}

fn tls_words(error: &rustls::Error) -> String {
    let words = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => {
                "the server's certificate is signed by an authority that is not known here"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired, or the clock here is wrong"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet, or the clock here is wrong"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the server's certificate is for another host"
            }
            CertificateError::Revoked => "the server's certificate was revoked",
            _ => "the server's certificate is not valid",
        },
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
                "the server wants a client certificate"
            }
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied => "the server refuses the client certificate",
            AlertDescription::HandshakeFailure => {
                "the server ends the handshake: it may want a client certificate"
            }
            _ => "the server ends the handshake",
        },
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS at this port",
        _ => "no secure connection can be made",
    };
    words.to_owned()
}
