//! A statement as written in a manifest: its text, and the named parameters (`:cursor`, `:settings.shop`) that are bound to it.
//!
//! Values are bound, never put into the text: nothing that a record says can become part of a statement.
//! Not here: what the parameters are (`connector::sql`), whether a place has them (`check_sql`).

use super::sql::SqlDriver;

/// One statement with the places of its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter(String),
}

impl Statement {
    /// The error says what is wrong with the text.
    pub fn parse(driver: SqlDriver, text: &str) -> Result<Statement, String> {
        let mut reader = Reader { driver, text, at: 0, pieces: Vec::new(), begun: 0 };
        reader.read()?;
        Ok(Statement { pieces: reader.pieces })
    }

    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The first word, in capitals.
    pub fn verb(&self) -> String {
        let text = self.pieces.iter().find_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Parameter(_) => None,
        });
        let text = without_comments(text.unwrap_or_default());
        let word = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let end = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
        word[..end].to_ascii_uppercase()
    }

    /// The text with the driver's placeholders, and which parameter each one stands for, in their order.
    pub fn placed(&self, driver: SqlDriver) -> (String, Vec<String>) {
        let (mut text, mut names) = (String::new(), Vec::<String>::new());
        for piece in &self.pieces {
            match (piece, driver) {
                (Piece::Text(part), _) => text.push_str(part),
                (Piece::Parameter(name), SqlDriver::Postgres) => {
                    // One number for all uses: the server finds one type for it.
                    let known = names.iter().position(|known| known == name);
                    let at = known.unwrap_or_else(|| {
                        names.push(name.clone());
                        names.len() - 1
                    });
                    text.push_str(&format!("${}", at + 1));
                }
                (Piece::Parameter(name), SqlDriver::Mysql | SqlDriver::Sqlite) => {
                    names.push(name.clone());
                    text.push('?');
                }
            }
        }
        (text, names)
    }
}

