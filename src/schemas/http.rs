//! What a manifest says about HTTP: requests, authentication, limits, errors, pages, cursors.
//!
//! Not here: streams (`stream`), the whole manifest (`manifest`).

use super::shape::Shape::{Any, Duration, Either, Flag, List, Named, Of, Percent, Text, Whole, Words};
use super::shape::{Body, CLASS, Definition, FIELDS, Key, ONE_OR_MANY, TEXTS, key, map, must, variant, words};
use crate::connector::manifest::{
    Algorithm, AssertionPlace, ClientAuth, CursorKind, ReadOrder, ResetUnit, SoapVersion,
};

/// One line says method and path; a body at most once.
pub(super) static REQUEST_KEYS: &[Key] = &[
    key("get", Text, "GET this path; it is appended to http.base_url"),
    key("head", Text, "HEAD this path"),
    key("post", Text, "POST to this path"),
    key("put", Text, "PUT to this path"),
    key("patch", Text, "PATCH this path"),
    key("delete", Text, "DELETE this path"),
    key("query", FIELDS, "Query parameters; a name ending in `?` is left out when its value comes out empty"),
    key("headers", FIELDS, "Headers; a name ending in `?` is left out when its value comes out empty"),
    key("json", Any, "A JSON body; a value that is one single {expression} keeps its type"),
    key("json_lines", Any, "A list, one line of JSON for each item"),
    key("form", FIELDS, "A form's fields"),
    key("graphql", Of(&GRAPHQL), "A GraphQL call"),
    key("xml", XML, "An XML body: text, or elements by name; \"@name\" is an attribute, \"#text\" text beside them"),
    key("soap", Of(&SOAP), "A SOAP call"),
    key("json_rpc", Of(&JSON_RPC), "A JSON-RPC 2.0 call"),
    key("xml_rpc", Of(&XML_RPC), "An XML-RPC call"),
    key("multipart", Named(&Either(&[Text, Of(&PART)])), "Parts of multipart/form-data"),
    key(
        "success",
        Text,
        "Over status, headers, body: what an accepted answer must say; takes the place of http.success",
    ),
    key("errors", List(&Of(&ERROR_RULE)), "Asked before http.errors; the first match wins"),
    key("cost", Whole, "Points of the rate budget, where calls do not cost alike"),
];

/// Text with values in it, or elements by name.
const XML: super::shape::Shape = Either(&[Text, Named(&Any)]);

pub(super) static REQUEST: Definition = map(
    "request",
    "One HTTP request as a template: a line with method and path, and what goes with it.",
    &[REQUEST_KEYS],
);

static GRAPHQL: Definition = map(
    "graphql",
    "A GraphQL call; its failures are failures whatever the status.",
    &[&[
        must("query", Text, "The query as it is; its braces are GraphQL's"),
        key("variables", Named(&Any), "Values travel as variables"),
    ]],
);
static SOAP: Definition = map(
    "soap",
    "A SOAP call; the engine writes the envelope.",
    &[&[
        key("version", Words(words::<SoapVersion>), "1.1 unless it is said"),
        key("action", Text, "Of version 1.1 the header SOAPAction, of 1.2 a parameter of the content type"),
        must("content", XML, "The content of soap:Body"),
    ]],
);
static JSON_RPC: Definition = map(
    "json_rpc",
    "A JSON-RPC 2.0 call; every call has an id of its own.",
    &[&[must("method", Text, "The method"), key("params", Any, "A list or an object")]],
);
static XML_RPC: Definition = map(
    "xml_rpc",
    "An XML-RPC call.",
    &[&[must("method", Text, "The method"), key("params", List(&Any), "Parameters in their order")]],
);
static PART: Definition = map(
    "part",
    "One part of a multipart body.",
    &[&[
        key("text", Text, "Its text"),
        key("base64", Text, "Text in base64 whose bytes are sent"),
        key("filename", Text, "A file's name"),
        key("type", Text, "Its media type"),
    ]],
);

pub(super) static HTTP: Definition = map(
    "http",
    "What all requests of the connector share; templates see `settings`.",
    &[&[
        must("base_url", Text, "Where all paths begin: https://, or a setting of format url"),
        key("auth", Either(&[Of(&AUTH), Of(&AUTH_CHOICE)]), "How requests prove who they are"),
        key("csrf", Of(&CSRF), "A token against forged requests that every change carries"),
        key("tls", Of(&TLS), "What the TLS handshake needs beyond the public authorities"),
        key("signature", Of(&SIGNATURE), "A signature over everything that is sent with a body"),
        key("headers", FIELDS, "Headers of every request"),
        key("rate_limit", Of(&RATE_LIMIT), "How fast the vendor lets us ask; one budget for the connection"),
        key(
            "errors",
            List(&Of(&ERROR_RULE)),
            "From answers to error classes; the first match wins, the engine's table covers the rest",
        ),
        key(
            "success",
            Text,
            "Over status, headers, body: what an accepted answer must say to count, where the status does not tell",
        ),
        key("wrappers", List(&Of(&WRAPPER)), "Values that the vendor dresses in objects of their own"),
        key("timeouts", Of(&TIMEOUTS), "How long to wait"),
        key("body_cap", super::shape::Shape::Size, "A larger answer is refused while it arrives"),
    ]],
);

