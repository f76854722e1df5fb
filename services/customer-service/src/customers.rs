//! The demo's seven customers, and whose record each of them is.
//!
//! Fixed for the life of the process; never written to.

use serde::Serialize;

/// One record, as clients see it.
#[derive(Serialize)]
pub(crate) struct Customer {
    id: i64,
    name: &'static str,
    email: &'static str,
    phone: &'static str,
    created_at: String,
    /// Whether the owner showed that `email` is theirs. Not shown to clients.
    #[serde(skip)]
    email_verified: bool,
}

impl Customer {
    /// Own means: the same address, and as well proven as the record's. Whoever signs up with
    /// somebody else's address has it unverified, so an unverified caller must not get the record
    /// of an address that its owner verified (the roles of the authorization service follow the
    /// same rule). Refusing unverified callers everything would be simpler, but would take their
    /// own record from customers who have not confirmed their address yet. What remains is that
    /// two people can claim an address that neither has verified; identity providers allow one
    /// account for each address.
    pub(crate) fn belongs_to(&self, email: &str, email_verified: bool) -> bool {
        self.email.eq_ignore_ascii_case(email) && (email_verified || !self.email_verified)
    }
}

/// All records.
pub(crate) struct Customers(Vec<Customer>);

impl Customers {
    /// The records of docs/contract.md, created now.
    pub(crate) fn demo() -> Self {
        let created_at = claimgate_demo_server::now();
        let record = |(id, name, email, phone, email_verified)| Customer {
            id,
            name,
            email,
            phone,
            created_at: created_at.clone(),
            email_verified,
        };
        Self(DEMO.into_iter().map(record).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Customer> {
        self.0.iter()
    }

    pub(crate) fn with_id(&self, id: i64) -> Option<&Customer> {
        self.iter().find(|customer| customer.id == id)
    }
}

/// id, name, e-mail, phone, e-mail verified
const DEMO: [(i64, &str, &str, &str, bool); 7] = [
    (1, "Test User-unvrfd", "test.user-unvrfd@example.com", "+1234567891", false),
    (2, "Test User-vrfd", "test.user-vrfd@example.com", "+1234567892", true),
    (3, "Test User", "test.user@example.com", "+1234567893", true),
    (4, "Test User-cm", "test.user-cm@example.com", "+1234567894", true),
    (5, "Test User-pm", "test.user-pm@example.com", "+1234567895", true),
    (6, "Test User-pcm", "test.user-pcm@example.com", "+1234567896", true),
    (7, "Admin User", "admin.user@example.com", "+1234567897", true),
];
