//! Entities as rows, in both directions.

use super::sql::{Row, Value};
use super::version::Version;
use crate::entities::{Resource, Role, Subject};

/// A text from outside, for a comparison with stored ones. What comes after a NUL cannot matter
/// to where a page begins: no stored text has one.
pub(super) fn text(text: &str) -> Value {
    text.split('\0').next().unwrap_or_default().into()
}

/// Reads `version, kind, id, properties, roles`.
pub(super) fn subject(mut row: Row) -> Result<(Version, Subject), sqlx::Error> {
    let version = row.version()?;
    let subject =
        Subject { kind: row.text()?, id: row.text()?, properties: row.json()?, roles: row.json()? };
    Ok((version, subject))
}

/// Reads `version, kind, id, properties`.
pub(super) fn resource(mut row: Row) -> Result<(Version, Resource), sqlx::Error> {
    let version = row.version()?;
    Ok((version, Resource { kind: row.text()?, id: row.text()?, properties: row.json()? }))
}

/// Reads `version, name, parents`.
pub(super) fn role(mut row: Row) -> Result<(Version, Role), sqlx::Error> {
    let version = row.version()?;
    let name = row.text()?.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok((version, Role { name, parents: row.json()? }))
}

/// Values for `kind, id, email, properties, roles, version`.
pub(super) fn subject_values(
    subject: &Subject,
    version: Version,
) -> Result<Vec<Value>, sqlx::Error> {
    Ok(vec![
        subject.kind.as_str().into(),
        subject.id.as_str().into(),
        Value::Text(subject.email().map(|email| email.as_str().to_owned())),
        Value::json(&subject.properties)?,
        Value::json(&subject.roles)?,
        version.into(),
    ])
}

/// Values for `kind, id, properties, version`.
pub(super) fn resource_values(
    resource: &Resource,
    version: Version,
) -> Result<Vec<Value>, sqlx::Error> {
    Ok(vec![
        resource.kind.as_str().into(),
        resource.id.as_str().into(),
        Value::json(&resource.properties)?,
        version.into(),
    ])
}

/// Values for `name, parents, version`.
pub(super) fn role_values(role: &Role, version: Version) -> Result<Vec<Value>, sqlx::Error> {
    Ok(vec![role.name.as_str().into(), Value::json(&role.parents)?, version.into()])
}
