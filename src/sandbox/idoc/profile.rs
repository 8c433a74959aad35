//! Who talks to whom: logical systems, ports, client, and the sales area and customers that are maintained.
//!
//! Not here: checking a document against it (`order`).

/// The partner profile and the customizing that an order needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub client: &'static str,
    /// The ERP's own logical system and port.
    pub own_system: &'static str,
    pub own_port: &'static str,
    /// The hub's.
    pub partner: &'static str,
    pub partner_port: &'static str,
    pub sales_organization: &'static str,
    pub distribution_channel: &'static str,
    pub division: &'static str,
    pub order_type: &'static str,
    /// With its zeros.
    pub sold_to: &'static str,
    pub plant: &'static str,
    pub storage_location: &'static str,
    pub unit: &'static str,
    /// Condition types of freight (surcharge) and of a discount of a line.
    pub freight: &'static str,
    pub discount: &'static str,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            client: "100",
            own_system: "PRDCLNT100",
            own_port: "SAPPRD",
            partner: "WEBHUB",
            partner_port: "HUB",
            sales_organization: "1010",
            distribution_channel: "10",
            division: "00",
            order_type: "TA",
            sold_to: "0010100001",
            plant: "1010",
            storage_location: "101A",
            unit: "PCE",
            freight: "HD00",
            discount: "RB00",
        }
    }
}
