//! Character encodings a format can declare; nothing is ever guessed.
//!
//! Not here: where decoding happens in the stream (text).

mod code_page;
mod encode;
mod tables;

pub use code_page::CodePage;
pub use encode::{Encoder, Unmappable};

/// The three ways an encoding can work.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Utf8,
    Utf16(ByteOrder),
    SingleByte(&'static CodePage),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The file's byte order mark says; writers choose little-endian.
    ByMark,
    LittleEndian,
    BigEndian,
}

/// A declared encoding. What is not listed is refused by name, with the list, when the format is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// With or without byte order mark.
    #[default]
    Utf8,
    /// Byte order by the byte order mark, which must be there.
    Utf16,
    /// With or without byte order mark.
    Utf16Le,
    /// With or without byte order mark.
    Utf16Be,
    Windows1250,
    Windows1252,
    Iso8859_1,
    Iso8859_2,
    Iso8859_15,
    /// DOS, western Europe.
    Ibm850,
    /// DOS, United States.
    Ibm437,
    /// EBCDIC, United States.
    Ibm037,
    /// EBCDIC, Germany.
    Ibm273,
}

impl Encoding {
    pub const ALL: [Self; 13] = [
        Self::Utf8,
        Self::Utf16,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Windows1250,
        Self::Windows1252,
        Self::Iso8859_1,
        Self::Iso8859_2,
        Self::Iso8859_15,
        Self::Ibm850,
        Self::Ibm437,
        Self::Ibm037,
        Self::Ibm273,
    ];

    /// The encoding's name as formats and messages write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1250 => "windows-1250",
            Self::Windows1252 => "windows-1252",
            Self::Iso8859_1 => "iso-8859-1",
            Self::Iso8859_2 => "iso-8859-2",
            Self::Iso8859_15 => "iso-8859-15",
            Self::Ibm850 => "ibm850",
            Self::Ibm437 => "ibm437",
            Self::Ibm037 => "ibm037",
            Self::Ibm273 => "ibm273",
        }
    }

    /// Finds an encoding by name or usual alias, ignoring case; `None` for anything unsupported.
    pub fn by_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let alias = match name.as_str() {
            "utf8" => "utf-8",
            "utf16" => "utf-16",
            "cp1250" => "windows-1250",
            "cp1252" => "windows-1252",
            "latin1" | "latin-1" => "iso-8859-1",
            "latin2" | "latin-2" => "iso-8859-2",
            "latin9" | "latin-9" => "iso-8859-15",
            "cp850" => "ibm850",
            "cp437" => "ibm437",
            "cp037" | "cp37" => "ibm037",
            "cp273" => "ibm273",
            other => other,
        };
        Self::ALL.into_iter().find(|encoding| encoding.name() == alias)
    }

    /// How bytes and characters relate.
    pub fn form(self) -> Form {
        code_page::form(self)
    }

    /// The byte order mark that writers put first when asked to, empty where the encoding has none.
    pub fn byte_order_mark(self) -> &'static [u8] {
        match self.form() {
            Form::Utf8 => &[0xEF, 0xBB, 0xBF],
            Form::Utf16(ByteOrder::ByMark | ByteOrder::LittleEndian) => &[0xFF, 0xFE],
            Form::Utf16(ByteOrder::BigEndian) => &[0xFE, 0xFF],
            Form::SingleByte(_) => &[],
        }
    }
}
