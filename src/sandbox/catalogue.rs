//! The articles that all three vendors know, with the awkward ones first.
//!
//! Not here: stock (the ERP's) and levels (the shop's).

/// One article; its position in the catalogue is its number everywhere in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub sku: String,
    /// As the ERP writes it: always expressible in Windows-1252.
    pub description: String,
    pub price_cents: i64,
    /// Per cent times 100, as the ERP writes it: `19,00`.
    pub vat_cents: i64,
    pub active: bool,
    pub product_id: i64,
    pub variant_id: i64,
    pub inventory_item_id: i64,
}

pub const MOST_PRODUCTS: usize = 50;
const FEWEST_PRODUCTS: usize = 12;
const FIRST_PRODUCT_ID: i64 = 7_900_000_000_001;
const FIRST_VARIANT_ID: i64 = 44_000_000_000_001;
const FIRST_INVENTORY_ITEM_ID: i64 = 46_000_000_000_001;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    products: Vec<Product>,
}

impl Catalogue {
    /// The first `count` articles, kept between 12 and 50.
    pub fn new(count: usize) -> Self {
        let count = count.clamp(FEWEST_PRODUCTS, MOST_PRODUCTS);
        Catalogue { products: (0..count).map(product).collect() }
    }

    pub fn products(&self) -> &[Product] {
        &self.products
    }

    pub fn product(&self, index: usize) -> Option<&Product> {
        self.products.get(index)
    }

    pub fn by_sku(&self, sku: &str) -> Option<usize> {
        self.products.iter().position(|product| product.sku == sku)
    }

    pub fn by_inventory_item(&self, id: i64) -> Option<usize> {
        self.products.iter().position(|product| product.inventory_item_id == id)
    }
}

/// A uniform draw; `None` only from an empty list.
pub fn pick<T: Copy>(rng: &mut fastrand::Rng, from: &[T]) -> Option<T> {
    if from.is_empty() { None } else { from.get(rng.usize(0..from.len())).copied() }
}

fn product(index: usize) -> Product {
    let number = index as i64;
    let (sku, description, price_cents, vat_cents) = match AWKWARD.get(index) {
        Some((sku, description, price, vat)) => ((*sku).to_owned(), (*description).to_owned(), *price, *vat),
        None => plain(index),
    };
    Product {
        sku,
        description,
        price_cents,
        vat_cents,
        active: index % 17 != 16,
        product_id: FIRST_PRODUCT_ID + number,
        variant_id: FIRST_VARIANT_ID + number,
        inventory_item_id: FIRST_INVENTORY_ITEM_ID + number,
    }
}

fn plain(index: usize) -> (String, String, i64, i64) {
    let (code, noun) = NOUNS[index % NOUNS.len()];
    let (short, colour) = COLOURS[index / NOUNS.len() % COLOURS.len()];
    let price_cents = 499 + (index as i64) * 370;
    (format!("{code}-{short}-{index:02}"), format!("{noun} {colour}"), price_cents, 1900)
}

const AWKWARD: &[(&str, &str, i64, i64)] = &[
    ("MUG-01", "Becher blau", 950, 1900),
    ("PLATE-02", "Teller \"rund\" 4er", 2400, 1900),
    ("00123", "Größe L", 123_450, 700),
    ("000042", "Käse; gereift, 500 g", 1299, 700),
    ("1E5", "Kabel 5 m – weiß", 799, 1900),
    ("ÖL-07", "Olivenöl €-Aktion", 1149, 700),
    ("A/B 1", "Set „Frühstück“ (2 Größen)", 4990, 1900),
    ("9007199254740993", "Seriennummer groß", 1000, 1900),
];

const NOUNS: &[(&str, &str)] =
    &[("VASE", "Vase"), ("BOWL", "Schüssel"), ("TOWEL", "Geschirrtuch"), ("LAMP", "Lämpchen"), ("TRAY", "Tablett")];

const COLOURS: &[(&str, &str)] = &[
    ("GRN", "grün"),
    ("RED", "rot"),
    ("NAT", "naturweiß"),
    ("BLK", "schwarz"),
    ("YEL", "gelb"),
    ("TRQ", "türkis"),
    ("GRY", "grau"),
    ("PNK", "rosé"),
    ("SIL", "silber"),
    ("GLD", "gold"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn skus_are_distinct_and_descriptions_fit_the_erps_code_page() {
        let catalogue = Catalogue::new(MOST_PRODUCTS);
        let skus: BTreeSet<&str> = catalogue.products().iter().map(|p| p.sku.as_str()).collect();
        assert_eq!(skus.len(), MOST_PRODUCTS);
        for product in catalogue.products() {
            let (_, _, lossy) = encoding_rs::WINDOWS_1252.encode(&product.description);
            assert!(!lossy, "{}", product.description);
        }
    }

    #[test]
    fn the_leading_zero_sku_is_always_there() {
        assert!(Catalogue::new(1).by_sku("00123").is_some());
        assert!(Catalogue::new(1).by_sku("123").is_none());
    }
}
