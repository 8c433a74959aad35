//! One word for each variant, the same in the database, the API and the pages; not here: what the variants mean.

/// Writes `ALL`, `as_str`, `parse` and `Display` of an enum from one table of words.
macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant),+];
            pub fn as_str(self) -> &'static str { match self { $($type::$variant => $word),+ } }
            pub fn parse(word: &str) -> Option<$type> { match word { $($word => Some($type::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
pub(super) use words;