static OAUTH2: &[Key] = &[
    must("token_url", Text, "Where tokens are made"),
    key("scopes", TEXTS, "What is asked for"),
    key("client_auth", Words(words::<ClientAuth>), "Where client id and secret go in the token request"),
    key("extra", FIELDS, "Further form fields of the token request"),
    key("lifetime", Duration, "How long a token lives where the answer does not say"),
];

static AUTH: Definition = Definition {
    name: "auth",
    doc: "How requests prove who they are.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "The way of logging in",
        default: None,
        shared: &[],
        variants: &[
            variant("none", "Nothing", &[]),
            variant("header", "A header", &[&[must("name", Text, "The header"), must("value", Text, "Its value")]]),
            variant(
                "query",
                "A query parameter",
                &[&[must("name", Text, "The parameter"), must("value", Text, "Its value")]],
            ),
            variant(
                "basic",
                "HTTP basic",
                &[&[must("username", Text, "User name"), must("password", Text, "Password")]],
            ),
            variant("bearer", "A bearer token", &[&[must("token", Text, "The token")]]),
            variant(
                "oauth2_client_credentials",
                "RFC 6749, 4.4",
                &[OAUTH2, &[must("client_id", Text, "Client id"), must("client_secret", Text, "Client secret")]],
            ),
            variant(
                "oauth2_refresh",
                "RFC 6749, 6; a rotated token is kept before it is used",
                &[
                    OAUTH2,
                    &[
                        must("client_id", Text, "Client id"),
                        key("client_secret", Text, "Client secret"),
                        must("refresh_token", Text, "The first one, from a person's consent"),
                    ],
                ],
            ),
            variant(
                "oauth2_jwt_bearer",
                "RFC 7523",
                &[
                    OAUTH2,
                    &[
                        key("client_id", Text, "Client id"),
                        key("client_secret", Text, "Client secret"),
                        must("algorithm", Words(words::<Algorithm>), "How the assertion is signed"),
                        must("key", Text, "A private key in PEM"),
                        must("issuer", Text, "iss"),
                        key("assertion", Words(words::<AssertionPlace>), "What it stands for"),
                        key("key_id", Text, "kid"),
                        key("subject", Text, "sub"),
                        key("audience", Text, "aud; absent: the token address"),
                        key("claims", FIELDS, "Further claims"),
                        key("valid_for", Duration, "At most 1h"),
                    ],
                ],
            ),
            variant(
                "oauth1",
                "OAuth 1.0a with HMAC-SHA256 (RFC 5849)",
                &[&[
                    must("consumer_key", Text, "Consumer key"),
                    must("consumer_secret", Text, "Consumer secret"),
                    key("token", Text, "Token"),
                    key("token_secret", Text, "Token secret"),
                    key("realm", Text, "Sent, not signed"),
                    key("send_version", Flag, "Whether oauth_version is sent"),
                ]],
            ),
            variant(
                "session",
                "A request that logs in; what it answers goes with every call",
                &[&[
                    must("login", Of(&REQUEST), "The log-in"),
                    key("token", Text, "Over the answer's body and headers"),
                    key("header", Text, "The header that carries the token"),
                    key("value", Text, "Over `token`"),
                    key("cookies", Flag, "Whether the cookies of the log-in go with every call"),
                    key("lifetime", Duration, "How long it lives"),
                    key("expired", Text, "Answers besides a 401 that say that the session is over"),
                ]],
            ),
        ],
    },
};

static AUTH_CHOICE: Definition = map(
    "auth_choice",
    "Several ways of logging in; settings that only one of them reads are asked for only with it.",
    &[&[
        must("choose", Text, "{settings.<name>}: a setting of type enum, each value of which is a way"),
        must("ways", Named(&Of(&AUTH)), "Value to way"),
    ]],
);

static SIGNATURE: Definition = Definition {
    name: "signature",
    doc: "A signature over every request that carries a body.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "How it is signed",
        default: None,
        shared: &[],
        variants: &[variant(
            "standard_webhooks",
            "Standard Webhooks 1.0.0",
            &[&[
                must("secrets", TEXTS, "One or two; empty ones are skipped"),
                must("id", Text, "webhook-id: the same on every retry"),
            ]],
        )],
    },
};

