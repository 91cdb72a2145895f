//! The fleet against a WebSocket server of another make.

use std::net::TcpListener;
use std::thread;

use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{Message, ServerBuilder};

use super::*;
use crate::relay::head::{Head, Kind};

/// Serves one link: pings, welcomes, then answers each message with `answers` of its payload.
fn serve(answer: fn(Head) -> Message) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let (stream, _) = listener.accept().await.expect("a link");
            let (_, mut link) = ServerBuilder::new()
                .accept(stream)
                .await
                .expect("a handshake");
            link.send(Message::ping(&b"there?"[..]))
                .await
                .expect("the link holds");
            while let Some(Ok(message)) = link.next().await {
                if message.is_binary() {
                    let head = Head::parse(message.as_payload()).expect("a head");
                    link.send(answer(head)).await.expect("the link holds");
                }
            }
        });
    });
    address
}

fn seat() -> [Seat; 1] {
    [Seat {
        user: 7,
        room_size: 2,
    }]
}

#[test]
fn a_client_logs_in_at_a_server_of_another_make_and_answers_its_ping() {
    let address = serve(|head| match head {
        Head {
            kind: Kind::Hello,
            user: 7,
            ..
        } => Message::binary(
            Head {
                kind: Kind::Welcome,
                ..head
            }
            .bytes()
            .to_vec(),
        ),
        _ => Message::binary(
            Head {
                kind: Kind::Accepted,
                ..head
            }
            .bytes()
            .to_vec(),
        ),
    });
    let mut fleet = Fleet::connect(address, Dialect::Relay, &seat()).expect("a login");

    fleet.say(0, |_, who, out| {
        out.extend_from_slice(
            &Head {
                kind: Kind::Send,
                user: who.seat.user,
                number: 3,
            }
            .bytes(),
        );
    });
    fleet.flush(0).expect("the link holds");

    fleet
        .hear_until(1, "answers", |heard| {
            *heard
                == Heard::Accepted {
                    number: 3,
                    position: 3,
                }
        })
        .expect("the message is accepted");
}

#[test]
fn the_end_of_a_link_names_the_user_and_the_reason() {
    use tokio_websockets::CloseCode;
    let address = serve(|_| Message::close(Some(CloseCode::POLICY_VIOLATION), "go away"));

    let Err(error) = Fleet::connect(address, Dialect::Relay, &seat()) else {
        panic!("the server closed the link");
    };

    assert_eq!(
        error.to_string(),
        "load-000007 in the login: closed with 1008 go away"
    );
}

#[test]
fn what_cannot_be_read_is_shown() {
    let address = serve(|_| Message::binary(&b"what is this"[..]));

    let Err(error) = Fleet::connect(address, Dialect::Relay, &seat()) else {
        panic!("the server talks nonsense");
    };

    assert!(
        error.to_string().contains("cannot read \"what is this\""),
        "{error}"
    );
}
