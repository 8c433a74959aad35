//! A form that says beside what was typed why it was refused; pure. Not here: what it asks for.

use std::collections::BTreeMap;

use askama::Template;

use crate::api::ApiError;

/// What a form sent.
pub(super) type Typed = BTreeMap<String, String>;

/// What was typed, as long as it is not only blanks.
pub(super) fn given(typed: &Typed, name: &str) -> Option<String> {
    typed.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A form that was refused.
pub(super) struct Tried {
    /// The form's id.
    pub form: String,
    pub typed: Typed,
    pub error: ApiError,
}

impl Tried {
    /// Forms name themselves by `form`, those that are alone by what they do.
    pub(super) fn new(act: &str, typed: Typed, error: ApiError) -> Tried {
        let form = given(&typed, "form").unwrap_or_else(|| act.to_owned());
        Tried { form, typed, error }
    }
}

pub(super) enum Input {
    Line,
    /// Of a few words, wide.
    Area,
    /// Values and what they are called.
    Choice(Vec<(String, String)>),
    /// Any text; these are proposed.
    Proposals(Vec<(String, String)>),
    Check,
    Hidden,
}

pub(super) struct Field {
    pub name: &'static str,
    pub label: String,
    pub value: String,
    pub input: Input,
    pub required: bool,
    pub longest: usize,
    pub placeholder: &'static str,
}

pub(super) fn line(name: &'static str, label: impl Into<String>) -> Field {
    Field {
        name,
        label: label.into(),
        value: String::new(),
        input: Input::Line,
        required: true,
        longest: 2000,
        placeholder: "",
    }
}

pub(super) fn area(name: &'static str, label: impl Into<String>) -> Field {
    Field { input: Input::Area, ..line(name, label) }
}

pub(super) fn hidden(name: &'static str, value: impl Into<String>) -> Field {
    Field { input: Input::Hidden, value: value.into(), ..line(name, "") }
}

pub(super) fn choice(name: &'static str, label: impl Into<String>, choices: Vec<(String, String)>) -> Field {
    Field { input: Input::Choice(choices), ..line(name, label) }
}

pub(super) fn check(name: &'static str, label: impl Into<String>) -> Field {
    Field { input: Input::Check, required: false, ..line(name, label) }
}

impl Field {
    pub(super) fn optional(mut self) -> Field {
        self.required = false;
        self
    }

    pub(super) fn holding(mut self, value: impl Into<String>) -> Field {
        self.value = value.into();
        self
    }

    pub(super) fn like(mut self, placeholder: &'static str) -> Field {
        self.placeholder = placeholder;
        self
    }
}

#[derive(Template)]
#[template(path = "form.html")]
pub(super) struct Form {
    /// Unique on its page.
    pub id: String,
    pub action: String,
    /// What can be folded away has a title.
    pub title: &'static str,
    pub note: String,
    pub fields: Vec<Field>,
    pub button: &'static str,
    pub danger: bool,
    /// The name that a person last gave.
    pub actor: String,
    pub refused: Option<ApiError>,
}

impl Form {
    pub(super) fn new(id: impl Into<String>, action: impl Into<String>, button: &'static str, actor: &str) -> Form {
        Form {
            id: id.into(),
            action: action.into(),
            title: "",
            note: String::new(),
            fields: Vec::new(),
            button,
            danger: false,
            actor: actor.to_owned(),
            refused: None,
        }
    }

    pub(super) fn titled(mut self, title: &'static str) -> Form {
        self.title = title;
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Form {
        self.note = note.into();
        self
    }

    pub(super) fn field(mut self, field: Field) -> Form {
        self.fields.push(field);
        self
    }

    pub(super) fn danger(mut self) -> Form {
        self.danger = true;
        self
    }

    /// With what was typed and why it was refused, if it was this one.
    pub(super) fn after(mut self, tried: Option<&Tried>) -> Form {
        let Some(tried) = tried.filter(|tried| tried.form == self.id) else { return self };
        for field in &mut self.fields {
            match field.input {
                Input::Hidden => {}
                Input::Check => field.value = if tried.typed.contains_key(field.name) { "1" } else { "" }.to_owned(),
                Input::Line | Input::Area | Input::Choice(_) | Input::Proposals(_) => {
                    field.value = tried.typed.get(field.name).cloned().unwrap_or_default();
                }
            }
        }
        self.actor = tried.typed.get("actor").cloned().unwrap_or_default();
        self.refused = Some(tried.error.clone());
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form::new("resolve", "/x/resolve", "Resolve", "ann").field(line("text", "Why")).field(check("force", "Anyway"))
    }

    #[test]
    fn what_was_typed_comes_back_as_text_beside_the_refusal() {
        let typed: Typed =
            [("text", "\"><script>"), ("actor", "bob")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let tried = Tried::new("resolve", typed, ApiError::bad_request("no", "say why"));
        let html = form().after(Some(&tried)).render().unwrap();
        assert!(
            html.contains("role=\"alert\"") && html.contains("say why") && html.contains("value=\"bob\""),
            "{html}"
        );
        assert!(!html.contains("<script>"), "{html}");
        let other = Form { id: "other".to_owned(), ..form() };
        assert!(!other.after(Some(&tried)).render().unwrap().contains("alert"));
    }
}
