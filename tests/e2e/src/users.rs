//! The demo's users, as docs/contract.md has them.
//!
//! Written out here once more on purpose: what the services read must not be able to change what
//! the tests expect.

/// A user of the demo realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub username: &'static str,
    /// Password.
    pub password: &'static str,
    /// `email` in tokens.
    pub email: &'static str,
    /// `name` in tokens.
    pub name: &'static str,
    /// `email_verified` in tokens.
    pub verified: bool,
    /// Roles in the store, in the contract's order.
    pub roles: &'static [&'static str],
    /// The id of their own customer record.
    pub customer: u64,
}

impl User {
    /// Sees every customer.
    #[must_use]
    pub fn manages_customers(&self) -> bool {
        self.roles.contains(&"customer-manager")
    }
}

/// `testuser-unvrfd`
pub const UNVERIFIED: User = User {
    username: "testuser-unvrfd",
    password: "testpass",
    email: "test.user-unvrfd@example.com",
    name: "Test User-unvrfd",
    verified: false,
    roles: &["unverified-user"],
    customer: 1,
};

/// `testuser-vrfd`
pub const VERIFIED: User = User {
    username: "testuser-vrfd",
    password: "testpass",
    email: "test.user-vrfd@example.com",
    name: "Test User-vrfd",
    verified: true,
    roles: &["verified-user"],
    customer: 2,
};

/// `testuser`
pub const USER: User = User {
    username: "testuser",
    password: "testpass",
    email: "test.user@example.com",
    name: "Test User",
    verified: true,
    roles: &["user"],
    customer: 3,
};

/// `testuser-cm`
pub const CUSTOMER_MANAGER: User = User {
    username: "testuser-cm",
    password: "testpass",
    email: "test.user-cm@example.com",
    name: "Test User-cm",
    verified: true,
    roles: &["user", "customer-manager"],
    customer: 4,
};

/// `testuser-pm`
pub const PRODUCT_MANAGER: User = User {
    username: "testuser-pm",
    password: "testpass",
    email: "test.user-pm@example.com",
    name: "Test User-pm",
    verified: true,
    roles: &["user", "product-manager"],
    customer: 5,
};

/// `testuser-pcm`
pub const CATEGORY_MANAGER: User = User {
    username: "testuser-pcm",
    password: "testpass",
    email: "test.user-pcm@example.com",
    name: "Test User-pcm",
    verified: true,
    roles: &["user", "product-category-manager"],
    customer: 6,
};

/// `adminuser`
pub const ADMIN: User = User {
    username: "adminuser",
    password: "adminpass",
    email: "admin.user@example.com",
    name: "Admin User",
    verified: true,
    roles: &["user", "admin"],
    customer: 7,
};

/// All of them.
pub const USERS: [User; 7] =
    [UNVERIFIED, VERIFIED, USER, CUSTOMER_MANAGER, PRODUCT_MANAGER, CATEGORY_MANAGER, ADMIN];
