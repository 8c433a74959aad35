//! Posts a file as a vendor would: with the vendor's signature over its bytes.
//!
//! Not here: what is posted, and in which order (`post.sh`).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Failure;

pub fn run(url: &str, scheme: &str, secret_file: &str, rest: &[&str]) -> Result<(), Failure> {
    let Some((body_file, headers)) = rest.split_last() else { return Err(crate::USAGE.into()) };
    let body = std::fs::read(body_file).map_err(|error| format!("{body_file}: {error}"))?;
    let secret = std::fs::read_to_string(secret_file).map_err(|error| format!("{secret_file}: {error}"))?;
    let mut lines = vec![signature(scheme, secret.trim_end(), &body)?];
    for pair in headers.chunks(2) {
        match pair {
            ["--header", line] => lines.push((*line).to_owned()),
            _ => return Err(crate::USAGE.into()),
        }
    }
    let status = send(url, &lines, &body)?;
    println!("{status}  {body_file}");
    if status == 200 { Ok(()) } else { Err(format!("the hub answered {status}").into()) }
}

fn signature(scheme: &str, secret: &str, body: &[u8]) -> Result<String, Failure> {
    match scheme {
        // The body's HMAC-SHA256 in base64.
        "--shopify" => Ok(format!("X-Shopify-Hmac-Sha256: {}", STANDARD.encode(hmac(secret, &[body])?))),
        // The HMAC-SHA256 of time, dot and body in hexadecimal.
        "--stripe" => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            let signed = hmac(secret, &[format!("{now}.").as_bytes(), body])?;
            Ok(format!("Stripe-Signature: t={now},v1={}", hex::encode(signed)))
        }
        _ => Err(crate::USAGE.into()),
    }
}

fn hmac(secret: &str, parts: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    parts.iter().for_each(|part| mac.update(part));
    Ok(mac.finalize().into_bytes().to_vec())
}

/// One plain HTTP/1.1 exchange; the answer's status.
fn send(url: &str, headers: &[String], body: &[u8]) -> Result<u16, Failure> {
    let (host, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or("not an http:// address")?;
    let mut stream = TcpStream::connect(host).map_err(|error| format!("{host}: {error}; is the hub running?"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = format!("POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|line| request += &format!("{line}\r\n"));
    stream.write_all(&[request.as_bytes(), b"\r\n", body].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).ok_or("an answer that is not HTTP")?;
    Ok(status.parse()?)
}