static CSRF: Definition = map(
    "csrf",
    "A token against forged requests.",
    &[&[
        must("fetch", Of(&REQUEST), "The read that fetches it"),
        key("header", Text, "The header that carries it; else X-CSRF-Token"),
    ]],
);
static TLS: Definition = map(
    "tls",
    "Certificates of the handshake, in PEM.",
    &[&[
        key("certificate", Text, "A client certificate with its chain"),
        key("key", Text, "Its key"),
        key("authority", Text, "The authority of the server's certificate, where it is a private one"),
    ]],
);
static TIMEOUTS: Definition = map(
    "timeouts",
    "How long to wait.",
    &[&[
        key("connect", Duration, "For a connection"),
        key("request", Duration, "From the first byte sent to the last received"),
    ]],
);

pub(super) static RATE_LIMIT: Definition = Definition {
    name: "rate_limit",
    doc: "How fast the vendor lets us ask.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "How the vendor counts",
        default: None,
        shared: &[&[
            key("concurrency", Whole, "Requests in flight at once"),
            key("keep_free", Percent, "The part of the budget that is left to people"),
        ]],
        variants: &[
            variant("none", "No budget", &[]),
            variant(
                "leaky_bucket",
                "A bucket that empties steadily",
                &[&[
                    must("size", Whole, "Calls that fit"),
                    must("leak_per_s", Whole, "Calls a second that flow off"),
                    key("usage_header", Text, "Holds used/size after each answer"),
                ]],
            ),
            variant(
                "fixed_window",
                "So many in each window",
                &[&[
                    must("requests", Whole, "How many"),
                    must("per", Duration, "The window"),
                    key("remaining_header", Text, "What is left"),
                    key("reset_header", Text, "When the next window begins"),
                    key("reset_header_unit", Words(words::<ResetUnit>), "What it counts in"),
                ]],
            ),
            variant(
                "sliding_window",
                "So many in any such time",
                &[&[
                    must("requests", Whole, "How many"),
                    must("per", Duration, "In any such time"),
                    key("remaining_header", Text, "What is left"),
                ]],
            ),
            variant(
                "cost",
                "Points of which calls cost unequal numbers",
                &[&[
                    must("size", Whole, "Points"),
                    must("restore_per_s", Whole, "Points a second that come back"),
                    key("cost", Whole, "Of a call that does not say"),
                    key("left", Text, "What is left, in the answer"),
                    key("maximum", Text, "The size, in the answer"),
                    key("restore", Text, "How fast it comes back, in the answer"),
                ]],
            ),
        ],
    },
};

/// Either a class, or a code that decides.
pub(super) static CLASS_KEYS: &[Key] = &[
    key("class", CLASS, "What it means"),
    key("code", Text, "The vendor's own code, in the answer"),
    key("classes", Named(&CLASS), "Code to class"),
];
static ERROR_RULE: Definition = map(
    "error_rule",
    "All conditions that are given must hold.",
    &[
        &[
            key("status", ONE_OR_MANY, "422, 4xx, 500-599, or a list"),
            key("header", Of(&HEADER_CONDITION), "A header"),
            key("when", Text, "Over status, headers, body"),
            key("retry_after", Text, "Seconds to wait, for vendors that say it in the body"),
            key("message", Text, "The vendor's own words for the person who reads the issue"),
        ],
        CLASS_KEYS,
    ],
);
static HEADER_CONDITION: Definition = map(
    "header_condition",
    "A header that must be there.",
    &[&[must("name", Text, "Its name"), key("equals", Text, "Its value; absent: any")]],
);
static WRAPPER: Definition = map(
    "wrapper",
    "An object that stands for a value.",
    &[&[
        must("tag", Text, "The member that marks it"),
        key("is", Text, "What the mark says; absent: anything"),
        key("value", Text, "The member that holds the value"),
        key("write", TEXTS, "Paths of what is dressed when it is written"),
    ]],
);

