//! How what the vendor pushes is seen, restored and renewed.
//!
//! Not here: what arrives (`webhook`), when to look (the watchdog).

use std::time::Duration;

use crate::config::yaml::{Context, Decode, Node, Spanned};

use super::list_path::ListPath;
use super::pages::Pages;
use super::references;
use super::request::Request;
use super::time_text::TimeText;
use crate::mapping::expr::{Expression, Path, Template};

#[derive(Debug, Clone)]
pub struct Subscriptions {
    /// Sees `settings` and `page`.
    pub list: Request,
    /// The list of subscriptions in the answer of `list`; `None`: the answer is the list.
    pub records: Option<Spanned<ListPath>>,
    /// How the list goes on: what stands on its second page is not missing.
    pub pages: Pages,
    /// In one subscription; where one is for several topics, a path to all of them.
    pub topic: Spanned<Path>,
    pub url: Spanned<Path>,
    /// What `{id}` of `update` and `renew` stands for.
    pub id: Option<Spanned<Path>>,
    /// What a stream's `topic` is called where subscriptions are made and listed; several topics may share a name.
    pub name: Option<Spanned<Template>>,
    /// Over `subscription`: whether it still brings anything.
    pub active: Option<Spanned<Expression>>,
    pub expires: Option<Expiry>,
    /// How long one is to live: `{until}` of `create` and `renew`.
    pub lives: Option<Duration>,
    /// Sees `topic`, or `topics` where one subscription is for all of them; `url`, `until`.
    pub create: Request,
    /// Adds topics to one that is there; sees `topics` (all that it is for then), `id`, `url`, `until`.
    pub update: Option<Request>,
    /// For one that ends soon or is not active; sees what `update` sees. `None`: another one is created.
    pub renew: Option<Request>,
    pub every: Duration,
}

/// When a subscription ends by itself.
#[derive(Debug, Clone)]
pub struct Expiry {
    /// In one subscription; one without it lives for ever.
    pub field: Spanned<Path>,
    /// How the vendor writes it, where it is not RFC 3339; `{until}` is written so, too.
    pub time: Option<TimeText>,
    /// It is renewed this long before.
    pub ahead: Duration,
}

impl Subscriptions {
    /// Whether one subscription is for all topics.
    pub fn together(&self) -> bool {
        reads(&self.create, "topics")
    }
}

impl Decode for Subscriptions {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "subscriptions")?;
        let (list, records) = (map.required("list"), map.optional("records"));
        let pages = map.or("pages", Pages::Single);
        let (topic, url, id) = (map.required("topic"), map.required("url"), map.optional::<Spanned<Path>>("id"));
        let (name, active) = (map.optional("name"), map.optional("active"));
        let (expires, lives) = (map.optional::<Expiry>("expires"), map.optional::<Duration>("lives"));
        let create: Option<Request> = map.required("create");
        let (update, renew) = (map.optional::<Request>("update"), map.optional::<Request>("renew"));
        let every = map.or("every", Duration::from_secs(900));
        let later = [("update", &update), ("renew", &renew)];
        for (key, request) in later.into_iter().filter_map(|(key, request)| Some((key, request.as_ref()?))) {
            if reads(request, "id") && !map.has("id") {
                map.error(key, "`{id}` stands for nothing", "add `id`: where it is in one subscription");
            }
        }
        let all = [&create, &update, &renew];
        if all.into_iter().flatten().any(|request| reads(request, "until")) && !map.has("lives") {
            map.error("create", "`{until}` stands for nothing", "add `lives`, such as `lives: 3d`");
        }
        if let Some(create) = &create {
            if reads(create, "topic") && reads(create, "topics") {
                let help = "keep `{topic}` (one subscription for each) or `{topics}` (one for all)";
                map.error("create", "a subscription is for one topic or for all", help);
            }
            if map.has("update") && !reads(create, "topics") {
                map.error(
                    "update",
                    "what is for one topic has none to add",
                    "remove it, or let `create` use `{topics}`",
                );
            }
        }
        if map.has("renew") && !map.has("expires") && !map.has("active") {
            map.error("renew", "nothing tells when it is needed", "add `expires` or `active`");
        }
        if let Some(expires) = &expires {
            if expires.ahead <= every {
                map.error("expires", "one could end between two looks", "let `ahead` be longer than `every`");
            }
            if lives.is_some_and(|lives| lives <= expires.ahead) {
                map.error("lives", "each would be renewed as soon as it is made", "let it be longer than `ahead`");
            }
        }
        map.finish();
        let (list, topic, url, create) = (list?, topic?, url?, create?);
        Some(Self { list, records, pages, topic, url, id, name, active, expires, lives, create, update, renew, every })
    }
}

fn reads(request: &Request, root: &str) -> bool {
    references::of_request(request).iter().any(|reference| reference.root == root)
}

impl Decode for Expiry {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "expires")?;
        let (field, time) = (map.required("field"), TimeText::read(&map));
        let ahead = map.or("ahead", Duration::from_secs(24 * 3_600));
        if map.has("zone") && !map.has("format") {
            map.error("zone", "a zone of what?", "add `format`, such as `format: \"%Y-%m-%d %H:%M:%S\"`");
        }
        map.finish();
        Some(Self { field: field?, time, ahead })
    }
}
