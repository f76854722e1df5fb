//! Just enough of Redis's protocol (RESP2) to look into a stack's cache.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::SOON;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `+OK` and the like, or a bulk string.
    Text(String),
    /// A number.
    Number(i64),
    /// There is no such thing.
    Nothing,
    /// A list.
    List(Vec<Answer>),
}

/// Sends one command; panics when the server refuses it or does not answer in time.
#[must_use]
pub fn command(server: SocketAddr, words: &[&str]) -> Answer {
    let mut stream = TcpStream::connect_timeout(&server, SOON).expect("a Redis");
    stream.set_read_timeout(Some(SOON)).expect("a socket takes a timeout");
    let words_sent = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let sent = format!("*{}\r\n{}", words.len(), words_sent.collect::<String>());
    stream.write_all(sent.as_bytes()).expect("a Redis that reads");
    read(&mut BufReader::new(stream))
}

fn read(from: &mut BufReader<TcpStream>) -> Answer {
    let mut line = String::new();
    from.read_line(&mut line).expect("a Redis that answers");
    let (kind, rest) = line.trim_end().split_at(1);
    let number = || rest.parse::<i64>().expect("a number");
    match kind {
        "+" => Answer::Text(rest.to_owned()),
        ":" => Answer::Number(number()),
        "$" | "*" if number() < 0 => Answer::Nothing,
        "$" => {
            let mut bytes = vec![0; usize::try_from(number()).expect("a length") + 2];
            from.read_exact(&mut bytes).expect("a whole string");
            bytes.truncate(bytes.len() - 2);
            Answer::Text(String::from_utf8(bytes).expect("text"))
        }
        "*" => Answer::List((0..number()).map(|_| read(from)).collect()),
        _ => panic!("Redis says {line:?}"),
    }
}
