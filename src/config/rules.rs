//! Rules and what they are conditions on.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::{Cel, Mode, RoleSource};

/// A rule, or all rules of a set: exactly one of `allow`, `deny` and `use`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Name for logs and metrics. Unique in its route. Not with `use`: the set's rules have names.
    #[serde(default)]
    pub name: String,
    /// Let the request through when the condition is true.
    #[serde(default)]
    pub allow: Option<Condition>,
    /// Refuse the request when the condition is true or cannot be told.
    #[serde(default)]
    pub deny: Option<Condition>,
    /// `shadow`: the rule is counted and logged when it fires, and the rules after it decide. Default: `enforce`.
    #[serde(default)]
    pub mode: Mode,
    /// The day on which a shadow ends, `yyyy-mm-dd` in UTC; from then on it is enforced. Needed by
    /// `mode: shadow`.
    #[serde(default)]
    pub until: Option<String>,
    /// For how many of a hundred subjects a shadow is enforced already: 0 to 100, always the same
    /// ones; for callers without a verified subject it then is, too. Default: a shadow is enforced
    /// for nobody.
    #[serde(default)]
    pub percent: Option<u8>,
    /// The rules of this set of `rule_sets`, in its place. Sets do not use sets.
    #[serde(default, rename = "use")]
    pub uses: Option<String>,
}

/// A condition. All that is given must hold; at least one must be given. What cannot be told is
/// neither true nor false: it lets nobody through and keeps nobody from being refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Holds for every request. Only `true` can be written.
    #[serde(default)]
    pub always: Option<bool>,
    /// Claims, nested names joined with dots, and what their values must be. A request without a
    /// token, or a token without the claim, does not hold. An object is no value to compare with:
    /// then it cannot be told.
    #[serde(default)]
    pub claims: BTreeMap<String, Texts>,
    /// Scopes that the token must grant, all of them: in `scope`, or in `scp` where there is no
    /// `scope`. Where only they are missing, the answer is 403 with `insufficient_scope` and names
    /// them (RFC 6750 §3.1). Default: none.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Roles of the caller.
    #[serde(default)]
    pub roles: Option<Roles>,
    /// Providers, by name, of which one must have issued the token. A request without a token does
    /// not hold.
    #[serde(default)]
    pub providers: Option<Vec<String>>,
    /// Methods, of which the request must have one.
    #[serde(default)]
    pub methods: Option<Vec<String>>,
    /// Headers of the request, by lower-case name, and what their values must be. Absent: does not
    /// hold. There more than once, or no text: cannot be told.
    #[serde(default)]
    pub headers: BTreeMap<String, Texts>,
    /// Networks (`10.0.0.0/8`, `2001:db8::/32`, or one address) of which one must have the client.
    /// Needs `trusted_client_address: true`. Cannot be told when Envoy does not know the address.
    #[serde(default)]
    pub client_address: Option<Vec<String>>,
    /// Times of day, and days.
    #[serde(default)]
    pub time: Option<TimeOfDay>,
    /// What the decision point must say. Cannot be told when it cannot be asked.
    #[serde(default)]
    pub decision: Option<bool>,
    /// An expression in CEL that must be true; needs `plugin-full.wasm`. What fails in it cannot be
    /// told.
    #[serde(default)]
    pub cel: Option<Cel>,
    /// All of these must hold: false when one is, true when each is, else it cannot be told.
    #[serde(default)]
    pub all: Option<Vec<Condition>>,
    /// One of these must hold: true when one is, false when none is, else it cannot be told.
    #[serde(default)]
    pub any: Option<Vec<Condition>>,
    /// This must not hold. What cannot be told stays so.
    #[serde(default)]
    pub not: Option<Box<Condition>>,
}

/// A condition on roles: exactly one of `any_of` and `all_of`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Holds when the caller has one of these.
    #[serde(default)]
    pub any_of: Option<Vec<String>>,
    /// Holds when the caller has all of these.
    #[serde(default)]
    pub all_of: Option<Vec<String>>,
    /// Where the caller's roles are found.
    pub from: RoleSource,
}

/// What a value must be: exactly one of these. A list alone means `any_of`, a text alone `equals`.
/// A value that is a list is compared member by member.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields, transform = super::schema::or_texts))]
pub struct Texts {
    /// The value is this, and nothing beside it.
    pub equals: Option<String>,
    /// The value is, or contains, one of these.
    pub any_of: Option<Vec<String>>,
    /// The value contains all of these.
    pub all_of: Option<Vec<String>>,
    /// The value, or one in it, begins like this.
    pub prefix: Option<String>,
    /// The value is there (`true`), or is not (`false`), whatever it is.
    pub present: Option<bool>,
}

/// The form with members of [`Texts`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextsMembers {
    #[serde(default)]
    equals: Option<String>,
    #[serde(default)]
    any_of: Option<Vec<String>>,
    #[serde(default)]
    all_of: Option<Vec<String>>,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    present: Option<bool>,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list of texts, or one of equals, any_of, all_of, prefix, present")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts { equals: Some(text.to_owned()), ..Texts::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Texts, A::Error> {
        let any_of = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Texts { any_of: Some(any_of), ..Texts::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Texts, A::Error> {
        let TextsMembers { equals, any_of, all_of, prefix, present } =
            TextsMembers::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Texts { equals, any_of, all_of, prefix, present })
    }
}

/// A time of day, on some days: at least one of the two.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimeOfDay {
    /// From this time on, `hh:mm`. Default: midnight.
    #[serde(default)]
    pub from: Option<String>,
    /// Until before this time, `hh:mm` up to `24:00`. Default: midnight. Before `from`: the next
    /// day, and the whole time counts to the day on which it began.
    #[serde(default)]
    pub until: Option<String>,
    /// Days (`mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`). Default: all.
    #[serde(default)]
    pub days: Option<Vec<String>>,
    /// How far the clock meant is ahead of UTC: `+hh:mm` or `-hh:mm`. Default: UTC. It stays the
    /// same all year.
    #[serde(default)]
    pub offset: Option<String>,
}
