//! The reference pipe: the least code that does what the hub promises for one webhook; and the machine's limits.
//!
//! Not here: retries, order per key, fences, attempts, anything a person would look at. That difference is the hub's price.

mod limits;
mod order;
mod pipe;
#[path = "../../pipebench/src/order.rs"]
#[allow(dead_code)] // only the body is needed, not what the referee expects
mod sample;
mod writer;

use std::process::ExitCode;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "\
refpipe serve <port> <database> <target-url> <secret>   the pipe, on 127.0.0.1
refpipe verify <database>                               what the database holds, as JSON
refpipe limits fsync  <directory>                       fdatasync of one 8 kB block
refpipe limits insert <directory>                       inbox row + job row, 1 / 10 / 100 per commit
refpipe limits claim  <directory>                       claim + close of a job, 1 / 25 / 100 per commit
refpipe limits map    <directory>                       the 20-field map, one thread
refpipe limits all    <directory>";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["serve", port, database, target, secret] => pipe::serve(port, database, target, secret),
        ["verify", database] => writer::verify(database),
        ["limits", what, directory] => limits::run(what, directory),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("refpipe: {error}");
            ExitCode::FAILURE
        }
    }
}
