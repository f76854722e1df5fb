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

macro_rules! user {
    ($name:ident, $username:literal, $password:literal, $email:literal, $full:literal, $verified:literal, $roles:expr, $customer:literal) => {
        #[doc = concat!("`", $username, "`")]
        pub const $name: User = User {
            username: $username,
            password: $password,
            email: $email,
            name: $full,
            verified: $verified,
            roles: &$roles,
            customer: $customer,
        };
    };
}

user!(
    UNVERIFIED,
    "testuser-unvrfd",
    "testpass",
    "test.user-unvrfd@example.com",
    "Test User-unvrfd",
    false,
    ["unverified-user"],
    1
);
user!(
    VERIFIED,
    "testuser-vrfd",
    "testpass",
    "test.user-vrfd@example.com",
    "Test User-vrfd",
    true,
    ["verified-user"],
    2
);
user!(USER, "testuser", "testpass", "test.user@example.com", "Test User", true, ["user"], 3);
user!(
    CUSTOMER_MANAGER,
    "testuser-cm",
    "testpass",
    "test.user-cm@example.com",
    "Test User-cm",
    true,
    ["user", "customer-manager"],
    4
);
user!(
    PRODUCT_MANAGER,
    "testuser-pm",
    "testpass",
    "test.user-pm@example.com",
    "Test User-pm",
    true,
    ["user", "product-manager"],
    5
);
user!(
    CATEGORY_MANAGER,
    "testuser-pcm",
    "testpass",
    "test.user-pcm@example.com",
    "Test User-pcm",
    true,
    ["user", "product-category-manager"],
    6
);
user!(
    ADMIN,
    "adminuser",
    "adminpass",
    "admin.user@example.com",
    "Admin User",
    true,
    ["user", "admin"],
    7
);

/// All of them.
pub const USERS: [User; 7] =
    [UNVERIFIED, VERIFIED, USER, CUSTOMER_MANAGER, PRODUCT_MANAGER, CATEGORY_MANAGER, ADMIN];
