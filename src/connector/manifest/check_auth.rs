//! What the parts of authentication may read.
//!
//! Not here: their shapes (`auth`), everything else of a manifest (`check`, `check_stream`).

use super::auth::{Assertion, Auth, Grant, OAuth2, Session};
use super::check::Checker;
use super::document::Http;
use super::scope;

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
