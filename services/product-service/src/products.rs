//! The demo's three products.
//!
//! Fixed for the life of the process; never written to. A price is text, so that no client reads
//! it as a binary fraction.

use serde::Serialize;

/// One product, as clients see it.
#[derive(Serialize)]
pub(crate) struct Product {
    id: i64,
    name: &'static str,
    description: &'static str,
    price: &'static str,
    category: &'static str,
    stock_quantity: u32,
    created_at: String,
}

/// All products.
pub(crate) struct Products(Vec<Product>);

impl Products {
    /// The products of docs/contract.md, created now.
    pub(crate) fn demo() -> Self {
        let created_at = claimgate_demo_server::now();
        let product = |(id, name, description, price, category, stock_quantity)| Product {
            id,
            name,
            description,
            price,
            category,
            stock_quantity,
            created_at: created_at.clone(),
        };
        Self(DEMO.into_iter().map(product).collect())
    }

    pub(crate) fn all(&self) -> &[Product] {
        &self.0
    }

    pub(crate) fn with_id(&self, id: i64) -> Option<&Product> {
        self.0.iter().find(|product| product.id == id)
    }

    /// Case of the ASCII letters does not matter.
    pub(crate) fn in_category(&self, name: &str) -> impl Iterator<Item = &Product> {
        self.0.iter().filter(move |product| product.category.eq_ignore_ascii_case(name))
    }
}

type Row = (i64, &'static str, &'static str, &'static str, &'static str, u32);

/// id, name, description, price, category, stock
const DEMO: [Row; 3] = [
    (1, "Laptop", "High-performance laptop for professionals", "999.99", "Electronics", 50),
    (2, "Smartphone", "Latest smartphone with advanced features", "699.99", "Electronics", 100),
    (3, "Coffee Maker", "Automatic coffee maker with timer", "89.99", "Appliances", 25),
];
