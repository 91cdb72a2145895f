//! What a person types: a message, or a command after a slash.

use messenger_client::id::{Seq, UserId};

/// The help, one command a line.
pub(crate) const HELP: &[(&str, &str)] = &[
    ("/chat USER", "talk with somebody"),
    ("/group TITLE USERS…", "begin a group (\"long title\")"),
    ("/reply [NR] TEXT", "answer a message, or the last"),
    ("/edit [NR] TEXT", "change a message of yours"),
    ("/react [NR] EMOJI", "set or take a reaction"),
    ("/retract [NR]", "take a message back"),
    ("/members", "who is here and has read"),
    ("/add USERS… /remove USER", "change a group's members"),
    ("/title TEXT /leave", "rename a group, leave it"),
    ("/resend", "send again what failed"),
    ("/list /help /quit", "conversations, this, the end"),
];

/// What a person wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Say(String),
    Chat(UserId),
    Group(String, Vec<UserId>),
    Reply(Option<Seq>, String),
    Edit(Option<Seq>, String),
    React(Option<Seq>, String),
    Retract(Option<Seq>),
    Members,
    Add(Vec<UserId>),
    Remove(UserId),
    Title(String),
    Leave,
    Resend,
    List,
    Help,
    Quit,
}

/// Understands a line; `None` is an empty one.
pub(crate) fn parse(line: &str) -> Result<Option<Command>, String> {
    let Some(rest) = line.strip_prefix('/') else {
        return Ok((!line.is_empty()).then(|| Command::Say(line.to_owned())));
    };
    if let Some(text) = rest.strip_prefix('/') {
        // Two slashes begin a message with one.
        return Ok(Some(Command::Say(format!("/{text}"))));
    }
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let rest = rest.trim();
    let command = match name {
        "chat" | "to" => Command::Chat(user(rest)?),
        "group" => {
            let (title, members) = title(rest)?;
            Command::Group(title, users(members)?)
        }
        "reply" => {
            let (seq, text) = numbered(rest);
            Command::Reply(seq, said(text, "/reply [NR] TEXT")?)
        }
        "edit" => {
            let (seq, text) = numbered(rest);
            Command::Edit(seq, said(text, "/edit [NR] TEXT")?)
        }
        "react" => {
            let (seq, emoji) = numbered(rest);
            Command::React(seq, said(emoji, "/react [NR] EMOJI")?)
        }
        "retract" => Command::Retract(numbered(rest).0),
        "members" => Command::Members,
        "add" => Command::Add(users(rest)?),
        "remove" => Command::Remove(user(rest)?),
        "title" => Command::Title(said(rest, "/title TEXT")?),
        "leave" => Command::Leave,
        "resend" => Command::Resend,
        "list" => Command::List,
        "help" | "?" => Command::Help,
        "quit" | "q" | "exit" => Command::Quit,
        _ => return Err(format!("there is no command /{name}: /help lists them")),
    };
    Ok(Some(command))
}

/// A message's number before the rest, with or without `#`.
fn numbered(rest: &str) -> (Option<Seq>, &str) {
    let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match first.trim_start_matches('#').parse() {
        Ok(seq) => (Some(Seq(seq)), after.trim()),
        Err(_) => (None, rest),
    }
}

/// A title, in quotes or one word, and what comes after.
fn title(rest: &str) -> Result<(String, &str), String> {
    let (title, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted
            .split_once('"')
            .ok_or("the title lacks its second quote")?,
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    Ok((said(title, "/group TITLE USERS…")?, after.trim()))
}

fn users(names: &str) -> Result<Vec<UserId>, String> {
    let names = names.split([' ', ',']).filter(|name| !name.is_empty());
    let users: Vec<UserId> = names.map(user).collect::<Result<_, _>>()?;
    match users.is_empty() {
        true => Err("name at least one user".into()),
        false => Ok(users),
    }
}

fn user(name: &str) -> Result<UserId, String> {
    let name = name.trim_start_matches('@');
    UserId::parse(name).map_err(|error| format!("{name:?}: {error}"))
}

fn said(text: &str, usage: &str) -> Result<String, String> {
    match text.is_empty() {
        true => Err(format!("that is {usage}")),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Vec<UserId> {
        names
            .iter()
            .map(|name| UserId::parse(name).expect("it is one"))
            .collect()
    }

    #[test]
    fn what_begins_without_a_slash_is_a_message() {
        assert_eq!(parse(" hi "), Ok(Some(Command::Say(" hi ".into()))));
        assert_eq!(parse("//hi"), Ok(Some(Command::Say("/hi".into()))));
        assert_eq!(parse(""), Ok(None));
    }

    #[test]
    fn a_title_of_several_words_stands_in_quotes() {
        let group = |title: &str| Ok(Some(Command::Group(title.into(), users(&["ben", "cleo"]))));
        assert_eq!(parse("/group walk ben cleo"), group("walk"));
        assert_eq!(
            parse("/group \"a long walk\" @ben, cleo"),
            group("a long walk")
        );
        assert!(parse("/group walk").is_err());
        assert!(parse("/group \"walk ben").is_err());
    }

    #[test]
    fn a_number_names_the_message() {
        assert_eq!(
            parse("/edit 12 better words"),
            Ok(Some(Command::Edit(Some(Seq(12)), "better words".into())))
        );
        assert_eq!(
            parse("/react #7 👍"),
            Ok(Some(Command::React(Some(Seq(7)), "👍".into())))
        );
        assert_eq!(parse("/retract"), Ok(Some(Command::Retract(None))));
        assert!(parse("/edit 12").is_err());
        assert!(parse("/nothing").is_err());
    }
}
