//! What the parts of authentication may read.
//!
//! Not here: their shapes (`auth`), everything else of a manifest (`check`, `check_stream`).

use super::auth::{Assertion, Auth, Grant, OAuth2, Session};
use super::auth_choice::AuthChoice;
use super::check::Checker;
use super::document::Http;
use super::scope;
use super::settings::SettingKind;
use crate::config::yaml::suggest;

impl Checker<'_> {
    pub(super) fn auth(&self, auth: &Auth) {
        match auth {
            Auth::None => {}
            Auth::Header { value, .. } | Auth::Query { value, .. } => self.template(Some(value), scope::CREDENTIALS),
            Auth::Basic { username, password } => {
                self.template(Some(username), scope::CREDENTIALS);
                self.template(Some(password), scope::CREDENTIALS);
            }
            Auth::Bearer { token } => self.template(Some(token), scope::CREDENTIALS),
            Auth::OAuth2(oauth) => self.oauth2(oauth),
            Auth::OAuth1(oauth) => {
                self.template(Some(&oauth.consumer_key), scope::CREDENTIALS);
                self.template(Some(&oauth.consumer_secret), scope::CREDENTIALS);
                self.template(oauth.token.as_ref(), scope::CREDENTIALS);
                self.template(oauth.token_secret.as_ref(), scope::CREDENTIALS);
                self.template(oauth.realm.as_ref(), scope::CREDENTIALS);
            }
            Auth::Session(session) => self.session(session),
            Auth::Choose(choice) => self.choice(choice),
        }
    }

    /// Every value of the setting has a way, and every way a value.
    fn choice(&self, choice: &AuthChoice) {
        self.template(Some(&choice.choose), scope::CONNECTION);
        choice.ways.iter().for_each(|(_, way)| self.auth(way));
        let place = &choice.choose.place;
        let Some(name) = choice.setting() else {
            let help = "write `choose: \"{settings.login}\"`, a setting of `type: enum`";
            return self.error(place, "what chooses the way of logging in is not one setting", help);
        };
        let Some(setting) = self.manifest.setting(name) else { return };
        let SettingKind::Enum { values } = &setting.kind else {
            let help = "give it `type: enum` with the ways as `values`";
            return self.error(&setting.name.place, format!("setting `{name}` chooses a way and is not an enum"), help);
        };
        let ways: Vec<&str> = choice.ways.iter().map(|(way, _)| way.as_str()).collect();
        for value in values.iter().filter(|value| !ways.contains(&value.as_str())) {
            self.error(
                place,
                format!("no way is named `{value}`, which setting `{name}` may be"),
                suggest(value, &ways),
            );
        }
        let known: Vec<&str> = values.iter().map(String::as_str).collect();
        for (way, _) in choice.ways.iter().filter(|(way, _)| !known.contains(&way.as_str())) {
            self.error(&way.place, format!("setting `{name}` is never `{}`", **way), suggest(way, &known));
        }
        let order = |wanted: &str| self.manifest.settings.iter().position(|setting| *setting.name == wanted);
        for late in self.manifest.settings.iter().filter(|setting| setting.only_when.is_some()) {
            if order(&late.name) < order(name) {
                let message =
                    format!("whether `{}` is asked for depends on setting `{name}`, which comes after it", *late.name);
                self.error(&setting.name.place, message, "move it up");
            }
        }
    }

    fn oauth2(&self, oauth: &OAuth2) {
        self.template(Some(&oauth.token_url), scope::CONNECTION);
        self.template(oauth.client_id.as_ref(), scope::CREDENTIALS);
        self.template(oauth.client_secret.as_ref(), scope::CREDENTIALS);
        self.fields(&oauth.extra, scope::CREDENTIALS);
        match &oauth.grant {
            Grant::ClientCredentials => {}
            Grant::RefreshToken { token } => self.template(Some(token), scope::CREDENTIALS),
            Grant::Assertion(assertion) => self.assertion(assertion),
        }
    }

    fn assertion(&self, assertion: &Assertion) {
        self.template(Some(&assertion.key), scope::CREDENTIALS);
        self.template(assertion.key_id.as_ref(), scope::CREDENTIALS);
        self.template(Some(&assertion.issuer), scope::CREDENTIALS);
        self.template(assertion.subject.as_ref(), scope::CREDENTIALS);
        self.template(assertion.audience.as_ref(), scope::CONNECTION);
        self.fields(&assertion.claims, scope::CREDENTIALS);
    }

    fn session(&self, session: &Session) {
        self.request(&session.login, scope::LOGIN, &[]);
        self.template(session.token.as_ref(), scope::ANSWER);
        self.template(session.value.as_ref(), scope::SESSION);
        self.expression(session.expired.as_ref(), scope::SUCCESS);
    }

    pub(super) fn csrf_and_tls(&self, http: &Http) {
        if let Some(csrf) = &http.csrf {
            self.request(&csrf.fetch, scope::LOGIN, &[]);
        }
        if let Some(tls) = &http.tls {
            self.template(tls.certificate.as_ref(), scope::CREDENTIALS);
            self.template(tls.key.as_ref(), scope::CREDENTIALS);
            self.template(tls.authority.as_ref(), scope::CREDENTIALS);
        }
    }
}
