//! What can be written after `helper bridge`.

use std::ffi::{OsStr, OsString};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;

use crate::bridge::{self, Bridge};

/// `helper bridge`.
#[derive(Args)]
pub(crate) struct BridgeArgs {
    /// The program that the tool would start
    #[arg(value_name = "BRIDGE", value_parser = BridgeParser)]
    pub(crate) bridge: Bridge,
    /// What the tool would say to it
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) arguments: Vec<OsString>,
}

/// Reads a bridge's name.
#[derive(Clone)]
struct BridgeParser;

impl TypedValueParser for BridgeParser {
    type Value = Bridge;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Bridge, clap::Error> {
        let names = PossibleValuesParser::new(bridge::ALL.iter().map(|bridge| bridge.name));
        names.parse_ref(command, argument, value)?;
        Bridge::named(value).ok_or_else(|| clap::Error::new(ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |bridge: &Bridge| PossibleValue::new(bridge.name).help(bridge.about);
        Some(Box::new(bridge::ALL.iter().map(value)))
    }
}
