//! Conditions in CEL, as people write them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A condition in CEL: its text, or its text with the types of the claims it looks at. It is
/// unknown when it cannot be evaluated: an allowing rule does not fire then, and a refusing one does.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields, transform = super::schema::or_text))]
pub struct Cel {
    /// The expression, at most 1024 bytes.
    pub expression: String,
    /// Claims that it looks at, nested names joined with dots, and what they are. The expression is tried
    /// on a sample of each; one that cannot work is a configuration error, and so is a claim that
    /// is not named here. Default: any claim, and nothing is known of its type.
    pub claims: Option<BTreeMap<String, ClaimType>>,
}

/// What a claim is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClaimType {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number, whole or not.
    Double,
    /// A text.
    String,
    /// An array of texts.
    List,
}

impl<'de> Deserialize<'de> for Cel {
    /// Without the feature `full` nothing of it is read: all of it is refused later, by its place.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[cfg(feature = "full")]
        return deserializer.deserialize_any(full::CelVisitor);
        #[cfg(not(feature = "full"))]
        return serde::de::IgnoredAny::deserialize(deserializer)
            .map(|_| Self { expression: String::new(), claims: None });
    }
}

#[cfg(feature = "full")]
mod full {
    use std::collections::BTreeMap;
    use std::fmt;

    use serde::Deserialize;
    use serde::de::value::MapAccessDeserializer;
    use serde::de::{MapAccess, Visitor};

    use super::{Cel, ClaimType};

    /// The long form.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Typed {
        expression: String,
        #[serde(default)]
        claims: Option<BTreeMap<String, ClaimType>>,
    }

    pub(super) struct CelVisitor;

    impl<'de> Visitor<'de> for CelVisitor {
        type Value = Cel;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an expression, or `expression` and `claims`")
        }

        fn visit_str<E>(self, text: &str) -> Result<Cel, E> {
            Ok(Cel { expression: text.to_owned(), claims: None })
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Cel, A::Error> {
            let Typed { expression, claims } = Typed::deserialize(MapAccessDeserializer::new(map))?;
            Ok(Cel { expression, claims })
        }
    }
}