static SIZED: &[Key] = &[
    key("param", Text, "The query parameter; absent: the request says itself where {page} goes"),
    key("size_param", Text, "The parameter that says how many"),
    must("size", Whole, "A page with fewer records is the last"),
];
pub(super) static PAGES: Definition = Definition {
    name: "pages",
    doc: "How a list goes on after its first page.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "The way of paging",
        default: None,
        shared: &[],
        variants: &[
            variant("single", "The first page is all there is", &[]),
            variant("link_header", "Link: <url>; rel=\"next\"", &[]),
            variant(
                "link_relation",
                "A list of links in the body, each with what it leads to",
                &[&[
                    must("path", Text, "Where the list is"),
                    key("relation", Text, "What the link to the next page is called; else next"),
                    key("name", Text, "The member of a link that says so; else rel"),
                    key("href", Text, "The member that holds the address; else href"),
                ]],
            ),
            variant("next_url", "The next page's address in the body", &[&[must("path", Text, "Where it is")]]),
            variant(
                "cursor_token",
                "A token in the body goes into a parameter",
                &[&[
                    must("path", Text, "Where it is"),
                    key("param", Text, "The query parameter; absent: the request says itself where {page} goes"),
                ]],
            ),
            variant(
                "graphql",
                "pageInfo { hasNextPage endCursor }",
                &[&[
                    must("page_info", Text, "Where it is"),
                    must("variable", Text, "The variable that takes endCursor"),
                ]],
            ),
            variant(
                "page_number",
                "Pages are counted",
                &[
                    SIZED,
                    &[
                        key("start", Whole, "The first page's number"),
                        key("total_pages", Text, "Where the body says how many pages there are"),
                        key("total_records", Text, "Where the body says how many records there are"),
                    ],
                ],
            ),
            variant("offset", "Records are counted", &[SIZED]),
            variant(
                "last_id",
                "From the last record's id",
                &[&[
                    key("param", Text, "The query parameter; absent: the request says itself where {page} goes"),
                    must("id", Text, "The id, in a record"),
                    key("has_more", Text, "Ends when this is false; absent: at an empty page"),
                ]],
            ),
            variant(
                "keyset",
                "From several values of the last record",
                &[&[
                    must("values", Named(&Text), "Name to path in a record: {page.<name>} in the request"),
                    key("has_more", Text, "Ends when this is false; absent: at an empty page"),
                ]],
            ),
        ],
    },
};

pub(super) static CURSOR: Definition = map(
    "cursor",
    "What the next read starts from: {cursor} in the request.",
    &[&[
        must("kind", Words(words::<CursorKind>), "What it is"),
        key("field", Text, "Where it is in a record; for token and delta_link in the body"),
        key("start", Text, "The value of the first read"),
        key("overlap", Duration, "Read again this far back; only for time and unix"),
        key("format", Text, "How the vendor writes the time; absent: RFC 3339"),
        key("send_as", Text, "How it wants to be asked, where that differs from `format`"),
        key("zone", Text, "Whose local time a pattern without an offset means"),
        key("gap_wait", Duration, "Only for id: how long a missing number may still appear"),
        key("deletions", Percent, "Only for snapshot: at most this share may be missing and count as deleted"),
    ]],
);

pub(super) static READ_KEYS: &[Key] = &[
    must("request", Of(&REQUEST), "The list; sees `settings` and `cursor`"),
    key("records", Text, "Where the list is in the body; absent: the body is the list"),
    key("as_webhook", Flag, "Each record is a webhook's body"),
    key("pages", Of(&PAGES), "How the list goes on"),
    key("order", Words(words::<ReadOrder>), "The order in which the list comes"),
    must("cursor", Of(&CURSOR), "What the next read starts from"),
    key("window", Duration, "The longest range that one request may ask for: {cursor} to {until}"),
    key("every", Duration, "How often"),
];

pub(super) static GET: Definition = map(
    "get",
    "One record by its {key}; a 404 means that it does not exist.",
    &[REQUEST_KEYS, &[key("record", Text, "Where the record is in the body; absent: the body is the record")]],
);
pub(super) static CHILDREN: Definition = map(
    "children",
    "What belongs to a record and is read by requests of its own.",
    &[
        REQUEST_KEYS,
        &[
            key("records", Text, "Where the list is; absent: the body is the list"),
            must("as", Text, "The parent's member that holds them"),
            key("when", Text, "Over `parent`: whether it has any"),
            key("pages", Of(&PAGES), "How the list goes on"),
        ],
    ],
);
pub(super) static ENRICH: Definition = map(
    "enrich",
    "What the list leaves out, read by {ids} and joined in.",
    &[
        REQUEST_KEYS,
        &[
            key("records", Text, "Where the list is"),
            must("id", Text, "The id, in an element of the answer"),
            must("by", Text, "What it equals, in the record"),
            must("as", Text, "The record's member that gets the element"),
            key("batch", Whole, "Ids per request"),
        ],
    ],
);
pub(super) static HINT: Definition = map(
    "hint",
    "Another list whose records name records of this stream to read again.",
    &[READ_KEYS, &[must("key", Text, "Over the hint's `record`: the key in this stream")]],
);
