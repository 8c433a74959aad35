//! Invented customers whose names and streets try every mapping's patience.
//!
//! Not here: real people; domains are reserved ones.

use super::catalogue::pick;

/// A customer with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: i64,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub street: &'static str,
    pub zip: &'static str,
    pub city: &'static str,
    pub country_code: &'static str,
    pub country: &'static str,
}

impl Person {
    pub fn drawn(rng: &mut fastrand::Rng, id: i64) -> Self {
        let (first_name, last_name) = pick(rng, NAMES).unwrap_or(("Max", "Muster"));
        let place = pick(rng, PLACES).unwrap_or(("Weg 1", "10115", "Berlin", "DE", "Germany"));
        Person {
            id,
            first_name,
            last_name,
            street: place.0,
            zip: place.1,
            city: place.2,
            country_code: place.3,
            country: place.4,
        }
    }

    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// Unique per customer; `revision` changes when the customer corrects it.
    pub fn email(&self, revision: u32) -> String {
        format!("customer{}.{revision}@example.com", self.id)
    }
}

const NAMES: &[(&str, &str)] = &[
    ("Jürgen", "Groß"),
    ("Ana", "Ruiz"),
    ("Zoë", "Ångström"),
    ("Łukasz", "Żółć"),
    ("Siobhán", "O'Neill"),
    ("François", "Lefèvre & Fils"),
    ("Ümit", "Çelik"),
    ("美咲", "佐藤"),
    ("Jean-Luc", "d’Arc"),
    ("Dörte", "von der \"Mühle\""),
    ("José", "Núñez"),
    ("Max", "Muster <Einkauf>"),
];

const PLACES: &[(&str, &str, &str, &str, &str)] = &[
    ("Königstraße 12", "01067", "Dresden", "DE", "Germany"),
    ("Calle Sol 1", "28013", "Madrid", "ES", "Spain"),
    ("Långgatan 3", "411 05", "Göteborg", "SE", "Sweden"),
    ("ul. Żółkiewskiego 7/2", "87-100", "Toruń", "PL", "Poland"),
    ("10, rue de l’Église", "67000", "Strasbourg", "FR", "France"),
    ("神宮前1-2-3", "150-0001", "東京都渋谷区", "JP", "Japan"),
    ("Block 4, Street 21", "13001", "Kuwait City", "KW", "Kuwait"),
];