struct Reader<'t> {
    driver: SqlDriver,
    text: &'t str,
    at: usize,
    pieces: Vec<Piece>,
    /// Where the text that is not in `pieces` yet begins.
    begun: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn read(&mut self) -> Result<(), String> {
        while let Some(next) = self.rest().chars().next() {
            let rest = self.rest();
            match next {
                '\'' => self.quoted('\'', self.escapes())?,
                '"' => self.quoted('"', self.driver == SqlDriver::Mysql)?,
                '`' => self.quoted('`', false)?,
                '-' if rest.starts_with("--") => self.line_comment(),
                '#' if self.driver == SqlDriver::Mysql => self.line_comment(),
                '/' if rest.starts_with("/*") => self.block_comment()?,
                '$' if self.driver == SqlDriver::Postgres => self.dollar()?,
                '?' if self.driver != SqlDriver::Postgres => {
                    return Err("`?` is not a parameter here; name it: `:key`".to_owned());
                }
                ':' if rest.starts_with("::") || rest.starts_with(":=") => self.at += 2,
                ':' => self.parameter(),
                ';' => return self.last(),
                other => self.at += other.len_utf8(),
            }
        }
        self.flush(self.text.len());
        if self
            .pieces
            .iter()
            .all(|piece| matches!(piece, Piece::Text(text) if without_comments(text).trim().is_empty()))
        {
            return Err("there is no statement".to_owned());
        }
        Ok(())
    }

    /// Whether a backslash in this literal hides the next character.
    fn escapes(&self) -> bool {
        let before = &self.text[..self.at];
        let marked = before.ends_with(['e', 'E'])
            && !before[..before.len() - 1].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        match self.driver {
            SqlDriver::Mysql => true,
            SqlDriver::Postgres => marked,
            SqlDriver::Sqlite => false,
        }
    }

    fn quoted(&mut self, quote: char, escapes: bool) -> Result<(), String> {
        let mut rest = self.rest().char_indices().skip(1).peekable();
        while let Some((at, character)) = rest.next() {
            if escapes && character == '\\' {
                rest.next();
            } else if character == quote {
                // Twice is one of it, inside.
                if rest.peek().is_some_and(|(_, next)| *next == quote) {
                    rest.next();
                    continue;
                }
                self.at += at + quote.len_utf8();
                return Ok(());
            }
        }
        Err(format!("a {quote} is opened and not closed"))
    }

    fn line_comment(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn block_comment(&mut self) -> Result<(), String> {
        let (mut depth, mut at) = (0_u32, 0);
        let rest = self.rest();
        while let Some(next) = rest[at..].chars().next() {
            if rest[at..].starts_with("/*") && (depth == 0 || self.driver == SqlDriver::Postgres) {
                (depth, at) = (depth + 1, at + 2);
            } else if rest[at..].starts_with("*/") {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    self.at += at;
                    return Ok(());
                }
            } else {
                at += next.len_utf8();
            }
        }
        Err("a comment is opened and not closed".to_owned())
    }

    /// `$1` is refused, `$tag$ ... $tag$` is a literal.
    fn dollar(&mut self) -> Result<(), String> {
        let rest = self.rest();
        let before = self.text[..self.at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
            return Ok(());
        }
        let name = rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest.len(), |end| end + 1);
        if !rest[name..].starts_with('$') {
            return Err("`$1` is not a parameter here; name it: `:key`".to_owned());
        }
        let tag = &rest[..=name];
        let end = rest[tag.len()..].find(tag).ok_or_else(|| format!("a {tag} is opened and not closed"))?;
        self.at += end + 2 * tag.len();
        Ok(())
    }

    fn parameter(&mut self) {
        let name = &self.rest()[1..];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            self.at += 1;
            return;
        }
        let mut end = word(name);
        while name[end..].starts_with('.') && name[end + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        {
            end += 1 + word(&name[end + 1..]);
        }
        let name = name[..end].to_owned();
        self.flush(self.at);
        self.at += 1 + name.len();
        self.begun = self.at;
        self.pieces.push(Piece::Parameter(name));
    }

    /// What follows a semicolon would be a second statement.
    fn last(&mut self) -> Result<(), String> {
        if !without_comments(&self.rest()[1..]).trim().is_empty() {
            return Err("there is a second statement after the `;`".to_owned());
        }
        self.flush(self.at);
        self.at = self.text.len();
        self.begun = self.at;
        Ok(())
    }

    fn flush(&mut self, end: usize) {
        if let Some(text) = self.text.get(self.begun..end).filter(|text| !text.is_empty()) {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
        self.begun = end;
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Only for text in which no literal stands before a comment: the beginning and the end of a statement.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest).trim_start();
        } else {
            return rest;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn placed(driver: SqlDriver, text: &str) -> (String, String) {
        let (text, names) = Statement::parse(driver, text).unwrap().placed(driver);
        (text, names.join(" "))
    }

    #[test]
    fn parameters_are_found_where_they_stand_and_nowhere_else() {
        let text = "select a::text, ':no', \":no\", $x$ :no $x$ -- :no\n/* :no */ from t where a > :cursor and b = :settings.shop or a = :cursor";
        let (sql, names) = placed(SqlDriver::Postgres, text);
        assert_eq!(names, "cursor settings.shop");
        assert!(sql.ends_with("where a > $1 and b = $2 or a = $1"), "{sql}");
        assert!(sql.contains("a::text, ':no', \":no\", $x$ :no $x$"), "{sql}");
        assert_eq!(placed(SqlDriver::Postgres, r"select E'\' :no', arr[1:2], :a"), {
            (r"select E'\' :no', arr[1:2], $1".to_owned(), "a".to_owned())
        });
        let mysql = r#"select 'it\'s :no', "x"":no", `:no` # :no
            from t where a = :a and b = :a"#;
        let (sql, names) = placed(SqlDriver::Mysql, mysql);
        assert_eq!(names, "a a");
        assert!(sql.ends_with("where a = ? and b = ?"), "{sql}");
        assert_eq!(placed(SqlDriver::Sqlite, r"select '\', :a"), (r"select '\', ?".to_owned(), "a".to_owned()));
        assert_eq!(placed(SqlDriver::Postgres, "select ';' ; -- done"), ("select ';' ".to_owned(), String::new()));
    }

    #[test]
    fn what_is_not_one_statement_is_refused() {
        let refused = |driver, text: &str| Statement::parse(driver, text).unwrap_err();
        for driver in [SqlDriver::Postgres, SqlDriver::Mysql, SqlDriver::Sqlite] {
            assert!(refused(driver, "select 1; drop table t").contains("second statement"));
            assert!(refused(driver, "select 'a").contains("not closed"));
            assert!(refused(driver, " -- nothing").contains("no statement"));
        }
        assert!(refused(SqlDriver::Postgres, "select $1").contains("`$1`"));
        assert!(refused(SqlDriver::Sqlite, "select ?").contains("`?`"));
        assert!(refused(SqlDriver::Sqlite, r"select '\'; drop table t; --'").contains("second statement"));
    }

    #[test]
    fn the_verb_is_the_first_word() {
        let verb = |text: &str| Statement::parse(SqlDriver::Postgres, text).unwrap().verb();
        assert_eq!(verb("-- why\n (select 1)"), "SELECT");
        assert_eq!(verb("with x as (select 1) select 1"), "WITH");
        assert_eq!(verb("delete from t where a = :a"), "DELETE");
    }
}
