//! One tab: go somewhere, look, press keys, wait until something is so; not here: what a page must be like.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::chromium::{Link, PATIENCE};

pub struct Tab {
    link: Arc<Link>,
    session: String,
    events: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
}

impl Tab {
    pub(super) async fn open(link: Arc<Link>, session: String, mut from: mpsc::UnboundedReceiver<Value>) -> Tab {
        let events = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let kept = Arc::clone(&events);
        tokio::spawn(async move {
            while let Some(event) = from.recv().await {
                kept.lock().unwrap().push(event);
                counted.send_modify(|n| *n += 1);
            }
        });
        let tab = Tab { link, session, events, count };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            tab.call(&format!("{domain}.enable"), json!({})).await;
        }
        tab
    }

    pub async fn call(&self, method: &str, params: Value) -> Value {
        self.link.call(Some(&self.session), method, params).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn look_like(&self, width: u32, dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        // A colour on its way to another one has no contrast to speak of.
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [scheme, still] })).await;
    }

    pub async fn without_scripts(&self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    pub fn seen(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    pub async fn go(&self, url: &str) {
        let before = self.seen();
        let answer = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        self.loaded_since(before).await;
    }

    /// Waits for a page that something after event `before` has led to.
    pub async fn loaded_since(&self, before: usize) {
        let is_loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        let mut count = self.count.clone();
        let waiting = count.wait_for(|_| self.events.lock().unwrap()[before..].iter().any(is_loaded));
        tokio::time::timeout(PATIENCE, waiting).await.expect("no page was loaded").unwrap();
    }

    /// The value of an expression in the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let answer = self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true })).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits inside the page, which looks again at every change of it and every clock tick of its own.
    pub async fn until(&self, condition: &str) {
        let wait = format!(
            "new Promise((done) => {{ const look = () => ({condition}) ? done(true) : setTimeout(look, 20); look(); }})"
        );
        let end = Instant::now() + PATIENCE;
        loop {
            let params = json!({ "expression": wait, "awaitPromise": true, "returnByValue": true });
            let call = self.link.call(Some(&self.session), "Runtime.evaluate", params);
            match tokio::time::timeout(PATIENCE / 2, call).await {
                Ok(Ok(answer)) if answer["exceptionDetails"].is_null() => return,
                Ok(Ok(answer)) => panic!("{condition}: {answer}"),
                // The page was left while we waited on it: the next one is asked.
                Ok(Err(error)) if Instant::now() < end && error.contains("navigated") => {}
                Ok(Err(error)) => panic!("{condition}: {error}"),
                Err(_) => panic!("never came to: {condition}\n{}", self.eval("document.body.innerText").await),
            }
        }
    }

    pub async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Space" => (32, " "),
            other => panic!("no key {other}"),
        };
        let name = if key == "Space" { " " } else { key };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({ "type": kind, "key": name, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    pub async fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Chooses what the focused list calls by this value, as its keys would.
    pub async fn type_into_select(&self, value: &str) {
        let chosen =
            format!("(document.activeElement.value = {0}) && document.activeElement.value === {0}", json!(value));
        assert_eq!(self.eval(&chosen).await, json!(true), "the list has no {value}");
    }

    /// Presses Tab until the focused element matches a selector, and says what was passed.
    pub async fn tab_to(&self, selector: &str) -> Vec<String> {
        let mut passed = Vec::new();
        for _ in 0..120 {
            self.press("Tab").await;
            let stop = self.eval(FOCUSED).await.as_str().unwrap_or_default().to_owned();
            assert!(stop.starts_with("visible"), "focus cannot be seen: {stop} after {passed:?}");
            passed.push(stop);
            if self.eval(&format!("document.activeElement.matches({})", json!(selector))).await == json!(true) {
                return passed;
            }
        }
        panic!("{selector} cannot be reached by Tab: {passed:?}");
    }

    /// What a person would see in the console, and what could not be fetched; the page's own address may answer `status`.
    pub fn troubles(&self, since: usize, page: &str) -> Vec<String> {
        self.events.lock().unwrap()[since..].iter().filter_map(|event| trouble(event, page)).collect()
    }

    pub async fn screenshot(&self, path: &std::path::Path) {
        let shot = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

const FOCUSED: &str = r#"(() => {
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0
        && box.bottom > 0 && box.top < innerHeight;
    return `${e === document.body || seen ? "visible" : "hidden"} ${e.tagName} ${e.id || e.getAttribute("href") || e.textContent.trim().slice(0, 30)}`;
})()"#;

fn trouble(event: &Value, page: &str) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
        "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "warning" => {
            Some(format!("console: {}", params["args"]))
        }
        // A page that is meant to be an error is an error; nothing else is.
        "Log.entryAdded" if params["entry"]["level"] == "error" && params["entry"]["url"] != page => {
            Some(format!("log: {}", params["entry"]))
        }
        "Network.responseReceived" => {
            let response = &params["response"];
            (response["status"].as_u64()? >= 400 && response["url"] != page)
                .then(|| format!("{} {}", response["status"], response["url"]))
        }
        // The live feed of the page before ends when it is left.
        "Network.loadingFailed" if params["canceled"] != true && params["type"] != "EventSource" => {
            Some(format!("request failed: {params}"))
        }
        _ => None,
    }
}
